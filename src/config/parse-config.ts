/**
 * The text of a configuration file → one frozen Config, or one error that tells all that is wrong with it.
 * Pure: reads nothing but its arguments.
 */

import { EncodeError } from '../core/errors.ts'
import type { Config, ConfigWarning, ProfileDefinition } from '../model/config.ts'
import { buildClusters, buildQueues, buildRate, buildSize, type ExpandPath, isAuto } from './build-clusters.ts'
import { buildProfiles, buildRules, buildSeconds, buildTemplates, buildVerifyLevel } from './build-profiles.ts'
import { checkQuirks, isWrittenForPytranscoder } from './check-quirks.ts'
import { checkIncludes, checkNames, checkRuleValues, checkUses, type Known } from './check-references.ts'
import { checkShape, findDeprecated } from './check-shape.ts'
import { fitValues } from './fit-values.ts'
import { booleanOf, type Finding, type Findings, type Located, numberOf, textOf, valueAt } from './located.ts'
import { readYaml } from './read-yaml.ts'
import { createSourceText, formatReport, type SourceText } from './report.ts'
import type { Schema } from './schema/json-schema.ts'
import { CONFIG_SCHEMA, SHIPPED_SCHEMA } from './schema.ts'

export interface ParseOptions {
  /** What `~/` means in paths of this machine; undefined leaves them as written. */
  readonly homeFolder?: string | undefined
}

/** All that can be said of a configuration file: what it means, and where everything in it was written. */
export interface ExaminedConfig {
  /** To be trusted where there are no problems. */
  readonly config: Omit<Config, 'warnings'>
  readonly source: SourceText
  /** Fitted to the schema; an empty map where the file holds nothing. */
  readonly root: Located
  readonly problems: readonly Finding[]
  readonly warnings: readonly Finding[]
}

/**
 * @param file name of the file as messages give it.
 * @param shipped profiles that come with the program; the file's own of the same name replace them.
 * @throws EncodeError CONFIG_INVALID whose message is the whole report.
 */
export function parseConfig(text: string, file: string, shipped: readonly ProfileDefinition[], options: ParseOptions = {}): Config {
  return toConfig(examineConfig(text, file, shipped, options))
}

/** As `parseConfig`, but what is wrong is part of the answer. */
export function examineConfig(
  text: string,
  file: string,
  shipped: readonly ProfileDefinition[],
  options: ParseOptions = {},
): ExaminedConfig {
  const source = createSourceText(file, text)
  const findings: Findings = { problems: [], warnings: [] }
  const { root, breakOffset } = readFitted(source, CONFIG_SCHEMA, findings)
  const expandPath = createExpandPath(options.homeFolder)
  const config = buildConfig(root, source, shipped, findings, expandPath)
  const known: Known = { profiles: config.profiles, templates: config.templates }

  const deprecated = findDeprecated(root, CONFIG_SCHEMA)
  findings.warnings.push(...deprecated, ...checkQuirks(root, source))
  findings.problems.push(...[...checkNames(root), ...checkRuleValues(root)].filter(({ offset }) => offset < breakOffset))
  // In a file that could not be read to its end, what is missed may stand behind the break.
  if (breakOffset === Number.POSITIVE_INFINITY) {
    findings.problems.push(...checkIncludes(root, source, known))
    const isLenient = isWrittenForPytranscoder(root, deprecated.length > 0) && findings.problems.length === 0
    findings[isLenient ? 'warnings' : 'problems'].push(...checkUses(root, source, known))
  }
  return { config, source, root, ...findings }
}

/** @throws EncodeError CONFIG_INVALID whose message is the whole report. */
export function toConfig({ config, source, problems, warnings }: ExaminedConfig): Config {
  throwProblems(source, problems)
  return deepFreeze({ ...config, warnings: toWarnings(source, warnings) })
}

/** The configuration of somebody who has none. */
export function createDefaultConfig(shipped: readonly ProfileDefinition[]): Config {
  return deepFreeze({ ...parseConfig('', '', shipped), file: undefined })
}

/** @throws EncodeError CONFIG_INVALID */
export function parseShippedProfiles(text: string, file: string): readonly ProfileDefinition[] {
  const { source, root } = readShippedFile(text, file)
  return buildProfiles(valueAt(root, 'profiles'), source, true)
}

