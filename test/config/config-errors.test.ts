/** Each `test/cases/config/errors/NAME.yml` is refused with the report that stands in `NAME.txt`, to the last column. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { EncodeError, isEncodeError } from '../../src/core/errors.ts'

const folder = new URL('../cases/config/errors/', import.meta.url)
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length))

describe('a configuration file with mistakes', () => {
  it.each(names)('is refused with all of them, place and caret exact: %s', (name) => {
    const expected = readFileSync(new URL(`${name}.txt`, folder), 'utf8').trimEnd()
    const error = refusalOf(name)
    expect(error.message).toBe(expected)
    expect(error.code).toBe('CONFIG_INVALID')
  })

  it.each(names)('has each caret beneath what the line and column name: %s', (name) => {
    const written = readFileSync(new URL(`${name}.yml`, folder), 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
    const blocks = refusalOf(name).message.split('\n')
    expect(blocks.length % 3).toBe(0)
    for (let index = 0; index < blocks.length; index += 3) {
      const [, line, column] = /^[\w-]+\.yml:(\d+):(\d+): \S/.exec(blocks[index] ?? '') ?? []
      const source = written[Number(line) - 1] ?? ''
      expect(blocks[index + 2]).toMatch(/^ *\^$/)
      // Where nothing of the line has to be made visible or is cut, the caret's own column is the column.
      if (/^[ -~]*$/.test(source) && source.length <= 160) {
        expect(blocks[index + 1]).toBe(source)
        expect(blocks[index + 2]?.length).toBe(Number(column))
      }
    }
  })

  it('never lets a control character through', () => {
    const text = 'config:\n  "\\e]0;title\\a": 1 # \u001b[2J\u0007\n'
    const message = refusalOfText(text).message
    expect(message).toContain('1 # \\e[2J\\u0007')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(message.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  })

  it('is not loaded with references to profiles that a break in the YAML may hide', () => {
    const message = refusalOfText('rules:\n  a: {profile: hevc}\nprofiles:\n  hevc: {extension: .mkv\n').message
    expect(message).not.toContain('does not exist')
    expect(message.split('\n')).toHaveLength(3)
  })

  it('ends with an answer when anchors multiply without end', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `  a${level + 1}: &a${level + 1} [${'*a0, '.replace('0', String(level)).repeat(9)}]`,
    )
    expect(refusalOfText(['x:', '  a0: &a0 [1]', ...levels].join('\n')).message).toContain('Anchors multiply the file')
  })
})

function refusalOf(name: string): EncodeError {
  return refusalOfText(readFileSync(new URL(`${name}.yml`, folder), 'utf8'), `${name}.yml`)
}

function refusalOfText(text: string, file = 'config.yml'): EncodeError {
  try {
    parseConfig(text, file, [])
  } catch (error) {
    if (isEncodeError(error)) return error
    throw error
  }
  throw new EncodeError('USAGE_INVALID', `${file} was not refused`)
}
