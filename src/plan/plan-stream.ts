/** Sources that are looked into one after the other while the first of them are encoded already. */

import { mapConcurrently } from '../core/map-concurrently.ts'
import type { FoundSource } from './find-sources.ts'
import type { AnySource } from './group-sources.ts'
import type { PlannedFile } from './planned-file.ts'
import type { Target } from './target.ts'

/** Has one reader. */
export interface PlanStream extends AsyncDisposable {
  /**
   * What is planned and was not given yet, in the order of the sources: `least` files, or all that are left. Once `patience` has
   * ended, one is enough. None when all were given. Rejects as `Planner.plan` does, but only before a job was given: later on, a fault of
   * the configuration is one of the file.
   */
  next(least: number, patience?: Promise<void>): Promise<readonly PlannedFile[]>
  /** How many files were not given yet. */
  readonly leftCount: number
  /** Those of them that can be looked at. */
  leftSources(): readonly FoundSource[]
  /** Everything that the target names was given. */
  isOver(target: Target): boolean
}

export interface PlanStreamOptions<Draft> {
  /** In their order. */
  readonly sources: readonly AnySource[]
  /** What must be settled together, in the order in which it is looked into. */
  readonly groups: readonly (readonly AnySource[])[]
  readonly atOnce: number
  /** Notes in `results` what the source will leave beside itself. */
  readonly lookInto: (source: AnySource, results: Map<AnySource, string>, isUnderWay: () => boolean, signal: AbortSignal) => Promise<Draft>
  /** One draft for each source of a group. */
  readonly settle: (
    sources: readonly AnySource[],
    drafts: readonly Draft[],
    results: ReadonlyMap<AnySource, string>,
  ) => readonly PlannedFile[]
  /** Called in the order in which files are given. */
  readonly number: (file: PlannedFile) => PlannedFile
  readonly signal: AbortSignal
}

export function createPlanStream<Draft>(options: PlanStreamOptions<Draft>): PlanStream {
  const left = new Map(options.sources.map((source, index) => [source, index]))
  const leftOf = new Map<Target, number>()
  for (const { target } of options.sources) leftOf.set(target, (leftOf.get(target) ?? 0) + 1)
  const stopping = new AbortController()
  const signal = AbortSignal.any([options.signal, stopping.signal])
  let ready: { readonly source: AnySource; readonly file: PlannedFile }[] = []
  let isUnderWay = false
  let end: { readonly failure?: unknown } | undefined
  let wake = Promise.withResolvers<void>()
  const working = work().then(
    () => stop({}),
    (failure: unknown) => stop({ failure }),
  )

  return {
    async next(least, patience) {
      let wanted = Math.max(1, least)
      void patience?.then(() => {
        wanted = 1
        wake.resolve()
      })
      while (end === undefined && ready.length < wanted) {
        await wake.promise
        wake = Promise.withResolvers()
      }
      if (end !== undefined && 'failure' in end) throw end.failure
      const lot = ready.sort((a, b) => (left.get(a.source) ?? 0) - (left.get(b.source) ?? 0))
      ready = []
      for (const { source } of lot) {
        left.delete(source)
        leftOf.set(source.target, (leftOf.get(source.target) ?? 0) - 1)
      }
      isUnderWay ||= lot.some(({ file }) => file.kind === 'job')
      return lot.map(({ file }) => options.number(file))
    },
    get leftCount() {
      return left.size
    },
    leftSources: () => [...left.keys()].filter((source) => source.kind === 'source'),
    isOver: (target) => (leftOf.get(target) ?? 0) === 0,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await working
    },
  }

  async function work(): Promise<void> {
    const looks = options.groups.flatMap((sources) => {
      const group = { sources, drafts: new Map<AnySource, Draft>(), results: new Map<AnySource, string>() }
      return sources.map((source) => ({ source, group }))
    })
    await mapConcurrently(looks, options.atOnce, async ({ source, group: { sources, drafts, results } }) => {
      signal.throwIfAborted()
      drafts.set(source, await options.lookInto(source, results, () => isUnderWay, signal))
      signal.throwIfAborted()
      if (drafts.size < sources.length) return
      const settled = options.settle(
        sources,
        sources.flatMap((one) => drafts.get(one) ?? []),
        results,
      )
      ready.push(...sources.flatMap((one, index) => toReady(one, settled[index])))
      wake.resolve()
    })
  }

  function stop(how: { readonly failure?: unknown }): void {
    end = how
    wake.resolve()
  }
}

function toReady(source: AnySource, file: PlannedFile | undefined): { readonly source: AnySource; readonly file: PlannedFile }[] {
  return file === undefined ? [] : [{ source, file }]
}
