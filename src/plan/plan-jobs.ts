/**
 * Source files → jobs: facts, profile, arguments, result name. Everything that can be refused is refused here, before
 * anything starts: a file that cannot be read, a result that would fall on another file, two sources of one result.
 */

import { describeError, EncodeError, isEncodeError } from '../core/errors.ts'
import { mapConcurrently } from '../core/map-concurrently.ts'
import type { MediaInfo } from '../model/media.ts'
import type { JobPlan } from '../model/plan.ts'
import { type Selection, selectProfile } from '../profile/select-profile.ts'
import { toOutputName } from '../profile/to-output-name.ts'
import { checkPlace } from './check-place.ts'
import { checkQueue } from './check-queue.ts'
import type { FoundSource } from './find-sources.ts'
import { foreseeResults } from './foresee-results.ts'
import { type AnySource, groupSources, takeTurns } from './group-sources.ts'
import { countOtherNames, describeOtherNames, warnOfOtherNames } from './hard-links.ts'
import { describeLostFilm, warnOfLostFilms } from './lost-film.ts'
import { createMountTable, type MountTable } from './mount-table.ts'
import type { PlanOptions } from './plan-options.ts'
import { createPlanStream, type PlanStream } from './plan-stream.ts'
import type { PlannedFile } from './planned-file.ts'
import { type MarkedJob, markJob, refuseClashes } from './refuse-clashes.ts'
import { refusePicture } from './refuse-picture.ts'
import { describeEarlierResult, findMakers, findSecondNames, findSourceOfResult } from './set-aside.ts'
import { createShareEqual, type ShareEqual } from './share-equal.ts'
import { LOCAL_CLUSTER, type Target } from './target.ts'

/** Most files are remembered, in a library that is gone through again; of the others ffprobe takes as many at once as it has use for. */
const PROBES_AT_ONCE = 16

export interface Planner {
  /**
   * In the order of the sources; each source of a run is planned once, and what an earlier call planned counts for clashes.
   * Rejects with CONFIG_INVALID or USAGE_INVALID for what is wrong with the whole call.
   */
  plan(sources: readonly AnySource[]): Promise<readonly PlannedFile[]>
  /** The same, given as it is found out. Where the configuration itself may turn out to be wrong, only when all of it is. */
  stream(sources: readonly AnySource[], signal: AbortSignal): Promise<PlanStream>
}

export function createPlanner(options: PlanOptions): Planner {
  const claimed = new Map<string, string>()
  const common: Common = { share: createShareEqual(), mounts: createMountTable() }
  let jobs = 0

  function settle(
    sources: readonly AnySource[],
    looked: readonly Draft[],
    results: ReadonlyMap<AnySource, string>,
  ): readonly PlannedFile[] {
    const makers = findMakers(sources, results)
    const known = looked.map((file, index) => orResult(file, findSourceOfResult(sources[index], makers)))
    const secondNames = findSecondNames(known.filter((file) => file.kind === 'job'))
    const drafts = known.map((file) => orSecondName(file, file.kind === 'job' ? secondNames.get(file) : undefined))
    const refused = refuseClashes(
      drafts.filter((file) => file.kind === 'job'),
      claimed,
    )
    return drafts.map((file): PlannedFile => {
      if (file.kind !== 'job') return file
      const { target, plan } = file
      const reason = refused.get(file)
      return reason === undefined ? { kind: 'job', target, plan } : toFailed(target, plan.source.path, reason)
    })
  }

  function number(file: PlannedFile): PlannedFile {
    if (file.kind !== 'job') return file
    jobs += 1
    return { ...file, plan: { ...file.plan, id: options.toJobId(jobs) } }
  }

  return {
    async plan(sources) {
      const results = new Map<AnySource, string>()
      const looked = await mapConcurrently(sources, PROBES_AT_ONCE, (source) => draft(source, options, results, common))
      options.signal.throwIfAborted()
      return settle(sources, looked, results).map(number)
    },
    async stream(sources, signal) {
      const foresee = foreseeResults(new Set(sources.map(({ target }) => target)), options)
      const groups = foresee === undefined ? [sources] : takeTurns(await groupSources(sources, foresee, options.overwrites))
      return createPlanStream({
        sources,
        groups,
        atOnce: PROBES_AT_ONCE,
        async lookInto(source, results, isUnderWay, ending) {
          try {
            return await draft(source, { ...options, signal: ending }, results, common)
          } catch (error) {
            if (!isUnderWay() || !isEncodeError(error)) throw error
            return toFailed(source.target, source.path, describeError(error))
          }
        },
        settle,
        number,
        signal,
      })
    },
  }
}

