/**
 * Arguments → one command. The order counts: `-c`, `-p`, `-t` and `-m` hold for the paths that follow them.
 * Every problem of a call is found, not only the first.
 */

import { parseArgs } from 'node:util'
import { EncodeError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { parseRate } from '../core/units.ts'
import { VERIFY_LEVELS, type VerifyLevel } from '../model/plan.ts'
import type { ProfileChoice, Target } from '../plan/target.ts'
import { STRATEGY_NAMES, type StrategyName } from '../scheduler/strategy.ts'
import { COMMANDS, type CommandName, OPTIONS, type OptionSpec } from './options.ts'

export interface Arguments {
  readonly command: 'run' | CommandName | 'help' | 'version'
  /** Paths of a run, or to explain, in order. */
  readonly targets: readonly Target[]
  /** What follows the name of another command. */
  readonly words: readonly string[]
  /** For the queue file's paths: what holds where `--from-file` stands, and where that says nothing, what follows. */
  readonly last: { readonly cluster: string | undefined; readonly choice: ProfileChoice }
  /** Every cluster that was named. */
  readonly clusters: readonly string[]
  readonly hosts: readonly string[]
  readonly output: string | undefined
  readonly keepsSource: boolean
  readonly overwrites: boolean
  readonly fromFile: string | undefined
  readonly isDryRun: boolean
  /** `--drain`: not a run, but an end to those under way. */
  readonly isDrain: boolean
  readonly isSequential: boolean
  readonly strategy: StrategyName
  /** Undefined: as the configuration says. */
  readonly verify: VerifyLevel | undefined
  /** Bytes a second; 0 = no limit, undefined = as the configuration says. */
  readonly rateLimitBytes: number | undefined
  readonly config: string | undefined
  readonly isJson: boolean
  readonly isPlain: boolean
  readonly verbosity: 'quiet' | 'normal' | 'verbose'
  readonly hasColor: boolean
}

type Token =
  | {
      readonly kind: 'option'
      readonly name: string
      readonly rawName: string
      readonly value: string | undefined
      readonly inlineValue: boolean | undefined
    }
  | { readonly kind: 'positional'; readonly value: string }
  | { readonly kind: 'option-terminator' }

/** These hold for the paths that follow them. */
const HOLDS_FOR_PATHS: ReadonlySet<string> = new Set(['cluster', 'profile', 'template', 'mixin'])

/** Rejects by throwing USAGE_INVALID, all problems in one message. */
export function parseArguments(argv: readonly string[]): Arguments {
  const tokens = tokenize(argv)
  const first = tokens.find((token) => token.kind !== 'option')
  const command = first?.kind === 'positional' ? COMMANDS.find(({ name }) => name === first.value)?.name : undefined
  const problems: string[] = []
  const flags = new Set<string>()
  const single = new Map<string, string>()
  const clusters: string[] = []
  const hosts: string[] = []
  /** Options since the last path that hold for paths. */
  let behindPaths: { readonly name: string; readonly text: string }[] = []
  let queue: Pick<Target, 'cluster' | 'choice'> | undefined
  const targets: Target[] = []
  const words: string[] = []
  let cluster: string | undefined
  let choice: ProfileChoice = { profile: undefined, template: undefined, mixins: [] }

  for (const token of tokens) {
    if (token.kind === 'option-terminator' || (token === first && command !== undefined)) continue
    if (token.kind === 'positional') {
      words.push(token.value)
      targets.push({ path: token.value, cluster, choice, queueFile: undefined })
      behindPaths = []
      continue
    }
    const spec = OPTIONS.find(({ long }) => long === token.name) as OptionSpec | undefined
    if (spec === undefined) {
      problems.push(describeUnknown(token.rawName))
    } else if (spec.value === undefined) {
      if (token.value !== undefined) problems.push(`Option "--${spec.long}" takes no value, but was given "${token.value}"`)
      flags.add(spec.long)
    } else if (token.value === undefined || token.value === '' || (token.inlineValue !== true && isOption(token.value))) {
      problems.push(`Option "${token.rawName}" needs a value: ${token.rawName} ${spec.value}`)
    } else {
      take(spec.long, token.value)
      if (HOLDS_FOR_PATHS.has(spec.long)) behindPaths.push({ name: spec.long, text: `${token.rawName} ${token.value}` })
      if (spec.long === 'from-file') {
        queue ??= { cluster, choice }
        behindPaths = []
      }
    }
  }

  function take(name: string, value: string): void {
    if (name === 'cluster') {
      cluster = value
      clusters.push(value)
    } else if (name === 'profile') choice = { ...choice, profile: value, template: undefined }
    else if (name === 'template') choice = { ...choice, template: value, profile: undefined }
    else if (name === 'mixin')
      choice = {
        ...choice,
        mixins: value
          .split(',')
          .map((mixin) => mixin.trim())
          .filter((mixin) => mixin !== ''),
      }
    else if (name === 'host') hosts.push(value)
    else if (single.has(name) && single.get(name) !== value)
      problems.push(`Option "--${name}" was given twice: "${single.get(name)}" and "${value}"`)
    else single.set(name, value)
  }

  const idle = queue === undefined ? behindPaths : behindPaths.filter(({ name }) => isSaid(queue, name))
  if (command === undefined && idle.length > 0 && (targets.length > 0 || queue !== undefined)) {
    const text = idle.map((option) => option.text).join(' ')
    problems.push(`"${text}" stands behind every path and so holds for none: put it before the paths that it is for`)
  }
  const strategy = single.get('strategy') ?? 'fastest'
  if (!isStrategy(strategy)) {
    const guess = nearest(strategy, STRATEGY_NAMES)
    problems.push(
      `Unknown strategy "${strategy}"; ${guess === undefined ? '' : `did you mean "${guess}"? `}allowed are ${STRATEGY_NAMES.join(', ')}`,
    )
  }
  const verify = single.get('verify')
  if (verify !== undefined && toVerifyLevel(verify) === undefined)
    problems.push(`Unknown level of verification "${verify}"; allowed are ${VERIFY_LEVELS.join(', ')}`)
  const rate = single.get('rate-limit')
  const rateLimitBytes = rate === undefined ? undefined : parseRate(rate)
  if (rate !== undefined && rateLimitBytes === undefined)
    problems.push(`"${rate}" is no rate for --rate-limit; give bytes or bits a second such as 20M or 100Mbit, or off`)
  if (flags.has('keep-source') && single.has('output'))
    problems.push('Options "-k" and "-o" exclude each other: with "-o" the sources stay anyway')
  const isShort = flags.has('help') || flags.has('version')
  if (problems.length > 0 && !isShort) throw new EncodeError('USAGE_INVALID', problems.join('\n'), { hint: 'See "encode --help"' })
  return {
    command: flags.has('help') ? 'help' : flags.has('version') ? 'version' : (command ?? 'run'),
    targets:
      command === undefined ? targets : command === 'explain' ? targets.map((target) => withWhatFollows(target, cluster, choice)) : [],
    words,
    last: withWhatFollows(queue ?? { cluster, choice }, cluster, choice),
    clusters,
    hosts,
    output: single.get('output'),
    keepsSource: flags.has('keep-source'),
    overwrites: flags.has('overwrite'),
    fromFile: single.get('from-file'),
    isDryRun: flags.has('dry-run'),
    isDrain: flags.has('drain'),
    isSequential: flags.has('sequential'),
    strategy: isStrategy(strategy) ? strategy : 'fastest',
    verify: toVerifyLevel(verify),
    rateLimitBytes,
    config: single.get('config'),
    isJson: flags.has('json'),
    isPlain: flags.has('plain'),
    verbosity: flags.has('quiet') ? 'quiet' : flags.has('verbose') ? 'verbose' : 'normal',
    hasColor: !flags.has('no-color'),
  }
}

/** Whether an option of that name, before the queue file, says already what its paths get. */
function isSaid({ cluster, choice }: Pick<Target, 'cluster' | 'choice'>, name: string): boolean {
  if (name === 'cluster') return cluster !== undefined
  return name === 'mixin' ? choice.mixins.length > 0 : choice.profile !== undefined || choice.template !== undefined
}

/** `encode explain FILE -c CLUSTER`, `--from-file FILE -c CLUSTER`: what stood before the path counts first. */
function withWhatFollows<Part extends Pick<Target, 'cluster' | 'choice'>>(
  target: Part,
  cluster: string | undefined,
  choice: ProfileChoice,
): Part {
  const { profile, template, mixins } = target.choice
  const isChosen = profile !== undefined || template !== undefined
  return {
    ...target,
    cluster: target.cluster ?? cluster,
    choice: {
      profile: isChosen ? profile : choice.profile,
      template: isChosen ? template : choice.template,
      mixins: mixins.length > 0 ? mixins : choice.mixins,
    },
  }
}

function tokenize(argv: readonly string[]): readonly Token[] {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }> = {}
  for (const spec of OPTIONS as readonly OptionSpec[]) {
    options[spec.long] = {
      type: spec.value === undefined ? 'boolean' : 'string',
      multiple: true,
      ...(spec.short === undefined ? {} : { short: spec.short }),
    }
  }
  return parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true }).tokens as readonly Token[]
}

function describeUnknown(rawName: string): string {
  const guess = nearest(
    rawName.replace(/^-+/, ''),
    (OPTIONS as readonly OptionSpec[]).map(({ long }) => long),
  )
  return `Unknown option "${rawName}"${guess === undefined ? '' : `; did you mean "--${guess}"?`}`
}

/** `-c -p x`: the value was forgotten. A lone `-` and `-1` are values. */
function isOption(value: string): boolean {
  return /^-{1,2}[a-z]/.test(value)
}

function toVerifyLevel(name: string | undefined): VerifyLevel | undefined {
  return VERIFY_LEVELS.find((level) => level === name)
}

function isStrategy(name: string): name is StrategyName {
  return (STRATEGY_NAMES as readonly string[]).includes(name)
}
