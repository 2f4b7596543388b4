import { expect, test } from 'vitest'
import { createServedRanges } from '../../src/transfer/served-ranges.ts'

/** Requests in order: where each began, and how much of it was given. */
function serve(sizeBytes: number, requests: readonly (readonly [start: number, bytes: number])[]): boolean {
  const ranges = createServedRanges(sizeBytes)
  for (const [start, bytes] of requests) ranges.begin(start).add(bytes)
  return ranges.reachedEnd()
}

test('nothing that was asked for is not the end', () => expect(serve(100, [])).toBe(false))
test('one request to the end is the end', () => expect(serve(100, [[0, 100]])).toBe(true))
test('one that was cut off is not', () => expect(serve(100, [[0, 99]])).toBe(false))
test('what the reader jumped over need not be given', () =>
  expect(
    serve(100, [
      [0, 10],
      [40, 60],
    ]),
  ).toBe(true))
test('an index at the end, given first, counts when the rest was read up to it', () =>
  expect(
    serve(100, [
      [0, 10],
      [80, 20],
      [5, 75],
    ]),
  ).toBe(true))
test('a last request that was cut off before the index is not the end', () =>
  expect(
    serve(100, [
      [0, 10],
      [80, 20],
      [5, 74],
    ]),
  ).toBe(false))
