import { describe, expect, test } from 'vitest'
import { parseChoice, toCandidates } from '../../src/cli/choose-candidates.ts'

describe('an answer to "which of these"', () => {
  const offered = ['nas', 'box', '7', 'mac']

  test.each([
    ['1', ['nas']],
    ['1 4', ['nas', 'mac']],
    ['2-4,1', ['box', '7', 'mac', 'nas']],
    ['1, 1-2', ['nas', 'box']],
    ['all', offered],
    ['mac other@gate:2222', ['mac', 'other@gate:2222']],
    ['7', ['7']],
    ['', []],
  ])('"%s" takes %j', (answer, chosen) => {
    expect(parseChoice(answer, offered)).toEqual(chosen)
  })

  test.each(['0', '5', '1-9', '3-2'])('"%s" is asked again', (answer) => {
    expect(parseChoice(answer, offered)).toBeUndefined()
  })
})

describe('hosts by the words that one gives to ssh', () => {
  test.each([
    ['nas', { name: 'nas', user: undefined, port: undefined, type: 'streaming' }],
    ['ann@nas:2222', { name: 'nas', user: 'ann', port: 2222 }],
    ['fe80::1', { name: 'fe80::1', port: undefined }],
    ['root@[fe80::1]:22', { name: 'fe80::1', user: 'root', port: 22 }],
    ['local', { name: 'local', type: 'local' }],
  ])('%s', (word, parts) => {
    expect(toCandidates([word])).toMatchObject([parts])
  })

  test('one that is named twice is taken once, two users of one machine are two', () => {
    expect(toCandidates(['nas', 'ann@nas', 'nas'])).toMatchObject([
      { name: 'nas', address: undefined },
      { name: 'ann@nas', address: 'nas', user: 'ann' },
    ])
  })

  test.each(['', '-v', 'a b', '-l@nas', 'nas:', '@'])('"%s" is none', (word) => {
    expect(() => toCandidates([word])).toThrow('is no host')
  })
})
