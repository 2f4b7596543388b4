/** `encode profiles [NAME]`: what there is to encode with, or one profile resolved, with who contributed each part of it. */

import type { ChalkInstance } from 'chalk'
import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import type { Config } from '../model/config.ts'
import { listEncoders } from '../profile/list-encoders.ts'
import { resolveMixin, resolveProfile } from '../profile/resolve-profile.ts'
import { type ResolvedProfile, SECTIONS } from '../profile/resolved-profile.ts'
import { chooseChalk } from './choose-chalk.ts'
import { loadCliConfig } from './load-cli-config.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines, printObjects } from './print-lines.ts'
import { renderTable } from './render-columns.ts'
import { renderProfile, toProfileObject } from './render-profile.ts'

const DEFAULT_COLUMNS = 80

export async function profilesCommand(args: Arguments): Promise<number> {
  const [name, more] = args.words
  if (more !== undefined) throw new EncodeError('USAGE_INVALID', `"encode profiles" takes one name, found also "${more}"`)
  const config = await loadCliConfig(args.config)
  const chalk = chooseChalk(args, config.colorize)
  const columns = process.stdout.columns ?? DEFAULT_COLUMNS
  if (name === undefined) {
    const entries = listEntries(config)
    if (args.isJson) await printObjects(entries.map(toListObject))
    else await printLines(renderList(entries, config, chalk, columns))
  } else {
    const profile = resolveProfile(config, name)
    if (args.isJson) await printObjects([toProfileObject(config, profile)])
    else await printLines(renderProfile(config, profile, chalk, columns))
  }
  return 0
}

interface ListEntry {
  readonly profile: ResolvedProfile
  readonly isShipped: boolean
  /** A fragment is there to be included or mixed in. */
  readonly isFragment: boolean
  readonly encoder: string | undefined
}

/** Own ones first, as they are written; a template hides a profile of its name where only the name is given, but both are listed. */
function listEntries(config: Config): readonly ListEntry[] {
  const templates = config.templates.map(({ name }) => toEntry(resolveProfile(config, name), false))
  const profiles = config.profiles.map(({ name, isShipped }) => toEntry(resolveMixin(config, name), isShipped))
  return [...profiles.filter((entry) => !entry.isShipped), ...templates, ...profiles.filter((entry) => entry.isShipped)]
}

function toEntry(profile: ResolvedProfile, isShipped: boolean): ListEntry {
  return { profile, isShipped, isFragment: profile.extension === undefined, encoder: findEncoder(profile) }
}

/** The best variant, else the video encoder, else the audio one, else `copy`. */
function findEncoder({ inputOptions, outputOptions, sections, variants }: ResolvedProfile): string | undefined {
  if (variants[0] !== undefined) return variants[0]
  const output = [...outputOptions, ...SECTIONS.flatMap((section) => sections[section] ?? [])]
  const [first] = listEncoders({ input: inputOptions, output })
  return first?.encoder ?? (output.includes('copy') ? 'copy' : undefined)
}

function toListObject({ profile, isShipped, isFragment, encoder }: ListEntry): object {
  const { name, kind, extension, queue, description, variants, place } = profile
  return {
    name,
    kind,
    shipped: isShipped,
    fragment: isFragment,
    encoder: encoder ?? null,
    variants,
    extension: extension ?? null,
    queue,
    description: description ?? null,
    file: place.file,
    line: place.line,
  }
}

function renderList(entries: readonly ListEntry[], config: Config, chalk: ChalkInstance, columns: number): readonly string[] {
  const file = toVisible(config.file ?? '')
  const groups = [
    { title: `Profiles of ${file}`, entries: entries.filter(({ profile, isShipped }) => profile.kind === 'profile' && !isShipped) },
    { title: `Templates of ${file}`, entries: entries.filter(({ profile }) => profile.kind === 'template') },
    { title: 'Shipped profiles', entries: entries.filter(({ isShipped }) => isShipped) },
  ]
  const shown = groups.filter((group) => group.entries.length > 0)
  const lines = shown.flatMap((group, index) => [
    ...(index === 0 ? [] : ['']),
    chalk.bold(group.title),
    ...renderTable(group.entries.map(toRow), columns, 2),
  ])
  return [...lines, '', chalk.dim('"encode profiles NAME" shows one with where each option comes from')]
}

function toRow({ profile, isFragment, encoder }: ListEntry): readonly string[] {
  const { name, extension, queue, description = '', variants } = profile
  const mark = isFragment ? `fragment${description === '' ? '' : ': '}` : ''
  const more = variants.length > 1 ? ` +${variants.length - 1}` : ''
  return [
    toVisible(name),
    `${toVisible(encoder ?? '')}${more}`,
    extension ?? '',
    queue === '_default' ? '' : toVisible(queue),
    toVisible(`${mark}${description}`),
  ]
}
