import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import { isEncodeError } from '../../src/core/errors.ts'
import type { MediaInfo, MediaStream, StreamKind } from '../../src/model/media.ts'
import { type ProfileChoice, selectProfile } from '../../src/profile/select-profile.ts'
import { toOutputName } from '../../src/profile/to-output-name.ts'
import { findTopics, TOPICS, type TopicConfiguration } from './case-topics.ts'

const HDR10: Partial<MediaStream> = { colorPrimaries: 'bt2020', colorTransfer: 'smpte2084', colorSpace: 'bt2020nc' }
const DISPLAY_P3: Partial<MediaStream> = {
  masteringDisplay: { red: [0.68, 0.32], green: [0.265, 0.69], blue: [0.15, 0.06], white: [0.3127, 0.329], minNits: 0.005, maxNits: 1000 },
  contentLight: { maxNits: 1000, maxAverageNits: 400 },
}
/** Words of the cases for facts that come together. */
const MARKS: Readonly<Record<string, Partial<MediaStream>>> = {
  hdr10: { ...HDR10, ...DISPLAY_P3 },
  frames: { isHdrInFramesOnly: true },
  pq: HDR10,
  hlg: { ...HDR10, colorTransfer: 'arib-std-b67' },
  'hdr10+': { hasHdr10Plus: true },
  dv5: { dolbyVisionProfile: 5 },
  dv8: { dolbyVisionProfile: 8 },
  still: { durationSeconds: 0.04 },
}

const ROOT = join(import.meta.dirname, '../..')
const CASES = join(ROOT, 'test/cases/profiles')

interface MediaFacts {
  readonly path?: string
  readonly minutes?: number
  readonly mb?: number
  readonly streams: readonly string[]
}

interface Case {
  readonly name: string
  readonly media?: string
  readonly choice?: Partial<ProfileChoice>
  readonly expect: Readonly<Record<string, unknown>>
}

interface CaseFile {
  readonly configuration: string
  readonly media: Readonly<Record<string, MediaFacts>>
  readonly cases: readonly Case[]
}

const shipped = ['software', 'hardware', 'audio'].flatMap((name) => {
  const file = join(ROOT, 'profiles', `${name}.yml`)
  return parseShippedProfiles(readFileSync(file, 'utf8'), file)
})

const files = readdirSync(CASES).filter((name) => name.endsWith('.yml'))

/** What encode adds to pytranscoder stands in these; all others are held against pytranscoder itself. */
const OWN_FILES = ['shipped.yml', 'stream-safety.yml', 'stream-safety-everywhere.yml']
const parity = files.filter((file) => !OWN_FILES.includes(file)).map(readCases)

test('there are at least 150 cases of parity', () => {
  expect(parity.flatMap(({ cases }) => cases).length).toBeGreaterThanOrEqual(150)
})

describe('at least two cases of parity touch', () => {
  const touched = parity.flatMap(({ configuration, media, cases }) =>
    cases.map((one) => findTopics(parse(configuration) as TopicConfiguration, findMedia(media, one).streams, one)),
  )

  test.each(TOPICS)('%s', (topic) => {
    expect(touched.filter((topics) => topics.has(topic)).length).toBeGreaterThanOrEqual(2)
  })
})

for (const file of files) {
  const { configuration, media, cases } = readCases(file)
  const config = parseConfig(configuration, file, shipped)

  describe(file, () => {
    test.each(cases)('$name', (one) => {
      const facts = findMedia(media, one)
      expect(outcome(() => selectProfile(config, toMedia(facts), { mixins: [], ...one.choice }), one.expect, toMedia(facts))).toEqual(
        one.expect,
      )
    })
  })
}

function readCases(file: string): CaseFile {
  return parse(readFileSync(join(CASES, file), 'utf8')) as CaseFile
}

function findMedia(media: CaseFile['media'], one: Case): MediaFacts {
  const facts = media[one.media ?? Object.keys(media)[0] ?? '']
  if (facts === undefined) throw new Error(`The case names no media of the file: ${one.media}`)
  return facts
}

/** What the case speaks of; arguments and warnings always, since nothing may be added to them. */
function outcome(select: () => ReturnType<typeof selectProfile>, wanted: Case['expect'], media: MediaInfo): object {
  try {
    const selection = select()
    if (selection.kind === 'unmatched') return { unmatched: true, ...('reason' in wanted ? { reason: selection.reason } : {}) }
    if (selection.kind === 'skip') return { skip: selection.rule }
    const { profile, rule } = selection
    const found: Record<string, unknown> = {
      profile: profile.name,
      rule,
      queue: profile.queue,
      threshold: profile.threshold,
      thresholdCheck: profile.thresholdCheck,
      input: selection.arguments.input.join(' '),
      output: selection.arguments.output.join(' '),
      warnings: selection.warnings,
      result: toOutputName(media.path, profile, { keepsSource: false }),
    }
    const isTold = (key: string) => {
      if (key in wanted || wanted.output === undefined) return key in wanted
      return (key === 'input' && found.input !== '') || (key === 'warnings' && selection.warnings.length > 0)
    }
    return Object.fromEntries(Object.entries(found).filter(([key]) => isTold(key)))
  } catch (error) {
    if (!isEncodeError(error)) throw error
    const { hint } = wanted
    return { error: error.code, ...(hint === undefined ? {} : { hint: error.hint?.includes(String(hint)) ? hint : error.hint }) }
  }
}

function toMedia({ path = '/tv/film.mp4', minutes = 45, mb = 3000, streams }: MediaFacts): MediaInfo {
  return {
    path,
    sizeBytes: Math.round(mb * 1_048_576),
    mtimeMs: 0,
    container: 'matroska,webm',
    durationSeconds: minutes * 60,
    streams: streams.map(toStream),
  }
}

function toStream(text: string, index: number): MediaStream {
  const [kind, codec = '', ...marks] = text.split(' ')
  const size = marks.find((mark) => /^\d+x\d+$/.test(mark))
  const fps = marks.find((mark) => mark.endsWith('fps'))
  const channels = marks.find((mark) => /^\d+ch$/.test(mark))
  const rotation = marks.find((mark) => mark.startsWith('turned:'))
  const language = marks.find((mark) => /^[a-z]{3}$/.test(mark))
  const [width = 0, height = 0] = size?.split('x').map(Number) ?? []
  return {
    index,
    kind: kind as StreamKind,
    codec,
    language: language ?? 'und',
    isDefault: marks.includes('default'),
    isAttachedPicture: marks.includes('picture'),
    ...(size === undefined ? {} : { width, height }),
    ...(fps === undefined ? {} : { fps: Number(fps.slice(0, -3)) }),
    ...(channels === undefined ? {} : { channels: Number(channels.slice(0, -2)) }),
    ...(rotation === undefined ? {} : { rotationDegrees: Number(rotation.slice('turned:'.length)) }),
    ...(kind === 'attachment' && !marks.includes('nameless') ? { fileName: 'font.ttf', mimeType: 'font/ttf' } : {}),
    ...Object.assign({}, ...marks.map((mark) => MARKS[mark])),
  }
}
