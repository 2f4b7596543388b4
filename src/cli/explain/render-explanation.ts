/** An explanation for a person, and for a program. */

import type { ChalkInstance } from 'chalk'
import { toPlainLine, toVisible } from '../../core/text.ts'
import { formatBytes, formatDuration } from '../../core/units.ts'
import type { MediaInfo, MediaStream } from '../../model/media.ts'
import { toFfmpegArguments } from '../../model/plan.ts'
import { LOCAL_CLUSTER } from '../../plan/target.ts'
import type { ArgumentPiece } from '../../profile/explain-arguments.ts'
import { type CriterionVerdict, describeCriterion } from '../../profile/explain-rules.ts'
import { quoteArgument, quoteCommand } from '../../view/quote-argument.ts'
import { wrapWords } from '../../view/wrap-words.ts'
import { describeOrigin, describePlace, toOriginObject } from '../describe-origin.ts'
import { type NotedLine, renderNoted } from '../render-columns.ts'
import type { ExplainOptions, Explanation, RuleExplanation } from './explain-file.ts'
import type { HostVerdict } from './explain-hosts.ts'
import type { StreamVerdict } from './explain-streams.ts'

export interface Look {
  readonly chalk: ChalkInstance
  readonly columns: number
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
    ...section('Profile', renderProfile(end, look)),
    ...section('Streams', [...wrapWords(`  ${end.streams.reason}`, columns, 2), ...renderStreams(end.streams.streams, look)]),
    ...section('Arguments', renderArguments(end, media, look)),
    ...section('Result', wrapWords(`  ${toVisible(end.output)}${describeResult(end.output, media.path, options, look)}`, columns, 2)),
    ...section(
      `Hosts${options.cluster === undefined ? '' : ` of cluster ${toVisible(options.cluster)}`} (none was asked; "encode --dry-run" asks them)`,
      end.hosts.flatMap((host) => renderHost(host, media.path, look)),
    ),
    ...(end.hosts.some(({ isAble }) => isAble) ? [] : [chalk.red('No host could take it')]),
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

function renderProfile({ profile, resolved, mixins }: Encode, { chalk, columns }: Look): readonly string[] {
  const lines: readonly NotedLine[] = [
    {
      text: `  ${toVisible(profile.name)}${profile.kind === 'template' ? ', a template' : ''}`,
      note: describePlace(resolved.place),
    },
    { text: `  queue ${toVisible(profile.queue)}`, note: originOf('queue') },
    { text: `  extension ${profile.extension}`, note: originOf('extension') },
    ...(profile.threshold === 0
      ? []
      : [{ text: `  at least ${profile.threshold} % smaller, else the source stays`, note: originOf('threshold') }]),
    ...(mixins.length === 0 ? [] : [{ text: `  with ${mixins.map(toVisible).join(', ')} mixed in` }]),
  ]
  return renderNoted(lines, columns, chalk.dim)

  function originOf(setting: 'queue' | 'extension' | 'threshold'): string {
    const origin = resolved.origins.settings[setting]
    return origin === undefined ? 'default' : describeOrigin(origin, profile.name)
  }
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

function renderArguments({ pieces, profile, output }: Encode, media: MediaInfo, { chalk, columns }: Look): readonly string[] {
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

function renderHost({ host, type, isAble, reasons, slots, sourcePath }: HostVerdict, source: string, look: Look): readonly string[] {
  const { chalk, columns } = look
  const mark = isAble ? chalk.green('✓') : chalk.red('✗')
  const path = sourcePath === undefined ? '' : sourcePath === source ? ', reads it under the same path' : `, reads it as ${sourcePath}`
  const text = isAble ? `${type}, ${slots} ${slots === 1 ? 'slot' : 'slots'}${path}` : reasons.join('; ')
  return wrapWords(`  ${mark} ${toVisible(host)}: ${toVisible(text)}`, columns, 4)
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
  const { profile, mixins, streams, pieces, output, hosts } = end
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
    arguments: toFfmpegArguments(end.arguments, media.path, output),
    pieces: pieces.map(({ place, arguments: words, origin }) => ({
      place,
      arguments: words,
      origin: origin === undefined ? null : toOriginObject(origin),
    })),
    output,
    connected: false,
    hosts: hosts.map(({ host, type, isAble, reasons, slots, sourcePath }) => ({
      host,
      type,
      able: isAble,
      reasons,
      slots,
      source: sourcePath ?? null,
    })),
  }
}
