import { describe, expect, it } from 'vitest'
import { toRegExp } from '../../src/core/python-regexp.ts'

describe('toRegExp', () => {
  it.each([
    ['Vikings|Expanse', '/tv/The Expanse/1.mkv', true],
    ['(?i)expanse', '/tv/EXPANSE/1.mkv', true],
    ['expanse', '/tv/EXPANSE/1.mkv', false],
    ['(?is)a.B', 'A\nb', true],
    ['a.b', 'a\nb', false],
    ['(?m)^b', 'a\nb', true],
    ['(?u)é', 'é', true],
    ['(?P<name>ab)(?P=name)', 'abab', true],
    ['(?P<name>ab)(?P=name)', 'abac', false],
    ['\\Aabc\\Z', 'abc', true],
    ['\\Aabc\\Z', 'abc\n', false],
    ['a(?#a comment)b', 'ab', true],
    ['^a{,2}$', 'aa', true],
    ['^a{,2}$', 'aaa', false],
    ['[]x]+$', 'x]', true],
    ['[^]]', ']', false],
    ['\\-\\ \\_', '- _', true],
    ['^.$', '🎬', true],
    ['^/media/[^/]+\\.mkv$', '/media/a.mkv', true],
    ['^(?!.*anime)', '/tv/anime/1.mkv', false],
    ['\\[(?P<', '[(?P<', undefined],
  ])('reads %j, searched in %j, as Python does: %s', (pattern, text, expected) => {
    if (expected === undefined) expect(() => toRegExp(pattern)).toThrow(SyntaxError)
    else expect(toRegExp(pattern).test(text)).toBe(expected)
  })

  it.each(['*a', '(a', 'a)', '[a', '(?x) a b', 'a{2,1}'])('throws a SyntaxError for %j', (pattern) => {
    expect(() => toRegExp(pattern)).toThrow(SyntaxError)
  })
})
