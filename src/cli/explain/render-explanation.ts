/** An explanation for a person, and for a program. */

import type { ChalkInstance } from 'chalk'
import { toPlainLine, toVisible } from '../../core/text.ts'
import { formatBytes, formatDuration } from '../../core/units.ts'
import type { MediaInfo, MediaStream } from '../../model/media.ts'
import { toFfmpegArguments } from '../../model/plan.ts'
import { LOCAL_CLUSTER } from '../../plan/target.ts'
import type { ArgumentPiece } from '../../profile/explain-arguments.ts'
import { type CriterionVerdict, describeCriterion } from '../../profile/explain-rules.ts'
import type { ResolvedProfile, Setting } from '../../profile/resolved-profile.ts'
import { quoteArgument, quoteCommand } from '../../view/quote-argument.ts'
import { wrapWords } from '../../view/wrap-words.ts'
import { describeOrigin, describePlace, toOriginObject } from '../describe-origin.ts'
import { type NotedLine, renderNoted } from '../render-columns.ts'
import type { ExplainOptions, Explanation, RuleExplanation, VariantExplanation } from './explain-file.ts'
import type { HostVariant, HostVerdict } from './explain-hosts.ts'
import type { StreamVerdict } from './explain-streams.ts'

export interface Look {
  readonly chalk: ChalkInstance
  readonly columns: number
  /** The arguments of every variant; else those of the last. */
  readonly isVerbose: boolean
}

export interface ExplanationLook extends Look {
  /** A file of the result's name is there. */
  readonly isTaken: boolean
  readonly overwrites: boolean
}

interface Refused {
  readonly path: string
  readonly reason: string
}

export function renderFailure({ path, reason }: Refused, { chalk, columns }: Look): readonly string[] {
  return [chalk.bold(toVisible(path)), ...wrapWords(`  ${chalk.red('cannot be explained')}: ${toPlainLine(reason)}`, columns, 2)]
}

export function toFailureObject({ path, reason }: Refused): object {
  return { file: path, outcome: 'failed', reason }
}

export function renderExplanation(explanation: Explanation, options: ExplainOptions, look: ExplanationLook): readonly string[] {
  const { media, end } = explanation
  const { chalk, columns } = look
  const section = (title: string, lines: readonly string[]): readonly string[] => [chalk.bold(title), ...lines]
  const head = [chalk.bold(toVisible(media.path)), ...wrapWords(`  ${describeMedia(media)}`, columns, 2)]
  const rules = section('Rules', renderRules(explanation, look))
  if (end.kind !== 'encode') {
    const word = end.kind === 'skip' ? 'Skipped' : 'Not encoded'
    return [...head, ...rules, ...wrapWords(`${chalk.yellow(word)}: ${toVisible(end.reason)}`, columns, 2)]
  }
  return [
    ...head,
    ...rules,
    ...section('Profile', renderProfile(end, isShippedProfile(end.resolved, options), look)),
    ...section('Streams', [
      ...wrapWords(`  ${end.streams.reason}`, columns, 2),
      ...renderStreams(end.streams.streams, look),
      ...end.warnings.flatMap((warning) => wrapWords(`  ${chalk.yellow('!')} ${toVisible(warning)}`, columns, 4)),
    ]),
    ...renderVariants(end, media, look),
    ...section('Result', wrapWords(`  ${toVisible(end.output)}${describeResult(end.output, media.path, options, look)}`, columns, 2)),
    ...section(
      `Hosts${options.cluster === undefined ? '' : ` of cluster ${toVisible(options.cluster)}`} (none was asked; "encode --dry-run" asks them)`,
      end.hosts.flatMap((host) => renderHost(host, media.path, look)),
    ),
    ...(end.hosts.some(({ verdict }) => verdict !== 'could not') ? [] : [chalk.red('No host could take it')]),
  ]
}

function describeMedia(media: MediaInfo): string {
  const length = media.durationSeconds > 0 ? formatDuration(media.durationSeconds) : 'length not known'
  return `${formatBytes(media.sizeBytes)}, ${length}, ${toVisible(media.container)}`
}

function renderRules({ asked, rules }: Explanation, look: Look): readonly string[] {
  const { chalk, columns } = look
  if (asked !== undefined) return wrapWords(`  not asked: the command line names "${toVisible(asked)}"`, columns, 2)
  if (rules.length === 0) return ['  the configuration has none; name a profile with -p']
  const taker = rules.find(({ verdict }) => verdict === 'takes it')?.name
  return rules.flatMap((rule) => {
    const mark = { 'takes it': chalk.green('✓'), passes: chalk.red('✗'), 'not asked': chalk.dim('·') }[rule.verdict]
    const text = `  ${mark} ${toVisible(rule.name)} → ${toVisible(rule.profile)} ${chalk.dim(`(line ${rule.line})`)}`
    return [...wrapWords(text, columns, 4), ...describeVerdict(rule, taker, look)]
  })
}

