import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import type { PlanVariant } from '../../src/model/plan.ts'
import { resolveProfile } from '../../src/profile/resolve-profile.ts'
import { selectProfile } from '../../src/profile/select-profile.ts'

const shipped = ['software', 'hardware', 'audio'].flatMap((name) => {
  const file = join(import.meta.dirname, '../../profiles', `${name}.yml`)
  return parseShippedProfiles(readFileSync(file, 'utf8'), file)
})

const FILM: MediaInfo = {
  path: '/tv/film.mp4',
  sizeBytes: 1e9,
  mtimeMs: 0,
  container: 'mov,mp4',
  durationSeconds: 60,
  streams: [
    { index: 0, kind: 'video', codec: 'h264', language: 'und', isDefault: true, isAttachedPicture: false },
    { index: 1, kind: 'audio', codec: 'aac', language: 'und', isDefault: true, isAttachedPicture: false },
  ],
}

describe('the shipped profiles without suffix', () => {
  test.each([
    ['h264', ['h264_nvenc', 'h264_qsv', 'h264_videotoolbox', 'h264_vaapi', 'h264_amf', 'libx264']],
    ['hevc', ['hevc_nvenc', 'hevc_qsv', 'hevc_videotoolbox', 'hevc_vaapi', 'hevc_amf', 'libx265']],
    ['av1', ['av1_nvenc', 'av1_qsv', 'av1_vaapi', 'av1_amf', 'libsvtav1']],
  ])('%s asks for hardware first and software last', (name, variants) => {
    const found = select('', name)
    expect(found.map((variant) => variant.name)).toEqual(variants)
    for (const { name: variant, arguments: args } of found) expect(args.output[args.output.indexOf('-c:v') + 1]).toBe(variant)
  })

  test.each(['h264', 'hevc', 'av1'])('%s in software is what it is without variants', (name) => {
    const alone = `profiles:\n  alone: {include: ${name}, variants: []}`
    expect(select('', name).at(-1)?.arguments).toEqual(select(alone, 'alone')[0]?.arguments)
    expect(select(alone, 'alone')).toHaveLength(1)
  })

  test('hardware forms are those of the profiles of their names, and take slots of their own kind where a host has them', () => {
    const [nvenc] = select('', 'hevc')
    expect(nvenc?.arguments).toEqual(select('', 'hevc_nvenc')[0]?.arguments)
    expect(select('', 'hevc').map(({ queues }) => queues.join(' '))).toEqual([
      'cuda nvenc _default',
      'qsv _default',
      'videotoolbox _default',
      'vaapi _default',
      'amf _default',
      '_default',
    ])
    expect(select('', 'hevc')[3]?.arguments.input).toEqual(['-vaapi_device', '/dev/dri/renderD128'])
  })
})

describe('a profile that includes one with variants', () => {
  test('has them too, with sound, container and labels of its own', () => {
    const variants = select(
      'profiles:\n  mine: {include: hevc, output_options_audio: ["-c:a libopus"], require: [linux], queue: night}',
      'mine',
    )
    expect(variants.map(({ name }) => name)).toEqual(select('', 'hevc').map(({ name }) => name))
    for (const { arguments: args, labels, queues } of variants) {
      expect(args.output.join(' ')).toContain('-c:a libopus')
      expect(labels).toEqual({ require: ['linux'], any: [], prefer: [] })
      expect(queues).toEqual(['night'])
    }
  })

  test.each([
    ['writes video options', 'mine: {include: hevc, output_options_video: ["-crf 18"]}'],
    ['writes its codec among the output options', 'mine: {include: hevc, output_options: ["-c:v libx264"]}'],
    ['includes video options of another', 'fine: {output_options_video: ["-crf 18"]}\n  mine: {include: hevc fine}'],
  ])('has none when it %s: they would undo what it says', (_what, text) => {
    expect(select(`profiles:\n  ${text}`, 'mine').map(({ name }) => name)).toEqual(['mine'])
  })

  test('names where its variants come from, and none where it has none', () => {
    const config = parseConfig(
      'profiles:\n  mine: {include: hevc}\n  own: {include: hevc, output_options_video: ["-crf 1"]}',
      'c.yml',
      shipped,
    )
    expect(resolveProfile(config, 'mine').origins.settings.variants).toMatchObject({ profile: 'hevc', isShipped: true })
    expect(resolveProfile(config, 'own').origins.settings.variants).toBeUndefined()
  })
})

describe('variants of a profile of one’s own', () => {
  const text = [
    'profiles:',
    '  card:',
    '    input_options: ["-hwaccel cuda"]',
    '    output_options: ["-max_muxing_queue_size 9", "-c:v hevc_nvenc", "-cq 25", "-c:a copy"]',
    '    queue: cuda',
    '    require: [gpu]',
    '    extension: .mp4',
    '  film:',
    '    input_options: ["-re"]',
    '    output_options: ["-max_muxing_queue_size 1024", "-c:v libx265", "-crf 22", "-c:a aac"]',
    '    variants: [card, libx265, libkvazaar, film]',
    '    extension: .mkv',
    '    threshold: 10',
  ].join('\n')

  test('take picture and input options from a profile, in its queue and under its labels, and keep the sound', () => {
    const [card] = select(text, 'film')
    expect(card?.arguments.input).toEqual(['-hwaccel', 'cuda', '-re'])
    expect(card?.arguments.output.join(' ')).toBe('-max_muxing_queue_size 9 -c:v hevc_nvenc -cq 25 -crf 22 -c:a aac')
    expect(card?.queues).toEqual(['cuda'])
    expect(card?.labels.require).toEqual(['gpu'])
  })

  test('put an encoder that is no profile in the place of the own one', () => {
    const [, x265, kvazaar, own] = select(text, 'film').map(({ arguments: args }) => args.output.join(' '))
    expect(x265).toBe('-max_muxing_queue_size 1024 -c:v libx265 -crf 22 -c:a aac')
    expect(kvazaar).toBe('-max_muxing_queue_size 1024 -c:v libkvazaar -crf 22 -c:a aac')
    expect(own).toBe(x265)
  })

  test('leave options in pytranscoder’s own form in the queue they always ran in', () => {
    const plain = 'profiles:\n  old: {output_options: ["-c:v hevc_nvenc"], extension: .mkv}'
    expect(select(plain, 'old')).toEqual([
      {
        name: 'old',
        arguments: { input: [], output: ['-c:v', 'hevc_nvenc'] },
        queues: ['_default'],
        labels: { require: [], any: [], prefer: [] },
      },
    ])
  })

  test('are moot where a mixin makes the picture', () => {
    const mixed = 'profiles:\n  tiny: {output_options_video: ["-c:v libx264", "-crf 40"]}'
    expect(select(mixed, 'hevc', ['tiny']).map(({ name }) => name)).toEqual(['hevc'])
  })
})

function select(text: string, profile: string, mixins: readonly string[] = []): readonly PlanVariant[] {
  const selection = selectProfile(parseConfig(text, 'c.yml', shipped), FILM, { profile, mixins })
  if (selection.kind !== 'encode') throw new Error(selection.reason)
  return selection.variants
}
