/** Whether this process holds up what passes through it. */

import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { untilBusy } from '../../../src/host/ssh/busy-process.ts'

test('a process that does nothing but work is busy', async () => {
  const over = new AbortController()
  const busy = untilBusy(0.5, over.signal)
  let isTold = false
  busy.then(() => {
    isTold = true
  })
  const work = async (): Promise<void> => {
    while (!isTold) {
      const until = performance.now() + 20
      while (performance.now() < until);
      await tick()
    }
  }
  await Promise.all([work(), busy])
  expect(await busy).toBe(true)
})

test('a process that waits for others is not, for as long as anybody wants to know', async () => {
  const over = new AbortController()
  const busy = untilBusy(0.9, over.signal)
  let isTold = false
  busy.then(() => {
    isTold = true
  })
  await sleep(350)
  expect(isTold).toBe(false)
  over.abort()
  expect(await busy).toBe(false)
})
