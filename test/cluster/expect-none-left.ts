import { expect } from 'vitest'
import { waitUntil } from '../wait-until.ts'

/** Waits until nothing is found any more: no process, no file; fails with what is left. */
export async function expectNoneLeft(find: () => Promise<readonly string[]>): Promise<void> {
  let left: readonly string[] = []
  await waitUntil(
    async () => {
      left = await find()
      return left.length === 0
    },
    { what: 'nothing is left', timeoutMs: 30_000 },
  ).catch(() => {})
  expect(left).toEqual([])
}