/** @throws EncodeError CONFIG_INVALID */
export function readShippedFile(text: string, file: string): Pick<ExaminedConfig, 'source' | 'root'> {
  const source = createSourceText(file, text)
  const findings: Findings = { problems: [], warnings: [] }
  const { root } = readFitted(source, SHIPPED_SCHEMA, findings)
  throwProblems(source, findings.problems)
  return { source, root }
}

interface Fitted {
  readonly root: Located
  /** Where the YAML breaks off; what is found from there on is not sure. Infinity for a file that is whole. */
  readonly breakOffset: number
}

function readFitted(source: SourceText, schema: Schema, findings: Findings): Fitted {
  const empty: Located = { kind: 'map', offset: 0, entries: new Map() }
  const written = readYaml(source, findings)
  const breakOffset = Math.min(Number.POSITIVE_INFINITY, ...findings.problems.map(({ offset }) => offset))
  const isEmpty = written === undefined || (written.kind === 'scalar' && written.value === null)
  const root = isEmpty ? empty : fitValues(written, schema)
  const sure = checkShape(root, schema).filter(({ offset, isAbsence }) => offset < breakOffset && !(isAbsence && breakOffset < Infinity))
  findings.problems.push(...sure)
  return { root: root.kind === 'map' ? root : empty, breakOffset }
}

function buildConfig(
  root: Located,
  source: SourceText,
  shipped: readonly ProfileDefinition[],
  findings: Findings,
  expandPath: ExpandPath,
): Omit<Config, 'warnings'> {
  const section = valueAt(root, 'config')
  const profiles = buildProfiles(valueAt(root, 'profiles'), source, false)
  const templates = buildTemplates(valueAt(root, 'templates'), source)
  const own = new Set([...profiles, ...templates].map(({ name }) => name))
  const jobs = numberOf(valueAt(section, 'concurrent_jobs')) ?? 1
  return {
    file: source.file,
    defaultQueueFile: expandPath(textOf(valueAt(section, 'default_queue_file'))),
    ffmpeg: expandPath(textOf(valueAt(section, 'ffmpeg'))),
    ffprobe: expandPath(textOf(valueAt(section, 'ffprobe'))),
    ssh: expandPath(textOf(valueAt(section, 'ssh'))),
    queues: { _default: jobs, ...buildQueues(valueAt(section, 'queues')) },
    hasAutoQueues: isAuto(valueAt(section, 'queues')),
    colorize: booleanOf(valueAt(section, 'colorize')),
    automap: booleanOf(valueAt(section, 'automap')) ?? true,
    flsPath: expandPath(textOf(valueAt(section, 'fls_path'))),
    checksum: booleanOf(valueAt(section, 'checksum')),
    hardLinks: textOf(valueAt(section, 'hard_links')) === 'skip' ? 'skip' : undefined,
    minFreeBytes: buildSize(valueAt(section, 'min_free')),
    rateLimitBytes: buildRate(valueAt(section, 'rate_limit')),
    maxFailures: numberOf(valueAt(section, 'max_failures')),
    stallSeconds: buildSeconds(valueAt(section, 'stall_timeout')),
    verify: buildVerifyLevel(valueAt(section, 'verify')),
    streamSafety: booleanOf(valueAt(section, 'stream_safety')),
    clusters: buildClusters(valueAt(section, 'clusters'), {
      source,
      findings,
      expandPath,
      keepaliveSeconds: numberOf(valueAt(section, 'keepalive')),
      prefetch: numberOf(valueAt(section, 'prefetch')),
      checksum: booleanOf(valueAt(section, 'checksum')),
    }),
    profiles: [...shipped.filter(({ name }) => !own.has(name)), ...profiles],
    templates,
    rules: buildRules(valueAt(root, 'rules'), source),
  }
}

function createExpandPath(homeFolder: string | undefined): ExpandPath {
  return (path) => (homeFolder === undefined || path === undefined ? path : path.replace(/^~(?=\/|$)/, () => homeFolder))
}

function throwProblems(source: SourceText, problems: readonly Finding[]): void {
  if (problems.length > 0) throw new EncodeError('CONFIG_INVALID', formatReport(source, problems))
}

function toWarnings(source: SourceText, warnings: readonly Finding[]): readonly ConfigWarning[] {
  return [...warnings].sort((a, b) => a.offset - b.offset).map(({ offset, message }) => ({ message, place: source.placeOf(offset) }))
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
