import { expect, test } from 'vitest'
import { settlesWithin } from '../../src/core/settles-within.ts'

test('a promise that is settled in time is one, fulfilled or rejected', async () => {
  expect(await settlesWithin(Promise.resolve('value'), 60_000)).toBe(true)
  expect(await settlesWithin(Promise.reject(new Error('no')), 60_000)).toBe(true)
  expect(await settlesWithin(undefined, 60_000)).toBe(true)
})

test('one that takes longer is not waited for', async () => {
  expect(await settlesWithin(new Promise(() => {}), 1)).toBe(false)
})

test('the timer is gone when the wait is over', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  await settlesWithin(Promise.resolve(), 60_000)
  expect(timers()).toBe(before)
})
