import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { carryArguments, DECODE_ARGUMENTS, quoteWord } from '../../../src/host/shell/quote-posix.ts'
import { NASTY_ARGUMENTS } from '../../contract/nasty-names.ts'

/** Login shells read the line after `-c`, inner shells decode what could not stand there. */
const SHELLS: readonly (readonly string[])[] = [
  ['/bin/bash'],
  ['/usr/bin/dash'],
  ['/usr/bin/zsh'],
  ['/usr/bin/fish', '--no-config'],
  ['/usr/bin/ksh'],
  ['/usr/bin/mksh'],
  ['/usr/bin/tcsh', '-f'],
  ['/usr/bin/busybox', 'sh'],
]
const INNER = SHELLS.filter(([path = '']) => !/fish|tcsh/.test(path))
const WORDS = 10_000
const WORDS_A_LINE = 500

/** Rich in what shells find special. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...`'"\\!$\`*?[]{}()<>|&;#~^%=@ \t-azAZ09:,./`), maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom(...NASTY_ARGUMENTS),
)
const carried = word.filter((text) => text.isWellFormed() && !/[\0\n\r]/.test(text))
const anyWord = fc
  .oneof(word, fc.constantFrom('\n', 'a\n', '\r\n', '\\\n', '\\n\n', '.\n'))
  .filter((text) => text.isWellFormed() && !text.includes('\0'))

describe('quoteWord', () => {
  test.each(SHELLS.filter(([path = '']) => existsSync(path)))('makes words that %s reads as they are', (path, ...flags) => {
    const words = fc.sample(carried, { numRuns: WORDS, seed: 42 })
    for (let at = 0; at < words.length; at += WORDS_A_LINE) {
      const some = words.slice(at, at + WORDS_A_LINE)
      const line = ['exec', '/usr/bin/printf', ...['%s\\0', ...some].map(quoteWord)].join(' ')
      expect(readBack(path, [...flags, '-c', line])).toEqual(some)
    }
  })

  test('refuses what no command line can carry', () => {
    for (const text of ['a\0b', 'a\nb', 'a\rb', '\ud800']) {
      expect(() => quoteWord(text)).toThrow(expect.toSatisfy((error: unknown) => isEncodeError(error, 'NAME_NOT_CARRIED')))
    }
  })
})

describe('carryArguments', () => {
  test('leaves arguments alone that hold no line end', () => {
    expect(carryArguments(NASTY_ARGUMENTS)).toEqual({ words: NASTY_ARGUMENTS, isEncoded: false })
  })

  test.each(INNER.filter(([path = '']) => existsSync(path)))('escapes line ends so that %s gets them back', (path, ...flags) => {
    const words = [...fc.sample(anyWord, { numRuns: 150, seed: 7 }), 'end\n']
    const { words: escaped, isEncoded } = carryArguments(words)
    expect(isEncoded).toBe(true)
    expect(escaped.join('')).not.toMatch(/[\n\r]/)
    const script = `${DECODE_ARGUMENTS} printf '%s\\0' "$@"`
    expect(readBack(path, [...flags, '-c', script, 'sh', ...escaped])).toEqual(words)
  })
})

function readBack(program: string, args: readonly string[]): readonly string[] {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', LC_ALL: 'C' }
  return execFileSync(program, args, { encoding: 'utf8', env }).split('\0').slice(0, -1)
}
