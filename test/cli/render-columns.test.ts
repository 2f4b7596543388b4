import { describe, expect, test } from 'vitest'
import { renderNoted, renderTable } from '../../src/cli/render-columns.ts'

const plain = (note: string) => note

describe('notes stand in a column', () => {
  test('behind the widest text', () => {
    expect(renderNoted([{ text: 'a', note: 'one' }, { text: 'long' }, { text: 'bcd', note: 'two' }], 80, plain)).toEqual([
      'a    one',
      'long',
      'bcd  two',
    ])
  })

  test('behind a text that is too long for the column, where the line has room', () => {
    const text = 'x'.repeat(50)
    expect(
      renderNoted(
        [
          { text: 'a', note: 'one' },
          { text, note: 'two' },
        ],
        80,
        plain,
      ),
    ).toEqual([`${'a'.padEnd(40)}one`, `${text}  two`])
  })

  test('on a line of their own where it has none', () => {
    const text = 'x'.repeat(78)
    expect(renderNoted([{ text, note: 'two' }], 80, plain)).toEqual([text, `${' '.repeat(40)}two`])
  })

  test('further left on a narrow screen', () => {
    const lines = renderNoted(
      [
        { text: 'x'.repeat(15), note: 'n'.repeat(12) },
        { text: 'y', note: 'm' },
      ],
      30,
      plain,
    )
    expect(lines).toEqual([`${'x'.repeat(15)}  ${'n'.repeat(12)}`, `${'y'.padEnd(17)}m`])
  })

  test('and no line is wider than the screen, as long as words are not', () => {
    const words = Array.from({ length: 30 }, (_, index) => 'w'.repeat((index % 9) + 1)).join(' ')
    for (const columns of [30, 60, 80]) {
      for (const line of renderNoted([{ text: `  ${words}`, note: 'a note' }], columns, plain))
        expect(line.length).toBeLessThanOrEqual(columns)
    }
  })
})

describe('tables', () => {
  test('wrap the last column in itself', () => {
    expect(renderTable([['ab', 'c', 'one two three']], 14, 2)).toEqual(['  ab  c  one', '         two', '         three'])
  })

  test('leave out columns in which nothing stands, and count wide characters as two', () => {
    expect(
      renderTable(
        [
          ['映画', '', 'x'],
          ['a', '', 'y'],
        ],
        80,
        0,
      ),
    ).toEqual(['映画  x', 'a     y'])
  })
})