type Draft = Exclude<PlannedFile, { kind: 'job' }> | ({ readonly kind: 'job'; readonly target: Target } & MarkedJob)

/** Of all files that are planned. */
interface Common {
  readonly share: ShareEqual
  readonly mounts: MountTable
}

async function draft(source: AnySource, options: PlanOptions, results: Map<AnySource, string>, common: Common): Promise<Draft> {
  const { target } = source
  if (source.kind === 'refused') return toFailed(target, source.path, source.reason)
  options.signal.throwIfAborted()
  try {
    const media = await options.ffprobe.probe(source.path, options.signal)
    refusePicture(media)
    const selection = selectProfile(options.config, media, target.choice)
    if (selection.kind !== 'encode') return { kind: 'skipped', target, file: source.path, reason: selection.reason }
    const plan = toPlan(source, media, shareParts(selection, common.share), options)
    const lost = describeLostFilm(plan)
    if (lost !== undefined) return toSkipped(target, source.path, lost)
    checkQueue(plan, options.hosts)
    const earlier = describeEarlierResult(plan, source, options.findResult)
    if (earlier !== undefined) return toSkipped(target, source.path, earlier)
    if (options.keepsSource && options.outputFolder === undefined) results.set(source, plan.output)
    const otherNames = plan.replacesSource ? await countOtherNames(source.path) : 0
    if (otherNames > 0 && options.config.hardLinks === 'skip') return toSkipped(target, source.path, describeOtherNames(otherNames))
    const isTaken = await checkPlace(plan, source.givenPath, common.mounts)
    // What turns up under that name later is not what the person saw when they said --overwrite: it may be another film's result.
    const ours = [warnOfLostFilms(plan), otherNames > 0 ? warnOfOtherNames(otherNames) : undefined]
    const warnings = [...(plan.warnings ?? []), ...ours.filter((warning) => warning !== undefined)]
    const decided = { ...plan, warnings, mayOverwrite: plan.mayOverwrite && isTaken }
    return { kind: 'job', target, plan: decided, marks: await markJob(decided) }
  } catch (error) {
    if (!(error instanceof EncodeError) || isEncodeError(error, 'CONFIG_INVALID') || isEncodeError(error, 'USAGE_INVALID')) throw error
    return toFailed(target, source.path, describeError(error))
  }
}

function orResult(file: Draft, source: string | undefined): Draft {
  return source === undefined ? file : toSkipped(file.target, pathOf(file), `it bears the name of the result of "${source}", which stays`)
}

function orSecondName(file: Draft, first: string | undefined): Draft {
  return first === undefined ? file : toSkipped(file.target, pathOf(file), `it is the same file as "${first}", which this run encodes`)
}

function pathOf(file: Draft): string {
  return file.kind === 'job' ? file.plan.source.path : file.file
}

/** All but what belongs to the one file. */
function shareParts(selection: Selection & { kind: 'encode' }, share: ShareEqual): Selection & { kind: 'encode' } {
  const { profile, variants, arguments: last } = selection
  return { ...selection, profile: share(profile), variants: share(variants), arguments: share(last) }
}

function toPlan(source: FoundSource, media: MediaInfo, selection: Selection & { kind: 'encode' }, options: PlanOptions): JobPlan {
  const replacesSource = !options.keepsSource && options.outputFolder === undefined
  return {
    id: '',
    cluster: source.target.cluster ?? LOCAL_CLUSTER,
    source: media,
    profile: options.verify === undefined ? selection.profile : { ...selection.profile, verify: options.verify },
    arguments: selection.arguments,
    variants: selection.variants,
    rule: selection.rule,
    // Under another folder the tree is mirrored by the names in it; a result beside its source is beside the file behind a link.
    output: toOutputName(options.outputFolder === undefined ? source.path : source.givenPath, selection.profile, {
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

function toFailed(target: Target, file: string, reason: string): PlannedFile & { readonly kind: 'failed' } {
  return { kind: 'failed', target, file, reason }
}

function toSkipped(target: Target, file: string, reason: string): PlannedFile & { readonly kind: 'skipped' } {
  return { kind: 'skipped', target, file, reason }
}
