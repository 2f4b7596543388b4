import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { appendFile, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { watchConfig } from '../../../src/run/hosts/watch-config.ts'

const WAIT = { timeout: 60_000, interval: 20 }

let folder: string
let file: string
let told: string[]
let demand: () => void
let ending: AbortController

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-watch-'))
  file = join(folder, 'config.yml')
  told = []
  ending = new AbortController()
})

afterEach(() => rm(folder, { recursive: true }))

describe('a configuration file that is watched', () => {
  test('is read at the beginning, and again when another one takes its place', async () => {
    await writeFile(file, withFfmpeg('/one'))
    const watching = watch()
    await expect.poll(() => told, WAIT).toEqual(['/one'])
    await writeFile(`${file}.new`, withFfmpeg('/two'))
    await rename(`${file}.new`, file)
    await expect.poll(() => told, WAIT).toEqual(['/one', '/two'])
    await end(watching)
  })

  test('is told once while it is wrong, and read when it is mended', async () => {
    await writeFile(file, withFfmpeg('/one'))
    const watching = watch()
    await expect.poll(() => told, WAIT).toEqual(['/one'])
    await writeFile(file, 'config: {ffmpeg: [}')
    await expect.poll(() => told, WAIT).toEqual(['/one', expect.stringMatching(/^invalid: \S+config\.yml:1:\d+: [^\n]+$/)])
    await writeFile(file, withFfmpeg('/two'))
    await expect.poll(() => told, WAIT).toEqual(['/one', expect.any(String), '/two'])
    await end(watching)
  })

  test('that is missing for a while is said to be, and read when it is back', async () => {
    await writeFile(file, withFfmpeg('/one'))
    const watching = watch()
    await expect.poll(() => told, WAIT).toEqual(['/one'])
    await rm(file)
    await expect.poll(() => told, WAIT).toEqual(['/one', expect.stringContaining('ENOENT')])
    await writeFile(file, withFfmpeg('/two'))
    await expect.poll(() => told, WAIT).toEqual(['/one', expect.any(String), '/two'])
    await end(watching)
  })

  test('is found through a symbolic link that is set to another file', async () => {
    await writeFile(join(folder, 'a.yml'), withFfmpeg('/one'))
    await writeFile(join(folder, 'b.yml'), withFfmpeg('/two'))
    await symlink('a.yml', file)
    const watching = watch()
    await expect.poll(() => told, WAIT).toEqual(['/one'])
    await symlink('b.yml', `${file}.new`)
    await rename(`${file}.new`, file)
    await expect.poll(() => told, WAIT).toEqual(['/one', '/two'])
    await end(watching)
  })

  test('is not read while it is being written', async () => {
    await writeFile(file, withFfmpeg('/one'))
    const watching = watch()
    await expect.poll(() => told, WAIT).toEqual(['/one'])
    await writeFile(file, 'config:\n')
    for (let part = 0; part < 20; part += 1) {
      await appendFile(file, `  # ${part}\n`)
      await systemClock.sleep(20)
    }
    await appendFile(file, '  ffmpeg: /two\n')
    await expect.poll(() => told, WAIT).toEqual(['/one', '/two'])
    await end(watching)
  })

  test('is read on demand though nothing has changed', async () => {
    await writeFile(file, withFfmpeg('/one'))
    const watching = watch(60_000)
    await expect.poll(() => told, WAIT).toEqual(['/one'])
    demand()
    await expect.poll(() => told, WAIT).toEqual(['/one', '/one on demand'])
    await end(watching)
  })

  test('is left alone where it can be read only once', async () => {
    await promisify(execFile)('mkfifo', [file])
    await watch()
    expect(told).toEqual([])
  })
})

function watch(lookEveryMs = 20): Promise<void> {
  return watchConfig({
    source: {
      file,
      load: async () => parseConfig(readFileSync(file, 'utf8'), file, []),
      onDemand(listener) {
        demand = listener
        return { [Symbol.dispose]() {} }
      },
    },
    clock: systemClock,
    signal: ending.signal,
    onRead: ({ ffmpeg }, isOnDemand) => told.push(`${ffmpeg}${isOnDemand ? ' on demand' : ''}`),
    onInvalid: (reason) => told.push(`invalid: ${reason}`),
    lookEveryMs,
  })
}

async function end(watching: Promise<void>): Promise<void> {
  ending.abort()
  await watching
}

function withFfmpeg(path: string): string {
  return `config:\n  ffmpeg: ${path}\n`
}
