import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeOtherPrefixes } from './wine-prefix.ts'

const NAMES = [
  'wine-aaaaaaaaaaaa',
  'wine-bbbbbbbbbbbb',
  'wine-cccccccccccc',
  'wine-dddddddddddd',
  'wine-eeeeeeeeeeee.123',
  'something else',
] as const
const [TODAYS, RECENT, USED, , UNFINISHED, OTHER] = NAMES

test('what earlier versions of Windows programs had is removed, unless somebody uses it, or has just done so', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'encode-prefixes-'))
  const yesterday = new Date(Date.now() - 86_400_000)
  for (const name of NAMES) {
    await mkdir(join(cache, name, 'drive_c'), { recursive: true })
    if (name !== UNFINISHED) await writeFile(join(cache, name, 'ready'), '')
    if (name !== UNFINISHED && name !== RECENT) await utimes(join(cache, name, 'ready'), yesterday, yesterday)
    await utimes(join(cache, name), yesterday, yesterday)
  }
  const user = spawn('cat', { env: { PATH: '/usr/bin:/bin', WINEPREFIX: join(cache, USED) }, stdio: ['pipe', 'pipe', 'ignore'] })
  try {
    user.stdin.write('ready')
    await once(user.stdout, 'data')
    await removeOtherPrefixes(join(cache, TODAYS))
    expect((await readdir(cache)).sort()).toEqual([OTHER, TODAYS, RECENT, USED])
    user.stdin.end()
    await once(user, 'close')
    await removeOtherPrefixes(join(cache, TODAYS))
    expect((await readdir(cache)).sort()).toEqual([OTHER, TODAYS, RECENT])
  } finally {
    user.stdin.end()
    await rm(cache, { recursive: true })
  }
})
