import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ExplainOptions, type Explanation, explainFile } from '../../../src/cli/explain/explain-file.ts'
import { loadShippedFiles } from '../../../src/config/load-config.ts'
import { parseConfig, parseShippedProfiles } from '../../../src/config/parse-config.ts'
import type { MediaInfo, MediaStream, StreamKind } from '../../../src/model/media.ts'

const ROOT = join(import.meta.dirname, '../../..')
const shipped = (await loadShippedFiles(join(ROOT, 'profiles'))).flatMap(({ source }) => parseShippedProfiles(source.text, source.file))

const FILM: MediaInfo = {
  path: '/films/a.mp4',
  sizeBytes: 1e9,
  mtimeMs: 0,
  container: 'mov,mp4',
  durationSeconds: 60,
  streams: [
    stream(0, 'video', 'h264'),
    stream(1, 'audio', 'aac', 'eng'),
    stream(2, 'audio', 'ac3', 'fre'),
    stream(3, 'subtitle', 'mov_text', 'eng'),
    stream(4, 'data', 'bin_data'),
    { ...stream(5, 'video', 'mjpeg'), isAttachedPicture: true },
  ],
}

describe('each stream tells its fate', () => {
  test.each<[string, string, string, readonly string[]]>([
    ['without languages', '{extension: .mkv}', 'all are mapped', ['kept', 'kept', 'kept', 'kept', 'kept', 'kept']],
    [
      'with languages',
      '{extension: .mkv, audio: {include_languages: eng}}',
      'The video stream is mapped, and audio and subtitles of the wanted languages',
      ['kept', 'kept', 'language "fre" is not wanted', 'kept', 'not mapped', 'a cover picture'],
    ],
    [
      'without automap',
      '{extension: .mkv, automap: no, output_options: ["-sn"]}',
      'No maps, since "automap" is off for profile "p"',
      [
        'ffmpeg picks one of 2',
        'ffmpeg picks one of 2',
        'ffmpeg picks one of 2',
        '-sn is among the options',
        'ffmpeg takes none of its kind by itself',
        'ffmpeg picks one of 2',
      ],
    ],
    [
      'by own maps',
      '{extension: .mkv, automap: no, output_options: ["-map 0:a"]}',
      'Mapped by options of the profile or a mixin',
      ['not mapped', 'kept', 'kept', 'not mapped', 'not mapped', 'a cover picture'],
    ],
    [
      'as the container can',
      '{include: h264}',
      'What the container can hold is kept',
      ['kept', 'kept', 'kept', 'kept', 'the container cannot hold it', 'a cover picture'],
    ],
  ])('%s', (_name, profile, reason, fates) => {
    const end = encodeOf(`profiles: {p: ${profile}}`, { keepsSource: true })
    expect(end.streams.reason).toContain(reason)
    expect(end.streams.streams.map((verdict) => verdict.reason ?? (verdict.isKept === true ? 'kept' : 'left out'))).toEqual(fates)
  })
})

