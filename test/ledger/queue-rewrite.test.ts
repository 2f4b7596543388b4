import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mapConcurrently } from '../../src/core/map-concurrently.ts'
import { openQueueFile } from '../../src/ledger/queue-file.ts'
import { hastyClock } from './queue-folder.ts'
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

let folder: TemporaryFolder
beforeEach(() => {
  folder = makeTemporaryFolder()
})
afterEach(() => folder[Symbol.dispose]())

describe('A controller killed between any two calls', () => {
  /** More calls than locking, one rewrite and unlocking make. */
  const MOST_CALLS = 30

  test('leaves the old file or the new one, and nothing that the next one does not clear away', async () => {
    const before = '# tonight\n/a.mp4\r\n/b.mp4\n/c.mp4'
    const after = '# tonight\n/b.mp4\n'
    let doneAt = MOST_CALLS
    const ends = await mapConcurrently([...Array(MOST_CALLS).keys()], 4, async (index) => {
      if (index > doneAt) return []
      const place = join(folder.path, String(index))
      mkdirSync(place)
      const path = join(place, 'queue.txt')
      writeFileSync(path, before)
      const said = await drainAndDie(path, index + 1)
      const left = readFileSync(path, 'utf8')
      expect([before, after], `after call ${index}`).toContain(left)
      // A lock that was begun and not yet filled may be a living one's for some seconds.
      const clock = { ...hastyClock, now: () => Date.now() + 60_000 }
      const next = await openQueueFile(path, { cwd: folder.path, clock, pid: process.pid })
      for (const entry of next.entries.filter(({ path: name }) => name !== '/b.mp4')) expect(await next.remove(entry)).toBe(true)
      await next[Symbol.asyncDispose]()
      expect(readFileSync(path, 'utf8')).toBe(after)
      expect(readdirSync(place), `after call ${index}`).toEqual(['queue.txt'])
      if (said === 'done') doneAt = Math.min(doneAt, index)
      return [{ said, isOld: left === before }]
    })
    // Proof that it was killed on both sides of the rename, and that it was followed to its end.
    const killed = ends.flat().filter(({ said }) => said === '')
    expect(new Set(killed.map(({ isOld }) => isOld))).toEqual(new Set([true, false]))
    expect(doneAt).toBeLessThan(MOST_CALLS)
  })

  async function drainAndDie(path: string, killBefore: number): Promise<string> {
    const fixtures = join(import.meta.dirname, '../fixtures')
    const argv = ['--import', join(fixtures, 'inject-faults.ts'), join(fixtures, 'drain-queue.ts'), path, '/a.mp4', '/c.mp4']
    const env = { ...process.env, NODE_OPTIONS: '', FAULTS: JSON.stringify({ killBefore }) }
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk
    })
    await once(child, 'close')
    return said
  }
})
