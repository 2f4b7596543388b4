import { describe, expect, test } from 'vitest'
import { decodeAnswer } from '../../../src/host/windows/ask-plainly.ts'
import { parseLoad, parseSystem } from '../../../src/host/windows/windows-system.ts'

/** As wmic of Windows 10 writes it to a pipe. */
const LIST = Buffer.from(
  '\ufeff\r\r\n\r\r\nLocalDateTime=20261121214718.423000+060\r\r\nTotalVisibleMemorySize=16621312\r\r\n\r\r\n',
  'utf16le',
)
const TABLE = 'LocalDateTime              TotalVisibleMemorySize  \r\n20261121151718.423000-330  16621312                \r\n'

describe('memory and clock of a Windows host', () => {
  test.each([
    ['PowerShell', 'time=1795294038423 memory=17020223488'],
    ['wmic', decodeAnswer(LIST)],
    ['a wmic that makes a table, in a time zone behind', TABLE],
  ])('are read from %s', (_, answer) => {
    expect(parseSystem(answer)).toEqual({
      epochSeconds: Date.UTC(2026, 10, 21, 20, 47, 18, 423) / 1000,
      memoryBytes: expect.toSatisfy((bytes: number) => Math.abs(bytes - 17_020_223_488) < 2048),
    })
  })

  test.each([
    '',
    "'wmic' is not recognized as an internal or external command",
    'ERROR:\r\nDescription = Access denied',
    'time=x memory=y',
  ])('are unknown where the answer is %j', (answer) => {
    expect(parseSystem(answer)).toEqual({ epochSeconds: undefined, memoryBytes: undefined })
  })

  test('may be known one without the other', () => {
    expect(parseSystem('time=1795294038423 memory=0')).toEqual({ epochSeconds: 1_795_294_038.423, memoryBytes: undefined })
  })
})

describe('the load of a Windows host', () => {
  test.each([
    ['12 ', 0.12],
    ['100 50 ', 0.75],
    ['LoadPercentage=7\r\r\n\r\r\n', 0.07],
    ['LoadPercentage  \r\n0               \r\n', 0],
    ['', undefined],
    ['No Instance(s) Available.', undefined],
  ])('is read from %j', (answer, ratio) => {
    expect(parseLoad(answer)).toBe(ratio)
  })
})
