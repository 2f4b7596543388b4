import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { holdLifeLock } from '../../src/ledger/life-lock.ts'
import { describeProcess, findLiveness, identifyProcess, isAlive, parseProcessIdentity } from '../../src/ledger/process-identity.ts'
import { startFixture } from './child.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const self = identifyProcess(process.pid)

describe('A process', () => {
  test('is alive while it runs, and dead once it was killed', async () => {
    using folder = makeTemporaryFolder()
    await using child = startFixture('hold-lock', `${folder.path}/lock`)
    await child.nextLine()
    const identity = identifyProcess(child.pid)
    expect(findLiveness(identity)).toBe('alive')
    await child.kill()
    expect(findLiveness(identity)).toBe('dead')
  })

  test('that was killed and not yet reaped by its parent is dead', async () => {
    // The shell starts a sleep, tells its number, and becomes a program that never asks after its children.
    const shell = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(shell, 'close')
    try {
      const [line] = (await once(shell.stdout, 'data')) as [Buffer]
      const orphan = Number(String(line))
      const identity = identifyProcess(orphan)
      expect(findLiveness(identity)).toBe('alive')
      // Killed any earlier, it would still have a shell for a parent, which reaps.
      await expect.poll(() => readFileSync(`/proc/${shell.pid}/comm`, 'utf8')).toBe('sleep\n')
      process.kill(orphan, 'SIGKILL')
      await expect.poll(() => findLiveness(identity)).toBe('dead')
      // Still there as an entry of the process table, which is the point.
      expect(() => process.kill(orphan, 0)).not.toThrow()
    } finally {
      shell.kill('SIGKILL')
      await closed
    }
  })

  test('is dead when its number was given to another one', () => {
    expect(findLiveness({ ...self, startedAt: String(Number(self.startedAt) - 1) })).toBe('dead')
  })

  test('is dead when the machine was booted since', () => {
    expect(findLiveness({ ...self, bootId: '00000000-0000-0000-0000-000000000000' })).toBe('dead')
  })

  test('of another machine or another container is not taken for dead', () => {
    const elsewhere = { ...self, machine: 'another-machine', bootId: '00000000-0000-0000-0000-000000000000' }
    expect(findLiveness(elsewhere)).toBe('unknown')
    expect(findLiveness({ ...self, pidNamespace: 'pid:[1]' })).toBe('unknown')
    expect(isAlive(elsewhere)).toBe(true)
    expect(describeProcess(elsewhere)).toBe(`process ${self.pid} on "another-machine"`)
  })

  test('whose start nobody can tell may be another one by now: its lock decides', () => {
    using folder = makeTemporaryFolder()
    const { path: lifeLock } = holdLifeLock(folder.path, undefined) ?? {}
    const untold = { ...self, startedAt: '' }
    expect(findLiveness(untold)).toBe('unknown')
    expect(findLiveness({ ...untold, lifeLock })).toBe('alive')
    expect(findLiveness({ ...untold, lifeLock: `${folder.path}/given-up.lock` })).toBe('dead')
  })

  test('keeps its identity through JSON, and what is none is refused', () => {
    expect(parseProcessIdentity(JSON.parse(JSON.stringify(self)))).toEqual(self)
    for (const value of [null, 7, [], {}, { ...self, pid: -1 }, { ...self, pid: '7' }, { ...self, machine: undefined }]) {
      expect(parseProcessIdentity(value)).toBeUndefined()
    }
  })
})
