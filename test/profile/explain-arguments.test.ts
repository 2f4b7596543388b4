import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import type { Config } from '../../src/model/config.ts'
import type { MediaInfo, MediaStream, StreamKind } from '../../src/model/media.ts'
import { explainArguments } from '../../src/profile/explain-arguments.ts'
import { listRecipes } from '../../src/profile/list-recipes.ts'
import { resolveMixin, resolveProfile } from '../../src/profile/resolve-profile.ts'
import { resolveVariants } from '../../src/profile/resolve-variants.ts'
import { selectProfile } from '../../src/profile/select-profile.ts'

const ROOT = join(import.meta.dirname, '../..')
const CASES = join(ROOT, 'test/cases/profiles')
const SHIPPED = join(ROOT, 'profiles')

const shipped = readdirSync(SHIPPED)
  .filter((name) => name.endsWith('.yml'))
  .flatMap((name) => parseShippedProfiles(readFileSync(join(SHIPPED, name), 'utf8'), name))

const FILMS = [
  toFilm([stream(0, 'video', 'h264', 'und'), stream(1, 'audio', 'aac', 'eng')]),
  toFilm([
    stream(0, 'video', 'h264', 'und'),
    stream(1, 'audio', 'aac', 'eng'),
    stream(2, 'audio', 'ac3', 'jpn'),
    stream(3, 'subtitle', 'mov_text', 'eng'),
    stream(4, 'subtitle', 'subrip', 'spa'),
    stream(5, 'data', 'bin_data', 'und'),
  ]),
]

describe('the pieces, put together, are the arguments', () => {
  const files = readdirSync(CASES).filter((name) => name.endsWith('.yml'))

  test.each(files)('of every profile and variant, with and without mixins, in %s', (file) => {
    const { configuration } = parse(readFileSync(join(CASES, file), 'utf8')) as { configuration: string }
    const config = parseConfig(configuration, file, shipped)
    const mixins = config.profiles.filter((profile) => !profile.isShipped).map((profile) => profile.name)
    let compared = 0
    for (const { name } of listRecipes(config)) {
      for (const chosen of [[], ...mixins.map((mixin) => [mixin])]) compared += comparePieces(config, name, chosen)
    }
    expect(compared).toBeGreaterThan(10)
  })
})

describe('each piece tells who contributed it', () => {
  const config = parseConfig(
    `profiles:
  base:
    output_options:
      - -threads 4
      - -crf 20
    output_options_audio: [-c:a copy]
  child:
    include: base
    extension: .mkv
    output_options:
      - -crf 18
  small:
    include: h264
    output_options_video: ["-crf 30"]
  loud:
    output_options_audio:
      - -c:a aac
templates:
  quick:
    cli:
      input-options: [-hide_banner]
      video-codec: -c:v libx264 -crf 30
    extension: .mkv
`,
    'c.yml',
    shipped,
  )

  test.each<[string, readonly string[], readonly string[]]>([
    ['child', [], ['-threads 4 | base c.yml:4', '-crf 18 | child c.yml:11', '-c:a copy | base c.yml:6']],
    ['child', ['loud'], ['-threads 4 | base c.yml:4', '-crf 18 | child c.yml:11', '-c:a aac | loud c.yml:17']],
    ['quick', [], ['-hide_banner | quick c.yml:21', '-c:v libx264 -crf 30 | quick c.yml:22']],
  ])('%s with mixins %j', (name, mixins, expected) => {
    expect(piecesOf(config, name, mixins, 0).map(describePiece)).toEqual(expected)
  })

  test('of a shipped parent, marked as such; what its child writes is the child’s', () => {
    const pieces = piecesOf(config, 'small', [], 0)
    expect(pieces.filter(({ origin }) => origin?.isShipped === true).length).toBeGreaterThan(2)
    expect(pieces.map(describePiece)).toContain('-crf 30 | small c.yml:14')
  })

  test('stream maps are nobody’s: they are made for the file', () => {
    const pieces = piecesOf(config, 'child', [], 1)
    expect(pieces.slice(-1).map(describePiece)).toEqual(['-map 0 | the file'])
  })
})

test('settings tell who contributed them, and those that nobody wrote are default', () => {
  const config = parseConfig(
    'profiles:\n  a: {extension: .mkv, queue: cuda}\n  b:\n    include: a\n    queue: fast\n    threshold: 3\n',
    'c.yml',
    shipped,
  )
  const { settings } = resolveProfile(config, 'b').origins
  const told = Object.entries(settings).map(([setting, origin]) => `${setting} ${origin?.profile}:${origin?.place.line}`)
  expect(told.sort()).toEqual(['extension a:2', 'queue b:5', 'threshold b:6'])
})

function comparePieces(config: Config, name: string, mixinNames: readonly string[]): number {
  let compared = 0
  for (const film of FILMS) {
    const selection = selectProfile(config, film, { profile: name, mixins: mixinNames })
    if (selection.kind !== 'encode') continue
    const resolved = resolveProfile(config, name)
    const variants = new Map(resolveVariants(config, resolved).map((variant) => [variant.name, variant.profile]))
    const mixins = mixinNames.map((mixin) => resolveMixin(config, mixin))
    for (const { name: variant, arguments: args } of selection.variants) {
      const pieces = explainArguments(variants.get(variant) ?? resolved, mixins, args)
      const flat = (place: 'input' | 'output') => pieces.filter((piece) => piece.place === place).flatMap((piece) => piece.arguments)
      expect({ input: flat('input'), output: flat('output') }, `${name} ${variant}`).toEqual(args)
      compared += 1
    }
  }
  return compared
}

function piecesOf(config: Config, name: string, mixinNames: readonly string[], film: number) {
  const media = FILMS[film]
  if (media === undefined) throw new Error('There is no such film')
  const selection = selectProfile(config, media, { profile: name, mixins: mixinNames })
  if (selection.kind !== 'encode') throw new Error(selection.reason)
  const mixins = mixinNames.map((mixin) => resolveMixin(config, mixin))
  return explainArguments(resolveProfile(config, name), mixins, selection.arguments)
}

function describePiece({ arguments: words, origin }: ReturnType<typeof explainArguments>[number]): string {
  const from = origin === undefined ? 'the file' : `${origin.profile} ${origin.place.file}:${origin.place.line}`
  return `${words.join(' ')} | ${from}`
}

function toFilm(streams: readonly MediaStream[]): MediaInfo {
  return { path: '/tv/film.mp4', sizeBytes: 1e9, mtimeMs: 0, container: 'mov,mp4', durationSeconds: 60, streams }
}

function stream(index: number, kind: StreamKind, codec: string, language: string): MediaStream {
  return {
    index,
    kind,
    codec,
    language,
    isDefault: index < 2,
    isAttachedPicture: false,
    ...(kind === 'video' ? { width: 1920, height: 1080 } : {}),
  }
}
