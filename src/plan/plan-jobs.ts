/**
 * Source files → jobs: facts, profile, arguments, result name. Everything that can be refused is refused here, before
 * anything starts: a file that cannot be read, a result that would fall on another file, two sources of one result.
 */

import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { describeError, EncodeError, isEncodeError } from '../core/errors.ts'
import { mapConcurrently } from '../core/map-concurrently.ts'
import type { Config, HostConfig } from '../model/config.ts'
import { HARDWARE_KINDS } from '../model/encoder.ts'
import type { MediaInfo } from '../model/media.ts'
import type { JobPlan } from '../model/plan.ts'
import { type Selection, selectProfile } from '../profile/select-profile.ts'
import { toOutputName } from '../profile/to-output-name.ts'
import type { Ffprobe } from './ffprobe.ts'
import type { FoundSource, RefusedSource } from './find-sources.ts'
import { type MarkedJob, markJob, refuseClashes } from './refuse-clashes.ts'
import { LOCAL_CLUSTER, type Target } from './target.ts'

export interface PlanOptions {
  readonly config: Config
  readonly ffprobe: Ffprobe
  readonly outputFolder: string | undefined
  readonly keepsSource: boolean
  readonly overwrites: boolean
  /** Enabled hosts of each cluster that this run may use. */
  readonly hosts: ReadonlyMap<string, readonly HostConfig[]>
  readonly signal: AbortSignal
  readonly toJobId: (number: number) => string
}

/** What became of one source of a target. */
export type PlannedFile = { readonly target: Target } & (
  | { readonly kind: 'job'; readonly plan: JobPlan }
  | { readonly kind: 'skipped'; readonly file: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly file: string; readonly reason: string }
)

/** All that `queues: auto` can make. */
const AUTO_QUEUES: ReadonlySet<string> = new Set(['_default', 'cuda', ...HARDWARE_KINDS])

/** Names of ffprobe for files that hold one picture: `png_pipe`, `jpeg_pipe`, `image2`. */
const PICTURE_FORMAT = /^(?:image2|\w+_pipe)$/

/** ffprobe waits for disks more than it computes. */
const PROBES_AT_ONCE = 8

export interface Planner {
  /**
   * In the order of the sources; each source of a run is planned once, and what an earlier call planned counts for clashes.
   * Rejects with CONFIG_INVALID or USAGE_INVALID for what is wrong with the whole call.
   */
  plan(sources: readonly (FoundSource | RefusedSource)[]): Promise<readonly PlannedFile[]>
}

export function createPlanner(options: PlanOptions): Planner {
  const claimed = new Map<string, string>()
  let jobs = 0
  return {
    async plan(sources) {
      const drafts = await mapConcurrently(sources, PROBES_AT_ONCE, (source) => draft(source, options))
      options.signal.throwIfAborted()
      const refused = refuseClashes(
        drafts.filter((file) => file.kind === 'job'),
        claimed,
      )
      return drafts.map((file): PlannedFile => {
        if (file.kind !== 'job') return file
        const { target, plan } = file
        const reason = refused.get(file)
        if (reason !== undefined) return toFailed(target, plan.source.path, reason)
        jobs += 1
        return { kind: 'job', target, plan: { ...plan, id: options.toJobId(jobs) } }
      })
    },
  }
}

type Draft = Exclude<PlannedFile, { kind: 'job' }> | ({ readonly kind: 'job'; readonly target: Target } & MarkedJob)

async function draft(source: FoundSource | RefusedSource, options: PlanOptions): Promise<Draft> {
  const { target } = source
  if (source.kind === 'refused') return toFailed(target, source.path, source.reason)
  options.signal.throwIfAborted()
  try {
    const media = await options.ffprobe.probe(source.path, options.signal)
    refusePicture(media)
    const selection = selectProfile(options.config, media, target.choice)
    if (selection.kind !== 'encode') return { kind: 'skipped', target, file: source.path, reason: selection.reason }
    const plan = toPlan(source, media, selection, options)
    checkQueue(plan, options)
    const isTaken = await checkOutput(plan, source)
    // What turns up under that name later is not what the person saw when they said --overwrite: it may be another film's result.
    const decided = { ...plan, mayOverwrite: plan.mayOverwrite && isTaken }
    return { kind: 'job', target, plan: decided, marks: await markJob(decided) }
  } catch (error) {
    if (!(error instanceof EncodeError) || isEncodeError(error, 'CONFIG_INVALID') || isEncodeError(error, 'USAGE_INVALID')) throw error
    return toFailed(target, source.path, describeError(error))
  }
}

