/** One profile resolved: its settings and its options in the order of ffmpeg's arguments, each with who contributed it. */

import type { ChalkInstance } from 'chalk'
import { toVisible } from '../core/text.ts'
import { formatDuration } from '../core/units.ts'
import type { Config, LanguageChoice } from '../model/config.ts'
import type { OptionPiece } from '../profile/options.ts'
import { type ResolvedProfile, SECTIONS, type Setting } from '../profile/resolved-profile.ts'
import { quoteCommand } from '../view/quote-argument.ts'
import { wrapWords } from '../view/wrap-words.ts'
import { describeOrigin, describePlace, toOriginObject } from './describe-origin.ts'
import { type NotedLine, renderNoted } from './render-columns.ts'

interface ShownSetting {
  readonly setting: Setting
  readonly label: string
  readonly text: string
  readonly value: unknown
}

export function renderProfile(config: Config, profile: ResolvedProfile, chalk: ChalkInstance, columns: number): readonly string[] {
  const { name, kind, description, place, origins } = profile
  const definition = kind === 'profile' ? config.profiles.find((candidate) => candidate.name === name) : undefined
  const isShipped = definition?.isShipped ?? false
  const settings = listSettings(profile).map(
    ({ setting, label, text }): NotedLine => ({
      text: `  ${label.padEnd(10)} ${text}`,
      note: origins.settings[setting] === undefined ? 'default' : describeOrigin(origins.settings[setting], name),
    }),
  )
  const option = ({ arguments: words, origin }: OptionPiece): NotedLine => ({
    text: `  ${quoteCommand(words)}`,
    note: describeOrigin(origin, name),
  })
  const options: readonly NotedLine[] = [
    { text: '  -y' },
    ...origins.input.map(option),
    { text: '  -i SOURCE' },
    ...listOutput(profile).map(({ piece }) => option(piece)),
    ...(profile.automap && config.automap ? [{ text: '  (stream maps: "encode explain FILE" tells those of a file)' }] : []),
    { text: '  RESULT' },
  ]
  const what = profile.extension === undefined ? 'a fragment, to be included or mixed in' : `a ${kind}`
  const includes = (definition?.include ?? []).map(toVisible).join(' ')
  const isAmbiguous = kind === 'template' && config.profiles.some((other) => other.name === name)
  return [
    `${chalk.bold(toVisible(name))}: ${what} (${describePlace(place, isShipped)})`,
    ...(description === undefined ? [] : wrapWords(`  ${toVisible(description)}`, columns, 2)),
    ...(includes === '' ? [] : [`  includes ${includes}`]),
    ...(isAmbiguous ? ['  A profile has this name, too; where only the name is given, the template is meant'] : []),
    ...renderNoted([{ text: '' }, ...settings, { text: '' }, { text: chalk.bold('Arguments') }, ...options], columns, chalk.dim),
  ]
}

export function toProfileObject(config: Config, profile: ResolvedProfile): object {
  const { name, kind, description, extension, place, origins } = profile
  const definition = kind === 'profile' ? config.profiles.find((candidate) => candidate.name === name) : undefined
  const toOption = (section: string, { arguments: words, origin }: OptionPiece): object => ({
    section,
    arguments: words,
    origin: toOriginObject(origin),
  })
  return {
    name,
    kind,
    shipped: definition?.isShipped ?? false,
    fragment: extension === undefined,
    description: description ?? null,
    file: place.file,
    line: place.line,
    include: definition?.include ?? [],
    settings: Object.fromEntries(
      listSettings(profile).map(({ setting, value }) => {
        const origin = origins.settings[setting]
        return [setting, { value: value ?? null, origin: origin === undefined ? null : toOriginObject(origin) }]
      }),
    ),
    options: [
      ...origins.input.map((piece) => toOption('input', piece)),
      ...listOutput(profile).map(({ section, piece }) => toOption(section, piece)),
    ],
  }
}

/** In the order of ffmpeg's arguments. */
function listOutput({ origins }: ResolvedProfile): readonly { readonly section: string; readonly piece: OptionPiece }[] {
  return [
    ...origins.output.map((piece) => ({ section: 'output', piece })),
    ...SECTIONS.flatMap((section) => (origins.sections[section] ?? []).map((piece) => ({ section, piece }))),
  ]
}

function listSettings(profile: ResolvedProfile): readonly ShownSetting[] {
  const { extension, queue, threshold, thresholdCheck, stallSeconds, verify, automap, keepsStreams, audio, subtitle, variants, labels } =
    profile
  const list = (setting: Setting, label: string, names: readonly string[]): readonly ShownSetting[] =>
    names.length === 0 ? [] : [{ setting, label, text: toVisible(names.join(', ')), value: names }]
  return [
    { setting: 'extension', label: 'extension', text: extension ?? 'none', value: extension },
    ...list('variants', 'variants', variants),
    { setting: 'queue', label: 'queue', text: toVisible(queue), value: queue },
    {
      setting: 'threshold',
      label: 'threshold',
      text: threshold === 0 ? 'none, any size will do' : `at least ${threshold} % smaller`,
      value: threshold,
    },
    ...(threshold === 0
      ? []
      : [{ setting: 'thresholdCheck', label: 'checked', text: describeCheck(thresholdCheck), value: thresholdCheck } as const]),
    ...(stallSeconds === undefined
      ? []
      : [{ setting: 'stallSeconds', label: 'stall', text: describeStall(stallSeconds), value: stallSeconds } as const]),
    ...(verify === undefined ? [] : [{ setting: 'verify', label: 'verify', text: verify, value: verify } as const]),
    { setting: 'automap', label: 'automap', text: toYesNo(automap), value: automap },
    { setting: 'streamSafety', label: 'safety', text: `${toYesNo(keepsStreams)} (stream_safety)`, value: keepsStreams },
    { setting: 'audio', label: 'audio', text: describeLanguages(audio), value: audio },
    { setting: 'subtitle', label: 'subtitles', text: describeLanguages(subtitle), value: subtitle },
    ...list('require', 'require', labels.require),
    ...list('any', 'any of', labels.any),
    ...list('prefer', 'prefer', labels.prefer),
  ]
}

function toYesNo(isSo: boolean): string {
  return isSo ? 'yes' : 'no'
}

function describeCheck(thresholdCheck: number): string {
  return thresholdCheck === 100 ? 'when finished' : `from ${thresholdCheck} % done`
}

function describeStall(stallSeconds: number): string {
  return stallSeconds === 0 ? 'waited for, for ever' : `ended after ${formatDuration(stallSeconds)} without progress`
}

function describeLanguages({ include, exclude, defaultLanguage }: LanguageChoice): string {
  const parts = [
    include.length > 0 ? include.join(' ') : 'every language',
    ...(exclude.length > 0 ? [`not ${exclude.join(' ')}`] : []),
    ...(defaultLanguage === undefined ? [] : [`default ${defaultLanguage}`]),
  ]
  return toVisible(parts.join(', '))
}
