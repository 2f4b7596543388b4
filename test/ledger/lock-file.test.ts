import { createHash } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { lockFile } from '../../src/ledger/lock-file.ts'
import { identifyProcess } from '../../src/ledger/process-identity.ts'
import { startFixture } from './child.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const self = identifyProcess(process.pid)

describe('A lock file', () => {
  test('tells the second who has it since when, and is gone when it is given up', async () => {
    using folder = makeTemporaryFolder()
    const path = `${folder.path}/lock`
    const first = await lockFile(path, self, 1_700_000_000_000)
    if (!('lock' in first)) throw new Error('Refused a lock that nobody had')
    const second = await lockFile(path, self, Date.now())
    expect(second).toEqual({ holder: { process: self, sinceMs: 1_700_000_000_000, liveness: 'alive' } })
    await first.lock[Symbol.asyncDispose]()
    expect(readdirSync(folder.path)).toEqual([])
  })

  test.each(['EPERM', 'EXDEV', 'EACCES'])('is had on a filesystem that says %s to hard links', async (code) => {
    using folder = makeTemporaryFolder()
    const fixtures = join(import.meta.dirname, '../fixtures')
    const argv = ['--import', join(fixtures, 'inject-faults.ts'), join(fixtures, 'hold-lock.ts'), `${folder.path}/lock`]
    const owner = execa(process.execPath, argv, { env: { FAULTS: JSON.stringify({ fail: { link: code } }) } })
    for await (const line of owner) {
      expect([line, readdirSync(folder.path)]).toEqual(['locked', ['lock']])
      owner.stdin.end()
    }
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('dies with its owner', async () => {
    using folder = makeTemporaryFolder()
    const path = `${folder.path}/lock`
    await using owner = startFixture('hold-lock', path)
    expect(await owner.nextLine()).toBe('locked')
    expect(await lockFile(path, self, Date.now())).toMatchObject({ holder: { process: { pid: owner.pid } } })
    await owner.kill()
    expect(existsSync(path)).toBe(true)
    const result = await lockFile(path, self, Date.now())
    expect(result).toHaveProperty('lock')
    expect(readdirSync(folder.path)).toEqual(['lock'])
  })

  test('of a dead owner goes to exactly one of many who want it at once', async () => {
    using folder = makeTemporaryFolder()
    for (let round = 0; round < 3; round += 1) {
      const path = `${folder.path}/lock-${round}`
      const dead = JSON.stringify({ ...self, startedAt: '1', sinceMs: 1, nonce: 'dead' })
      writeFileSync(path, dead)
      const children = Array.from({ length: 6 }, () => startFixture('hold-lock', path))
      try {
        const lines = await Promise.all(children.map((child) => child.nextLine()))
        expect(lines.filter((line) => line === 'locked')).toHaveLength(1)
        expect(lines.filter((line) => line?.startsWith('held by ') === true)).toHaveLength(5)
      } finally {
        await Promise.all(children.map((child) => child.end()))
      }
      expect(readdirSync(folder.path)).toEqual([])
    }
  })

  test('goes to exactly one of many within one process, again and again', async () => {
    using folder = makeTemporaryFolder()
    for (let round = 0; round < 50; round += 1) {
      const path = `${folder.path}/lock`
      writeFileSync(path, JSON.stringify({ ...self, startedAt: '1', sinceMs: 1, nonce: `dead-${round}` }))
      const results = await Promise.all(Array.from({ length: 8 }, () => lockFile(path, self, Date.now())))
      const locks = results.flatMap((result) => ('lock' in result ? [result.lock] : []))
      expect(locks).toHaveLength(1)
      await locks[0]?.[Symbol.asyncDispose]()
      expect(readdirSync(folder.path)).toEqual([])
    }
  })

  test('is taken over although the one who was about to take it over died, too', async () => {
    using folder = makeTemporaryFolder()
    const path = `${folder.path}/lock`
    const dead = JSON.stringify({ ...self, startedAt: '1', sinceMs: 1, nonce: 'dead' })
    writeFileSync(path, dead)
    // The name under which a take-over of these very bytes is held.
    const guard = `${path}.${createHash('sha256').update(dead).digest('hex').slice(0, 8)}`
    writeFileSync(guard, JSON.stringify({ ...self, startedAt: '2', sinceMs: 1, nonce: 'dead, too' }))
    expect(await lockFile(path, self, Date.now())).toHaveProperty('lock')
    expect(readdirSync(folder.path)).toEqual(['lock'])
  })

  test('that cannot be read is held for taken, but for one that never got its content', async () => {
    using folder = makeTemporaryFolder()
    const path = `${folder.path}/lock`
    writeFileSync(path, 'not JSON')
    expect(await lockFile(path, self, Date.now())).toEqual({ holder: { process: undefined, sinceMs: undefined, liveness: 'unknown' } })
    writeFileSync(path, '')
    expect(await lockFile(path, self, Date.now())).toHaveProperty('holder')
    expect(await lockFile(path, self, Date.now() + 60_000)).toHaveProperty('lock')
  })

  test('that a person removed and somebody else took is not removed by its first owner', async () => {
    using folder = makeTemporaryFolder()
    const path = `${folder.path}/lock`
    const first = await lockFile(path, self, 1)
    writeFileSync(path, 'taken by another')
    if ('lock' in first) await first.lock[Symbol.asyncDispose]()
    expect(existsSync(path)).toBe(true)
  })
})
