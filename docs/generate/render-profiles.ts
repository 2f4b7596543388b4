/** docs/profiles.md: one table of the shipped profiles. */

import type { Config, ProfileDefinition } from '../../src/model/config.ts'
import { resolveProfile } from '../../src/profile/resolve-profile.ts'
import type { ResolvedProfile } from '../../src/profile/resolved-profile.ts'

/** What the names of encoders end in, and what they need. */
const HARDWARE: Readonly<Record<string, string>> = {
  nvenc: 'NVIDIA GPU',
  qsv: 'Intel GPU (Quick Sync)',
  vaapi: 'Intel or AMD GPU under Linux',
  videotoolbox: 'Mac',
  amf: 'AMD GPU under Windows',
}

const CODECS: Readonly<Record<string, string>> = {
  libx264: 'H.264',
  h264: 'H.264',
  libx265: 'HEVC',
  hevc: 'HEVC',
  libsvtav1: 'AV1',
  av1: 'AV1',
  libopus: 'Opus',
  libvorbis: 'Vorbis',
  libmp3lame: 'MP3',
  aac: 'AAC',
  flac: 'FLAC',
  copy: 'as it is',
}

export function renderProfiles(config: Config): string {
  const shipped = config.profiles.filter(({ isShipped }) => isShipped)
  return `<!-- Made by "npm run docs" from profiles/*.yml: change it there. -->

# Shipped profiles

They need no configuration: \`encode -p hevc film.mp4\`. A profile of your own can include one of them and define only what differs; one with the
same name replaces it ([configuration.md](configuration.md#profiles)). \`encode profiles NAME\` shows every option of a profile.

| profile | codec | encoder | container | needs | |
|---|---|---|---|---|---|
${shipped.map((profile) => renderRow(profile, config)).join('\n')}

Where a profile has several encoders, each host takes the first that works there. A video profile encodes the picture alone and keeps every audio and subtitle stream that
its container can hold; an audio profile keeps one audio stream, its tags and its cover.
`
}

function renderRow(definition: ProfileDefinition, config: Config): string {
  const profile = resolveProfile(config, definition.name)
  const encoders = [...new Set(encodersOf(definition, profile, config))]
  const codecs = [...new Set(encoders.map(codecOf))]
  const cells = [
    `\`${definition.name}\``,
    codecs.join(', '),
    encoders.map((encoder) => `\`${encoder}\``).join(', '),
    profile.extension === undefined ? '– (to include)' : `\`${profile.extension}\``,
    needsOf(definition, encoders),
    (definition.description ?? '').replaceAll('|', '\\|'),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Best first; a variant is a profile or an encoder. */
function encodersOf(definition: ProfileDefinition, profile: ResolvedProfile, config: Config): readonly string[] {
  const own = encoderOf(profile)
  const variants = (definition.variants ?? []).map((variant) => {
    const isProfile = variant !== definition.name && config.profiles.some(({ name }) => name === variant)
    return (isProfile ? encoderOf(resolveProfile(config, variant)) : undefined) ?? variant
  })
  return variants.length > 0 ? variants : own === undefined ? [] : [own]
}

function encoderOf({ sections }: ResolvedProfile): string | undefined {
  return after(sections.video, '-c:v') ?? after(sections.audio, '-c:a')
}

function after(words: readonly string[] | undefined, option: string): string | undefined {
  const index = words?.indexOf(option) ?? -1
  return index === -1 ? undefined : words?.[index + 1]
}

function codecOf(encoder: string): string {
  return CODECS[encoder] ?? CODECS[encoder.replace(/_\w+$/, '')] ?? encoder
}

function needsOf({ require = [], any = [] }: ProfileDefinition, encoders: readonly string[]): string {
  const needs = encoders.map((encoder) => HARDWARE[encoder.replace(/^.*_/, '')])
  // One that needs nothing is enough.
  const hardware = needs.includes(undefined) ? [] : [[...new Set(needs)].join(' or ')]
  const labels = [
    ...require.map((label) => `label \`${label}\``),
    ...(any.length === 0 ? [] : [`label ${any.map((label) => `\`${label}\``).join(' or ')}`]),
  ]
  return [...hardware, ...labels].join(', ') || '–'
}
