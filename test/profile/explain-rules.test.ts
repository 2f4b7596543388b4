import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../src/core/errors.ts'
import type { Config, RuleCriterion, RuleDefinition } from '../../src/model/config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { describeCriterion, explainRules, judgeRule } from '../../src/profile/explain-rules.ts'

const FILM: MediaInfo = {
  path: '/tv/film.mkv',
  sizeBytes: 100 * 1_048_576,
  mtimeMs: 0,
  container: 'matroska,webm',
  durationSeconds: 45 * 60 + 30.9,
  streams: [
    {
      index: 0,
      kind: 'video',
      codec: 'h264',
      language: 'und',
      isDefault: true,
      isAttachedPicture: false,
      width: 1280,
      height: 720,
      fps: 24000 / 1001,
    },
  ],
}

function rule(name: string, ...criteria: readonly (readonly [RuleCriterion, string])[]): RuleDefinition {
  return { name, profile: 'any', criteria, place: { file: 'c.yml', line: 3, column: 5 } }
}

describe('numbers', () => {
  test.each([
    ['filesize_mb', '<=100', true],
    ['filesize_mb', '<100', false],
    ['filesize_mb', '>=100', true],
    ['filesize_mb', '>100', false],
    ['filesize_mb', '!>=100', false],
    ['runtime', '45.5-46', true],
    ['runtime', '>=45.51', false],
    ['runtime', '> 45', true],
    ['runtime', '45', false],
    ['fps', '23', true],
    ['fps', '!23', false],
    ['fps', '23.976', false],
    ['res_height', '720 - 1081', true],
    ['res_height', 'high', false],
    ['res_width', '1280-', false],
  ] as const)('%s of the film meets "%s": %s', (criterion, wanted, isMet) => {
    expect(judgeRule(rule('r', [criterion, wanted]), FILM).isMatch).toBe(isMet)
  })

  test('a fact that nobody knows meets no criterion', () => {
    const unknown: MediaInfo = { ...FILM, durationSeconds: 0, streams: FILM.streams.map(({ fps, ...stream }) => stream) }
    expect(judgeRule(rule('r', ['runtime', '<60']), unknown).isMatch).toBe(false)
    expect(judgeRule(rule('r', ['fps', '!60']), unknown).isMatch).toBe(false)
  })
})

describe('paths', () => {
  const matches = (pattern: string, path: string) => judgeRule(rule('r', ['path', pattern]), { ...FILM, path }).isMatch

  test.each([
    ['/anime/', '/tv/anime/x.mkv', true],
    ['(?i)/ANIME/', '/tv/anime/x.mkv', true],
    ['(?is)^/tv/.*X', '/tv/a\nx.mkv', true],
    ['(?a)film', '/tv/film.mkv', true],
    ['(?P<a>x)(?P=a)', '/xx', true],
    ['\\A/tv', '/tv/a', true],
    ['(?m)\\Atv', '/a\ntv', false],
    ['mkv\\Z', '/tv/a.mkv', true],
    ['o{,2}k', '/tv/ok', true],
    ['^/tv/.\\.mkv$', '/tv/🎬.mkv', true],
    ['S\\d\\d\\-E\\d', '/tv/S01-E1', true],
    ['a\\ b(?#note)', '/tv/a b', true],
  ])('%s in %j: %s', (pattern, path, isMet) => {
    expect(matches(pattern, path)).toBe(isMet)
  })

  test('a pattern that is none is said with its place', () => {
    expect(() => matches('[', '/a')).toThrow(/^c\.yml:3:5: The path of rule "r" is no regular expression/)
    try {
      matches('(?x) a', '/a')
      expect.unreachable()
    } catch (error) {
      expect(isEncodeError(error, 'CONFIG_INVALID')).toBe(true)
    }
  })
})

test('each rule up to the one that matches tells every criterion and what was found', () => {
  const config = { rules: [rule('small', ['filesize_mb', '<50'], ['vcodec', '!hevc']), rule('rest'), rule('never')] } as unknown as Config
  const verdicts = explainRules(config, FILM)
  expect(verdicts.map((verdict) => [verdict.rule.name, verdict.isMatch])).toEqual([
    ['small', false],
    ['rest', true],
  ])
  expect(verdicts[0]?.criteria.map(describeCriterion)).toEqual(['filesize_mb is 100 (wanted: <50)', 'vcodec is "h264" (wanted: !hevc)'])
  expect(verdicts[0]?.criteria.map((verdict) => verdict.isMet)).toEqual([false, true])
})