/** Posters lie beside films, and a shell's `*` names them too: as a film of one frame such a file would be lost. */
function refusePicture({ container }: MediaInfo): void {
  if (!PICTURE_FORMAT.test(container)) return
  throw new EncodeError('SOURCE_UNREADABLE', 'It is a picture, neither film nor sound')
}

function toPlan(source: FoundSource, media: MediaInfo, selection: Selection & { kind: 'encode' }, options: PlanOptions): JobPlan {
  const replacesSource = !options.keepsSource && options.outputFolder === undefined
  return {
    id: '',
    cluster: source.target.cluster ?? LOCAL_CLUSTER,
    source: media,
    profile: selection.profile,
    arguments: selection.arguments,
    variants: selection.variants,
    rule: selection.rule,
    output: toOutputName(source.path, selection.profile, {
      keepsSource: options.keepsSource,
      outputFolder: options.outputFolder,
      root: source.root,
    }),
    replacesSource,
    mayOverwrite: options.overwrites,
    warnings: selection.warnings,
    covers: selection.covers,
    queueFile: source.target.queueFile,
  }
}

function checkQueue({ cluster, profile, variants = [] }: JobPlan, { hosts }: PlanOptions): void {
  const clusterHosts = hosts.get(cluster) ?? []
  const queues = variants.length === 0 ? [profile.queue] : variants.flatMap((variant) => variant.queues)
  if (clusterHosts.some((host) => queues.some((queue) => mayHaveQueue(host, queue)))) return
  const known = [...new Set(clusterHosts.flatMap((host) => Object.keys(host.queues)))].map((name) => `"${name}"`).join(', ')
  throw new EncodeError(
    'CONFIG_INVALID',
    `Profile "${profile.name}" runs in queue "${profile.queue}", which no usable host of cluster "${cluster}" has`,
    {
      hint: `The queues there are ${known}; name one of them in the profile, or give a host such a queue`,
    },
  )
}

/** Which queues `queues: auto` will make is known when the host was asked. */
function mayHaveQueue(host: HostConfig, queue: string): boolean {
  return host.hasAutoQueues === true ? AUTO_QUEUES.has(queue) : (host.queues[queue] ?? 0) > 0
}

/** Resolves to whether something has the result's name already. */
async function checkOutput(plan: JobPlan, source: FoundSource): Promise<boolean> {
  const { output, source: media } = plan
  if (plan.replacesSource && source.givenPath !== source.path && basename(output) !== basename(source.path)) {
    throw new EncodeError(
      'RESULT_NAME_TAKEN',
      `"${source.givenPath}" is a symbolic link, which would point nowhere once "${source.path}" is replaced`,
      {
        hint: `Give "${source.path}" itself, or use -k or -o`,
      },
    )
  }
  const taken = await lstat(output).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENAMETOOLONG') return undefined
    throw new EncodeError('RESULT_NAME_TAKEN', `The name of its result is too long for the filesystem: "${basename(output)}"`, {
      hint: 'Rename the source',
    })
  })
  if (taken?.isDirectory() === true)
    throw new EncodeError('RESULT_NAME_TAKEN', `"${output}" is a folder`, { hint: 'Use -o to write elsewhere' })
  if (taken !== undefined && output !== media.path && !plan.mayOverwrite && !(await isSameFile(media.path, output))) {
    throw new EncodeError('RESULT_NAME_TAKEN', `"${output}" exists already`, {
      hint: 'Use --overwrite to replace it, or -o to write elsewhere',
    })
  }
  if (taken !== undefined && !plan.replacesSource && (await isSameInode(media.path, output))) {
    throw new EncodeError('RESULT_NAME_TAKEN', `"${output}" is the source itself, which shall stay`, { hint: 'Use -o to write elsewhere' })
  }
  const folder = dirname(output)
  const isWritable = await access(folder, constants.W_OK).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
  if (!isWritable)
    throw new EncodeError('REPLACE_FAILED', `The folder "${folder}" is not writable`, { hint: 'Mend its permissions, or use -o' })
  return taken !== undefined
}

/** True on a filesystem that does not tell `Film.MKV` from `Film.mkv`. */
async function isSameFile(path: string, other: string): Promise<boolean> {
  return path.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase() && (await isSameInode(path, other))
}

async function isSameInode(path: string, other: string): Promise<boolean> {
  // Either may vanish at this moment.
  const [a, b] = await Promise.all([path, other].map((name) => lstat(name).catch(() => undefined)))
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

function toFailed(target: Target, file: string, reason: string): PlannedFile & { readonly kind: 'failed' } {
  return { kind: 'failed', target, file, reason }
}
