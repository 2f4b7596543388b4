import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { holdLifeLock, isLifeLockHeld } from '../../src/ledger/life-lock.ts'
import { findLiveness, identifyProcess } from '../../src/ledger/process-identity.ts'
import { startFixture } from './child.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

/** As it is read by somebody who cannot ask its kernel: another machine, or this one after it was set up anew. */
const STRANGER = { ...identifyProcess(process.pid), machine: 'elsewhere', bootId: 'another boot' }

test('a process that nobody here can ask about lives as long as its lock is held, and is dead when it was killed', async () => {
  using folder = makeTemporaryFolder()
  await using child = startFixture('hold-life', folder.path)
  const lifeLock = await child.nextLine()
  expect(findLiveness(STRANGER)).toBe('unknown')
  expect(findLiveness({ ...STRANGER, lifeLock })).toBe('alive')
  // Asking must not take it away.
  expect(findLiveness({ ...STRANGER, lifeLock })).toBe('alive')
  await child.kill()
  expect(existsSync(lifeLock ?? '')).toBe(true)
  expect(findLiveness({ ...STRANGER, lifeLock })).toBe('dead')
})

test('a lock that was given up, or that a person removed, is held by nobody; where its folder is not seen it cannot be told', async () => {
  using folder = makeTemporaryFolder()
  await using child = startFixture('hold-life', folder.path)
  const lifeLock = (await child.nextLine()) ?? ''
  rmSync(lifeLock)
  expect(findLiveness({ ...STRANGER, lifeLock })).toBe('dead')
  expect(findLiveness({ ...STRANGER, lifeLock: join(folder.path, 'not-mounted-here', 'alive.lock') })).toBe('unknown')
  const own = holdLifeLock(folder.path, process)
  expect(own && isLifeLockHeld(own.path)).toBe(true)
  own?.[Symbol.dispose]()
  expect(await child.end()).toBe(0)
  expect(readdirSync(folder.path)).toEqual([])
})
