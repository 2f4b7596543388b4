import { describe, expect, it } from 'vitest'
import { nearest } from '../../src/core/nearest.ts'

const OPTIONS = ['cluster', 'host', 'profile', 'template', 'output', 'overwrite', 'keep-source', 'dry-run', 'config', 'json', 'plain']

describe('nearest', () => {
  it.each([
    ['clsuter', 'cluster', 'two letters swapped'],
    ['hots', 'host', 'a swap counts as one slip'],
    ['porfile', 'profile', 'a swap at the beginning'],
    ['overwrit', 'overwrite', 'a letter left out'],
    ['dryrun', 'dry-run', 'a dash left out'],
    ['keep_source', 'keep-source', 'another letter'],
    ['JSON', 'json', 'another case'],
    ['temp', 'template', 'a beginning that only one name has'],
    ['jsn', 'json', 'a short word with one slip'],
  ])('takes %s for %s: %s', (word, expected) => {
    expect(nearest(word, OPTIONS)).toBe(expected)
  })

  it.each([
    ['xyz', 'nothing is like it'],
    ['ov', 'two letters are too few to go by'],
    ['h', 'so is one'],
    ['', 'so is none'],
    ['jaxm', 'two slips are too many for four letters'],
  ])('takes %j for nothing: %s', (word) => {
    expect(nearest(word, OPTIONS)).toBeUndefined()
  })

  it('takes the first of two that are as near', () => {
    expect(nearest('bat', ['cat', 'hat'])).toBe('cat')
  })

  it('prefers fewer slips to an earlier place', () => {
    expect(nearest('threshold_chek', ['threshold', 'threshold_cheque', 'threshold_check'])).toBe('threshold_check')
  })

  it('does not choose between several names that begin with the word', () => {
    expect(nearest('path', ['path-one-and-only', 'path-two-and-only'])).toBeUndefined()
  })

  it('has no answer without candidates', () => {
    expect(nearest('profile', [])).toBeUndefined()
  })
})
