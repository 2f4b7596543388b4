import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findShadowedRules } from '../../src/config/find-shadowed-rules.ts'
import type { RuleCriterion, RuleDefinition } from '../../src/model/config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { judgeRule } from '../../src/profile/explain-rules.ts'

type Criteria = RuleDefinition['criteria']

function rule(name: string, criteria: Criteria): RuleDefinition {
  return { name, profile: 'any', criteria, place: { file: 'c.yml', line: 1, column: 1 } }
}

function isShadowed(earlier: Criteria, later: Criteria): boolean {
  return findShadowedRules([rule('earlier', earlier), rule('later', later)]).length > 0
}

describe('a rule can never match', () => {
  test.each<[string, Criteria, Criteria]>([
    ['behind one without criteria', [], [['vcodec', 'h264']]],
    ['behind one with the same criteria', [['vcodec', 'h264']], [['vcodec', 'h264']]],
    [
      'behind one that wants less',
      [['vcodec', 'h264']],
      [
        ['vcodec', 'h264'],
        ['fps', '25'],
      ],
    ],
    ['behind one that takes all codecs but another', [['vcodec', '!hevc']], [['vcodec', 'h264']]],
    ['in a narrower range', [['res_height', '480-1080']], [['res_height', '720-1080']]],
    ['in a range below a limit', [['res_height', '<1081']], [['res_height', '720-1080']]],
    ['below a lower limit', [['runtime', '<60']], [['runtime', '<45']]],
    ['where "at most" and "less than one more" are the same', [['fps', '<=30']], [['fps', '<31']]],
    ['where no fraction lies between', [['fps', '>29']], [['fps', '>29.5']]],
    ['at a number within a range', [['res_width', '1280-1920']], [['res_width', '1920']]],
    ['behind what is turned round and takes its range', [['fps', '!>30']], [['fps', '24-30']]],
    ['on both sides of what is left out', [['fps', '!29-31']], [['fps', '!25-50']]],
    [
      'in what several of its criteria leave of a range',
      [['runtime', '10-20']],
      [
        ['runtime', '>10'],
        ['runtime', '<20'],
      ],
    ],
    ['behind the same pattern with anything around it', [['path', '/anime/']], [['path', '.*/anime/.*']]],
    ['behind a shorter literal pattern', [['path', '/tv/']], [['path', '/media/tv/anime']]],
    ['behind a literal pattern of any case', [['path', '(?i)/TV/']], [['path', '/media/tv/']]],
    ['behind a pattern that every path has', [['path', '.*']], [['vcodec', 'h264']]],
  ])('%s', (_name, earlier, later) => {
    expect(isShadowed(earlier, later)).toBe(true)
  })

  test('and the first rule that is in its way is named', () => {
    const rules = [rule('a', [['fps', '25']]), rule('b', [['vcodec', 'h264']]), rule('c', []), rule('d', [['vcodec', 'h264']])]
    expect(findShadowedRules(rules).map(({ rule: { name }, by }) => [name, by.name])).toEqual([['d', 'b']])
  })
})

describe('a rule can match', () => {
  test.each<[string, Criteria, Criteria]>([
    [
      'where the earlier wants more',
      [
        ['vcodec', 'h264'],
        ['fps', '25'],
      ],
      [['vcodec', 'h264']],
    ],
    ['with another codec', [['vcodec', 'h264']], [['vcodec', 'hevc']]],
    ['with every codec but one', [['vcodec', '!hevc']], [['vcodec', '!h264']]],
    ['in a wider range', [['res_height', '720-1080']], [['res_height', '480-1080']]],
    ['at the end that the earlier leaves out', [['res_height', '<1080']], [['res_height', '720-1080']]],
    ['in seconds between two minutes', [['runtime', '<44']], [['runtime', '<44.5']]],
    ['in fractions of a size', [['filesize_mb', '>99']], [['filesize_mb', '>98.5']]],
    ['where the earlier needs a fact that nobody may know', [['fps', '>0']], []],
    ['with a pattern that is longer there', [['path', '/tv/anime/']], [['path', '/tv/']]],
    ['with a pattern whose marks are not understood', [['path', '/tv/s[0-9]']], [['path', '/tv/s1']]],
    ['where the earlier heeds case', [['path', '/TV/']], [['path', '(?i)/TV/']]],
    ['where a backslash makes the dot a dot', [['path', 'a\\.*']], [['path', 'a']]],
    ['before a rule that takes every file', [['vcodec', 'h264']], []],
  ])('%s', (_name, earlier, later) => {
    expect(isShadowed(earlier, later)).toBe(false)
  })
})

test('no file is ever taken by a rule that is said to be behind another, and not by that other', () => {
  const number = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(9.5, 0.1, 23.976, 29.97)).map(String)
  const value = fc
    .tuple(fc.constantFrom('', '!'), fc.constantFrom('', '<', '>', '<=', '>=', '-'), number, number)
    .map(([not, operator, a, b]) => (operator === '-' ? `${not}${a}-${b}` : `${not}${operator}${a}`))
  const numeric = fc.tuple(fc.constantFrom<RuleCriterion[]>('fps', 'runtime', 'filesize_mb', 'res_height'), value)
  const codec = fc.tuple(fc.constant<RuleCriterion>('vcodec'), fc.constantFrom('h264', '!h264', 'hevc', '!hevc'))
  const path = fc.tuple(
    fc.constant<RuleCriterion>('path'),
    fc.constantFrom('.*', '/a/', '.*/a/.*', '(?i)/A/b', '/a/b.*', '/c/$', 'a.b', '!/a/'),
  )
  const criteria = fc.array(fc.oneof(numeric, codec, path), { maxLength: 3 })
  const known = fc.option(fc.integer({ min: 0, max: 41 }), { nil: undefined })
  const media = fc
    .record({
      path: fc.constantFrom('/a/b', '/A/B/c', '/x/a/', '/c/', '/a'),
      mib: fc.oneof(fc.integer({ min: 0, max: 41 }), fc.double({ min: 0, max: 41, noNaN: true })),
      seconds: fc.integer({ min: 0, max: 41 * 60 }),
      codec: fc.constantFrom('h264', 'hevc', 'av1', undefined),
      fps: known,
      height: known,
    })
    .map(toMedia)
  let shadowed = 0
  fc.assert(
    fc.property(criteria, criteria, fc.array(media, { minLength: 20, maxLength: 20 }), (earlier, later, files) => {
      if (!isShadowed(earlier, later)) return
      shadowed += 1
      for (const file of files) {
        if (judgeRule(rule('later', later), file).isMatch) expect(judgeRule(rule('earlier', earlier), file).isMatch).toBe(true)
      }
    }),
    { numRuns: 5000 },
  )
  expect(shadowed).toBeGreaterThan(100)
})

function toMedia(facts: {
  readonly path: string
  readonly mib: number
  readonly seconds: number
  readonly codec: string | undefined
  readonly fps: number | undefined
  readonly height: number | undefined
}): MediaInfo {
  const { path, mib, seconds, codec, fps, height } = facts
  const video = {
    index: 0,
    kind: 'video' as const,
    codec: codec ?? '',
    language: 'und',
    isDefault: true,
    isAttachedPicture: false,
    ...(fps === undefined ? {} : { fps: fps + 0.5 }),
    ...(height === undefined ? {} : { height }),
  }
  return {
    path,
    sizeBytes: Math.round(mib * 1_048_576),
    mtimeMs: 0,
    container: 'matroska',
    durationSeconds: seconds,
    streams: codec === undefined ? [] : [video],
  }
}
