import { afterEach, beforeEach, expect, test } from 'vitest'
import { type SignalWatch, watchSignals } from '../../src/cli/signals.ts'
import { Interruption } from '../../src/run/run-request.ts'

/** What Node makes of the events of a Windows console, told to this process as Node would. */
let watch: SignalWatch
let reloads = 0

beforeEach(() => {
  reloads = 0
  watch = watchSignals({ platform: 'win32', onFirst: () => {}, beforeExit: () => {}, onReload: () => (reloads += 1) })
})

afterEach(() => watch[Symbol.dispose]())

test.each([
  ['SIGBREAK', 'Ctrl-Break', 130],
  ['SIGINT', 'Ctrl-C', 130],
  ['SIGHUP', 'the closing of the console', 129],
] as const)('%s, which is %s, ends the run with status %i', (name, _, status) => {
  process.emit(name)
  expect(watch.signal.reason).toBeInstanceOf(Interruption)
  expect(watch.signal.reason).toMatchObject({ exitStatus: status })
  expect(reloads).toBe(0)
})
