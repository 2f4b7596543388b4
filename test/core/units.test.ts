import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatBytes, formatMoment, parseBytes, parseRate, parseSeconds } from '../../src/core/units.ts'

describe('a size in words', () => {
  test.each([
    ['0', 0],
    ['4096', 4096],
    ['12B', 12],
    ['500MB', 500e6],
    ['2 gb', 2e9],
    ['256M', 256e6],
    ['1.5TB', 1.5e12],
    ['0.5 kB', 500],
  ])('"%s" is read as bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes)
  })

  test.each(['', 'MB', '-1', '1.5.5', '2GiB', '1e9', '2 G B', 'lots'])('"%s" is none', (text) => {
    expect(parseBytes(text)).toBeUndefined()
  })

  test('is read as it is written, to three digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), (bytes) => {
        expect(Math.abs((parseBytes(formatBytes(bytes)) ?? Number.NaN) - bytes)).toBeLessThanOrEqual(bytes * 0.006)
      }),
    )
  })
})

describe('a rate in words', () => {
  test.each([
    ['20M', 20e6],
    ['20MB', 20e6],
    ['20MB/s', 20e6],
    ['1.5 m', 1.5e6],
    ['1kbit', 125],
    ['64000bit/s', 8000],
    ['500k', 500e3],
    ['2G', 2e9],
    ['100Mbit', 12.5e6],
    ['100 Mbit/s', 12.5e6],
    ['1Gbps', 125e6],
    ['8000000', 8e6],
    ['0', 0],
    ['off', 0],
  ])('"%s" is read as bytes a second', (text, bytesPerSecond) => {
    expect(parseRate(text)).toBe(bytesPerSecond)
  })

  test.each(['', '20', '20/s', '20T', '20Mb', '20MBps', '-5M', 'M', '20M/m', '5 M B', 'fast'])('"%s" is none', (text) => {
    expect(parseRate(text)).toBeUndefined()
  })
})

describe('a time in words', () => {
  test.each([
    ['300', 300],
    ['90s', 90],
    ['5m', 300],
    ['1.5 h', 5400],
    ['0', 0],
    ['off', 0],
  ])('"%s" is read as seconds', (text, seconds) => {
    expect(parseSeconds(text)).toBe(seconds)
  })

  test.each(['', 'm', '-5m', '5 minutes', '1h30m', '1e3', '5 m s'])('"%s" is none', (text) => {
    expect(parseSeconds(text)).toBeUndefined()
  })
})

test('a moment is told by the clock on the wall', () => {
  expect(formatMoment(new Date(2026, 0, 2, 3, 4, 59).getTime())).toBe('2026-01-02 03:04')
})