function describeVerdict({ verdict, criteria }: RuleExplanation, taker: string | undefined, { chalk, columns }: Look): readonly string[] {
  if (verdict === 'not asked') return wrapWords(chalk.dim(`      not asked: rule "${toVisible(taker ?? '')}" took the file`), columns, 6)
  if (criteria.length === 0) return ['      takes every file']
  return criteria.flatMap((criterion) => {
    const mark = criterion.isMet ? chalk.green('✓') : chalk.red('✗')
    return wrapWords(`    ${mark} ${toVisible(describeMatch(criterion))}`, columns, 6)
  })
}

function describeMatch(criterion: CriterionVerdict): string {
  // The path stands above.
  if (criterion.criterion === 'path') return `path ${criterion.isMet ? 'matches' : 'does not match'} ${criterion.wanted}`
  return describeCriterion(criterion)
}

type Encode = Explanation['end'] & { readonly kind: 'encode' }

function renderProfile({ profile, resolved, mixins, variants }: Encode, isShipped: boolean, { chalk, columns }: Look): readonly string[] {
  const lines: readonly NotedLine[] = [
    {
      text: `  ${toVisible(profile.name)}${profile.kind === 'template' ? ', a template' : ''}`,
      note: describePlace(resolved.place, isShipped),
    },
    variants.length === 1
      ? { text: `  queue ${(variants[0]?.queues ?? []).map(toVisible).join(' or ')}`, note: originOf('queue') }
      : {
          text: `  made by the first of ${variants.map(({ name }) => toVisible(name)).join(', ')} that works on the host`,
          note: originOf('variants'),
        },
    ...describeLabels(variants).map((text) => ({ text: `  ${text}` })),
    { text: `  extension ${profile.extension}`, note: originOf('extension') },
    ...(profile.threshold === 0
      ? []
      : [{ text: `  at least ${profile.threshold} % smaller, else the source stays`, note: originOf('threshold') }]),
    ...(mixins.length === 0 ? [] : [{ text: `  with ${mixins.map(toVisible).join(', ')} mixed in` }]),
  ]
  return renderNoted(lines, columns, chalk.dim)

  function originOf(setting: Setting): string {
    const origin = resolved.origins.settings[setting]
    return origin === undefined ? 'default' : describeOrigin(origin, profile.name)
  }
}

function isShippedProfile({ name, kind }: ResolvedProfile, { config }: ExplainOptions): boolean {
  return kind === 'profile' && config.profiles.some((profile) => profile.name === name && profile.isShipped)
}

/** Of the last variant, which asks for least. */
function describeLabels(variants: readonly VariantExplanation[]): readonly string[] {
  const { require = [], any = [], prefer = [] } = variants.at(-1)?.labels ?? {}
  const list = (labels: readonly string[]): string => toVisible(labels.join(', '))
  return [
    ...(require.length > 0 ? [`requires the labels ${list(require)}`] : []),
    ...(any.length > 0 ? [`wants one of the labels ${list(any)}`] : []),
    ...(prefer.length > 0 ? [`prefers the labels ${list(prefer)}`] : []),
  ]
}

function renderStreams(streams: readonly StreamVerdict[], { chalk, columns }: Look): readonly string[] {
  return streams.flatMap(({ stream, isKept, reason }) => {
    const mark = isKept === undefined ? chalk.yellow('?') : isKept ? chalk.green('✓') : chalk.red('✗')
    return wrapWords(`  ${mark} ${describeStream(stream)}${reason === undefined ? '' : `: ${toVisible(reason)}`}`, columns, 4)
  })
}

function describeStream(stream: MediaStream): string {
  const { index, kind, codec, language, width, height, fps, channels, isDefault } = stream
  const parts = [
    codec,
    ...(language === 'und' ? [] : [language]),
    ...(width === undefined || height === undefined ? [] : [`${width}x${height}`]),
    ...(fps === undefined || stream.isAttachedPicture ? [] : [`${Math.round(fps * 100) / 100} fps`]),
    ...(channels === undefined ? [] : [`${channels} channels`]),
    ...(isDefault ? ['default'] : []),
  ]
  return toVisible(`${index} ${kind} ${parts.join(', ')}`)
}

function renderVariants(end: Encode, media: MediaInfo, look: Look): readonly string[] {
  const { chalk, columns, isVerbose } = look
  const { variants } = end
  const shown = isVerbose ? variants : variants.slice(-1)
  const left = variants.length - shown.length
  return shown.flatMap((variant) => {
    const title = variants.length === 1 ? 'Arguments' : `Arguments with ${toVisible(variant.name)}`
    const more = left > 0 ? chalk.dim(` (-v shows those of the other ${left === 1 ? 'variant' : `${left} variants`})`) : ''
    return [...wrapWords(`${chalk.bold(title)}${more}`, columns, 2), ...renderArguments(variant, end, media, look)]
  })
}