describe('each host tells whether it could take it', () => {
  test.each<[string, string, string, string, string]>([
    ['that takes everything', '{}', '{extension: .mkv}', 'could', ''],
    ['that is disabled', '{status: disabled}', '{extension: .mkv}', 'could not', 'it is disabled'],
    ['with another list', '{profiles: [h264]}', '{extension: .mkv}', 'could not', 'its list of profiles lacks "p" (h264)'],
    ['without the queue', '{queues: {a: 1, b: 1}}', '{extension: .mkv, queue: c}', 'could not', 'it has no queue "c", only "a" and "b"'],
    ['that finds its queues', '{queues: auto}', '{extension: .mkv, queue: c}', 'could', ''],
    ['with the label', '{labels: [quiet]}', '{extension: .mkv, require: [quiet]}', 'could', ''],
    ['of the name', '{}', '{extension: .mkv, any: [gpu, h]}', 'could', ''],
    ['of the system', '{os: linux}', '{extension: .mkv, require: linux}', 'could', ''],
    ['of another system', '{os: macos}', '{extension: .mkv, require: linux}', 'could not', 'it is no linux host'],
    ['that may have the label', '{}', '{extension: .mkv, require: gpu}', 'perhaps', 'whether it has "gpu"'],
    ['that may have one of them', '{}', '{extension: .mkv, any: [gpu, fast]}', 'perhaps', 'whether it has one of "gpu" and "fast"'],
  ])('%s', (_name, host, profile, verdict, reason) => {
    const [found] = encodeOf(`config: {clusters: {c: {h: ${host}}}}\nprofiles: {p: ${profile}}`).hosts
    expect(found?.verdict).toBe(verdict)
    expect(found?.reasons.join('; ')).toContain(reason)
    expect(found?.reasons.length === 0).toBe(verdict === 'could')
  })

  test('with --host, those that it does not name could not', () => {
    const text = 'config: {clusters: {c: {a: {}, b: {}}}}\nprofiles: {p: {extension: .mkv}}'
    expect(encodeOf(text, { onlyHosts: ['b'] }).hosts.map(({ verdict }) => verdict)).toEqual(['could not', 'could'])
  })

  test('with the variants that it has slots for, each in its queue', () => {
    const { hosts } = encodeOf(
      'config: {clusters: {c: {h: {queues: {cuda: 2, _default: 1}}}}}\nprofiles: {p: {include: hevc, variants: [hevc_nvenc, libx265]}}',
    )
    expect(hosts[0]?.variants).toEqual([
      { name: 'hevc_nvenc', queue: 'cuda', slots: 2 },
      { name: 'libx265', queue: '_default', slots: 1 },
    ])
  })

  test('and a mounted one tells how it reads the source', () => {
    const { hosts } = encodeOf('config: {clusters: {c: {h: {path-substitutions: ["/films/ Z:\\\\"]}}}}\nprofiles: {p: {extension: .mkv}}')
    expect(hosts[0]?.sourcePath).toBe('Z:\\a.mp4')
  })
})

test('a rule that skips ends it, and those after it are not asked', () => {
  const config = 'rules: {a: {profile: p, criteria: {vcodec: hevc}}, b: {profile: SKIP}, c: {profile: p}}\nprofiles: {p: {extension: .mkv}}'
  const { end, rules } = explain(config, undefined)
  expect(end).toMatchObject({ kind: 'skip' })
  expect(rules.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['a', 'passes'],
    ['b', 'takes it'],
    ['c', 'not asked'],
  ])
})

describe('a profile for sound', () => {
  test('leaves a film alone where the sound would replace it', () => {
    expect(explain('', 'opus').end).toEqual({ kind: 'skip', reason: expect.stringContaining('it is a film') })
  })

  test.each<[string, Partial<ExplainOptions>]>([
    ['-k', { keepsSource: true }],
    ['-o', { outputFolder: '/sound' }],
  ])('takes the sound out of it with %s', (_option, more) => {
    expect(explain('', 'opus', more).end).toMatchObject({ kind: 'encode' })
  })
})

function explain(text: string, profile: string | undefined, more: Partial<ExplainOptions> = {}): Explanation {
  const config = parseConfig(text, 'c.yml', shipped)
  const target = { path: FILM.path, cluster: 'c', choice: { profile, template: undefined, mixins: [] }, queueFile: undefined }
  const hosts = config.clusters[0]?.hosts ?? []
  const options = { config, cluster: 'c', hosts, onlyHosts: [], keepsSource: false, outputFolder: undefined, ...more }
  return explainFile(
    { kind: 'source', path: FILM.path, givenPath: FILM.path, root: undefined, target, sizeBytes: 1, inode: '1:1' },
    FILM,
    options,
  )
}

function encodeOf(text: string, more: Partial<ExplainOptions> = {}) {
  const { end } = explain(text, 'p', more)
  if (end.kind !== 'encode') throw new Error(end.reason)
  return end
}

function stream(index: number, kind: StreamKind, codec: string, language = 'und'): MediaStream {
  const size = kind === 'video' ? { width: 1920, height: 1080, fps: 25 } : {}
  return { index, kind, codec, language, isDefault: index < 2, isAttachedPicture: false, ...size }
}
