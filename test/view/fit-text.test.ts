import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutText, fitText, fitTextRight, measureText } from '../../src/view/fit-text.ts'
import { toFileLabel, toLabel } from '../../src/view/to-label.ts'

describe('fitText', () => {
  it.each([
    ['a wide character that would be cut in half is left out', '映画映画', 4, 'end', '映… '],
    ['an emoji of several code points is kept or dropped whole', '👩‍👩‍👧x', 2, 'end', '… '],
    ['a combining mark stays with its letter', 'e\u0301e\u0301e\u0301', 2, 'end', 'e\u0301…'],
    ['both ends of a name are kept', 'Some.Film.S01E02.mkv', 12, 'middle', 'Some.F…2.mkv'],
    ['a short text is filled up', 'ab', 4, 'end', 'ab  '],
    ['nothing fits in nothing', 'ab', 0, 'end', ''],
  ] as const)('%s', (_, text, columns, position, expected) => {
    expect(fitText(text, columns, position)).toBe(expected)
  })

  it('is exactly as wide as asked for, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, columns) => {
        const label = toLabel(text)
        expect(measureText(fitText(label, columns, 'middle'))).toBe(columns)
        expect(measureText(fitTextRight(label, columns))).toBe(columns)
        expect(measureText(cutText(label, columns))).toBeLessThanOrEqual(columns)
      }),
    )
  })
})

describe('toFileLabel', () => {
  it.each([
    ['/tv/a film.mp4', 'a film.mp4'],
    ['/tv/back\\slash.mp4', 'back\\slash.mp4'],
    ['C:\\tv\\film.mp4', 'film.mp4'],
    ['/tv/evil\u001b[2J\n.mp4', 'evil\\e[2J\\n.mp4'],
    ['/tv/half \ud83c.mp4', 'half \ufffd.mp4'],
  ])('%j is shown as %j', (path, label) => {
    expect(toFileLabel(path)).toBe(label)
  })
})