function renderArguments(
  { pieces }: VariantExplanation,
  { profile, output }: Encode,
  media: MediaInfo,
  { chalk, columns }: Look,
): readonly string[] {
  const piece = ({ arguments: words, origin }: ArgumentPiece): NotedLine => ({
    text: `  ${quoteCommand(words)}`,
    note: origin === undefined ? "for this file's streams" : describeOrigin(origin, profile.name),
  })
  const lines: readonly NotedLine[] = [
    { text: '  -y' },
    ...pieces.filter(({ place }) => place === 'input').map(piece),
    { text: `  -i ${quoteArgument(media.path)}` },
    ...pieces.filter(({ place }) => place === 'output').map(piece),
    { text: `  ${quoteArgument(output)}` },
  ]
  return renderNoted(lines, columns, chalk.dim)
}

function describeResult(output: string, source: string, options: ExplainOptions, { isTaken, overwrites }: ExplanationLook): string {
  if (output === source) return ', in place of the source'
  const isKept = options.keepsSource || options.outputFolder !== undefined
  const fate = isKept ? '; the source stays' : '; the source goes once it stands'
  if (!isTaken) return fate
  return overwrites ? `${fate}; the file of that name is replaced` : '; refused, since a file of that name exists (--overwrite allows it)'
}

function renderHost({ host, type, verdict, reasons, variants, sourcePath }: HostVerdict, source: string, look: Look): readonly string[] {
  const { chalk, columns } = look
  const mark = { could: chalk.green('✓'), perhaps: chalk.yellow('?'), 'could not': chalk.red('✗') }[verdict]
  const path = sourcePath === undefined ? '' : sourcePath === source ? '; reads it under the same path' : `; reads it as ${sourcePath}`
  const slots = variants.length === 1 ? variants.map(describeSlots).join('') : describeVariants(variants)
  const parts = verdict === 'could not' ? reasons : [`${type}, ${slots}${path}`, ...reasons]
  return wrapWords(`  ${mark} ${toVisible(host)}: ${toVisible(parts.join('; '))}`, columns, 4)
}

/** `hevc_nvenc in queue cuda (2 slots), else libx265 or copy in queue _default (1 slot)` */
function describeVariants(variants: readonly HostVariant[]): string {
  const groups: { readonly slots: string; readonly names: string[] }[] = []
  for (const variant of variants) {
    const slots = describeSlots(variant)
    const last = groups.at(-1)
    if (last?.slots === slots) last.names.push(variant.name)
    else groups.push({ slots, names: [variant.name] })
  }
  return groups.map(({ slots, names }) => `${names.join(' or ')} in ${slots}`).join(', else ')
}

function describeSlots({ queue, slots }: HostVariant): string {
  if (queue === undefined) return 'the queues that it finds for itself'
  return `queue ${queue} (${slots} ${slots === 1 ? 'slot' : 'slots'})`
}

export function toExplanationObject(explanation: Explanation, { cluster }: ExplainOptions): object {
  const { media, asked, rules, end } = explanation
  const base = {
    file: media.path,
    outcome: end.kind,
    cluster: cluster ?? LOCAL_CLUSTER,
    asked_for: asked ?? null,
    rules: rules.map(({ name, profile, line, verdict, criteria }) => ({
      rule: name,
      profile,
      line,
      verdict,
      criteria: criteria.map(({ criterion, wanted, found, isMet }) => ({ criterion, wanted, found: found ?? null, met: isMet })),
    })),
  }
  if (end.kind !== 'encode') return { ...base, reason: end.reason }
  const { profile, mixins, streams, warnings, variants, output, hosts } = end
  return {
    ...base,
    rule: asked === undefined ? (rules.find(({ verdict }) => verdict === 'takes it')?.name ?? null) : null,
    profile: profile.name,
    kind: profile.kind,
    queue: profile.queue,
    mixins,
    threshold: profile.threshold,
    stream_map: streams.reason,
    streams: streams.streams.map(({ stream, isKept, reason }) => ({
      index: stream.index,
      kind: stream.kind,
      codec: stream.codec,
      language: stream.language,
      kept: isKept ?? null,
      reason: reason ?? null,
    })),
    warnings,
    variants: variants.map(({ name, queues, labels, arguments: args, pieces }) => ({
      variant: name,
      queues,
      labels,
      arguments: toFfmpegArguments(args, media.path, output),
      pieces: pieces.map(({ place, arguments: words, origin }) => ({
        place,
        arguments: words,
        origin: origin === undefined ? null : toOriginObject(origin),
      })),
    })),
    arguments: variants.slice(-1).flatMap((variant) => toFfmpegArguments(variant.arguments, media.path, output)),
    output,
    connected: false,
    hosts: hosts.map(({ host, type, verdict, reasons, variants: possible, sourcePath }) => ({
      host,
      type,
      verdict,
      reasons,
      variants: possible.map(({ name, queue, slots }) => ({ variant: name, queue: queue ?? null, slots: slots ?? null })),
      source: sourcePath ?? null,
    })),
  }
}
