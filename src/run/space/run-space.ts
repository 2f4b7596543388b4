/**
 * The space of one run: what a job needs where, whether it is there now, and a word to people where it is not.
 *
 * Places are filesystems of the controller and working folders of hosts. They are measured when a job is about to be placed and what
 * is known does not do: every five seconds at most while there is room, every two while there is not, and after a job has ended there. A place that does not tell, or not in time, counts as large
 * enough: a full disk is then found out by the job that meets it.
 */

import { dirname } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { formatBytes } from '../../core/units.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { HostConfig } from '../../model/config.ts'
import type { Emit } from '../../model/events.ts'
import type { JobOutcome } from '../../model/outcome.ts'
import type { JobPlan } from '../../model/plan.ts'
import type { Lack, Room } from '../../scheduler/room.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import { mapPath } from '../../transfer/map-path.ts'
import { type FolderHere, findFolderHere, freeBytesHere } from './folder-here.ts'
import { type Site, toFootprint } from './footprint.ts'
import { createResultSizes } from './result-sizes.ts'
import { createSpaceBook, type Need, type Reservation, type Shortage } from './space-book.ts'

/** What is asked of a host. */
export interface RoomyHost {
  readonly host: Pick<Host, 'config' | 'freeBytes' | 'statFile'>
  readonly facts: Pick<HostFacts, 'workingDir' | 'freeBytes'>
}

export interface RunSpaceOptions {
  readonly runId: string
  readonly ledger: Pick<Ledger, 'finishedSizes' | 'hasOtherWork'>
  readonly openHost: (worker: WorkerSpec) => RoomyHost | undefined
  readonly flsPath: string | undefined
  /** What must stay free on filesystems of the controller, and on hosts that do not say it. */
  readonly minFreeBytes: number
  readonly clock: Clock
  /** Aborted when nothing will be asked any more. */
  readonly signal: AbortSignal
  readonly emit: Emit
  /** Something may have room now that had not. */
  readonly wake: () => void
}

export interface RunSpace {
  /** A host came up, and told its free space with the rest: its first job need not ask again. */
  hostUp(open: RoomyHost, worker: WorkerSpec): void
  look(plan: JobPlan, worker: WorkerSpec): Room
  /** In the same moment as the `look` that said yes. */
  reserve(plan: JobPlan, worker: WorkerSpec): Reservation
  onLack(plan: JobPlan, lacks: readonly Lack[]): void
  mayCome(): boolean
  /** The job is over for good. */
  settle(plan: JobPlan, outcome: JobOutcome): void
}

/** Without `min_free`: enough for the system and others there to go on, little enough for a small disk. */
export const MIN_FREE_BYTES = 256e6

/** While jobs wait for room. */
const LOOK_AGAIN_MS = 5_000
/** A place that has not answered by then is taken as it is. */
const ANSWER_TIMEOUT_MS = 10_000

/** How a place is measured, and what it is for people. */
interface KnownPlace {
  /** `Host "box" has 1.2 GB free in "/tmp"`, of `1.2 GB`. */
  readonly describe: (amount: string) => string
  readonly keptBy: string
  readonly ask: (signal: AbortSignal) => Promise<number | undefined>
}

export function createRunSpace(options: RunSpaceOptions): RunSpace {
  const { clock, signal, emit, wake, openHost, flsPath } = options
  const book = createSpaceBook({ now: () => clock.now() })
  const sizes = createResultSizes((profile, limit) => orElse([], () => options.ledger.finishedSizes(profile, limit)))
  const places = new Map<string, KnownPlace>()
  const folders = new Map<string, FolderHere | 'asked' | 'unknown'>()
  const sights = new Map<string, boolean | 'asked'>()
  const measuring = new Set<string>()
  /** Results that turned out larger than expected, by job. */
  const grown = new Map<string, number>()
  const warnedOf = new Set<string>()
  let isWaiting = false

  return {
    hostUp(open, worker) {
      const { place } = siteThere(open, worker)
      const { freeBytes } = open.facts
      if (freeBytes !== undefined && book.reservedBytes(place) === 0) book.beginMeasure(place)(freeBytes)
    },
    look(plan, worker) {
      const needs = findNeeds(plan, worker)
      if (needs === undefined) return 'asking'
      const look = book.look(needs)
      for (const place of look.stale) measure(place)
      if (look.kind === 'lack') return { place: look.shortage.place, said: describeShortage(look.shortage) }
      return look.kind === 'room' ? 'yes' : 'asking'
    },
    reserve(plan, worker) {
      const reservation = book.reserve(findNeeds(plan, worker) ?? [])
      return {
        report: reservation.report,
        get resultBytes() {
          return reservation.resultBytes
        },
        release() {
          reservation.release()
          const { resultBytes = 0 } = reservation
          if (resultBytes > sizes.expect(plan)) grown.set(plan.id, resultBytes)
        },
      }
    },
    onLack(plan, lacks) {
      lookAgain()
      for (const { place, said } of lacks) {
        if (warnedOf.has(place)) continue
        warnedOf.add(place)
        emit('warning', { message: `${said}: "${plan.source.path}" waits for room`, momentary: true })
      }
    },
    mayCome: () => orElse(false, () => options.ledger.hasOtherWork(options.runId)),
    settle(plan, outcome) {
      grown.delete(plan.id)
      if (outcome.kind === 'done') {
        sizes.learn(plan.profile.name, { sourceBytes: plan.source.sizeBytes, resultBytes: outcome.outputBytes })
      }
    },
  }

  /** Undefined while something of it must be found out. */
  function findNeeds(plan: JobPlan, worker: WorkerSpec): readonly Need[] | undefined {
    const open = openHost(worker)
    if (open === undefined) {
      // It is being opened again, or about to be told lost.
      lookAgain()
      return undefined
    }
    const { config } = open.host
    const folder = findFolder(dirname(plan.output))
    const workFolder = config.type === 'local' && flsPath !== undefined ? findFolder(flsPath) : 'unknown'
    if (folder === 'asked' || workFolder === 'asked') return undefined
    // A folder of which nothing can be told is made, or refused, by the job.
    if (folder === 'unknown') return []
    const sees = config.type !== 'mounted' || dirname(plan.output) === dirname(plan.source.path) || seesFolder(open, folder)
    if (sees === 'asked') return undefined
    return toFootprint({
      type: config.type,
      sourceBytes: plan.source.sizeBytes,
      resultBytes: Math.max(sizes.expect(plan), grown.get(plan.id) ?? 0),
      resultPlace: siteHere(folder),
      workPlace: config.type === 'local' ? (workFolder === 'unknown' ? undefined : siteHere(workFolder)) : siteThere(open, worker),
      seesResultFolder: sees,
    })
  }

  function siteHere({ path, device }: FolderHere): Site {
    const place = JSON.stringify(['here', device])
    if (!places.has(place)) {
      places.set(place, {
        describe: (amount) => `The disk of "${path}" has ${amount} free`,
        keptBy: 'section "config"',
        ask: () => freeBytesHere(path),
      })
    }
    return { place, keepFreeBytes: options.minFreeBytes }
  }

  /** Hosts of one address and working folder are one place, whatever they are called. */
  function siteThere({ host, facts }: RoomyHost, worker: WorkerSpec): Site {
    const { name, address = name, port } = host.config
    const place = JSON.stringify([address, port, facts.workingDir])
    if (!places.has(place)) {
      places.set(place, {
        describe: (amount) => `Host "${name}" has ${amount} free in "${facts.workingDir}"`,
        keptBy: `host "${name}"`,
        ask: async (until) => await openHost(worker)?.host.freeBytes(facts.workingDir, until),
      })
    }
    return { place, keepFreeBytes: keptFree(host.config) }
  }

  function keptFree({ minFreeBytes }: HostConfig): number {
    return minFreeBytes ?? options.minFreeBytes
  }

  function findFolder(folder: string): FolderHere | 'asked' | 'unknown' {
    const known = folders.get(folder)
    if (known !== undefined) return known
    folders.set(folder, 'asked')
    void inTime((_) => findFolderHere(folder)).then((found) => {
      folders.set(folder, found ?? 'unknown')
      wake()
    })
    return 'asked'
  }

  function seesFolder({ host }: RoomyHost, { path }: FolderHere): boolean | 'asked' {
    const key = JSON.stringify([host.config.name, host.config.address, path])
    const known = sights.get(key)
    if (known !== undefined) return known
    sights.set(key, 'asked')
    void inTime((until) => host.statFile(mapPath(path, host.config.pathSubstitutions), until)).then((seen) => {
      sights.set(key, seen?.kind === 'folder')
      wake()
    })
    return 'asked'
  }

  function measure(id: string): void {
    const place = places.get(id)
    if (place === undefined || measuring.has(id) || signal.aborted) return
    measuring.add(id)
    const take = book.beginMeasure(id)
    void inTime(place.ask).then((freeBytes) => {
      measuring.delete(id)
      take(freeBytes)
      wake()
    })
  }

  /** Undefined where there is no answer, or none in time. */
  async function inTime<Answer>(ask: (signal: AbortSignal) => Promise<Answer>): Promise<Answer | undefined> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), ANSWER_TIMEOUT_MS)
    const until = AbortSignal.any([signal, late.signal])
    return await untilAborted(ask(until), until)
      .catch(() => undefined)
      .finally(() => clearTimeout(timer))
  }

  function lookAgain(): void {
    if (isWaiting || signal.aborted) return
    isWaiting = true
    void clock
      .sleep(LOOK_AGAIN_MS, signal)
      .catch(() => {})
      .then(() => {
        isWaiting = false
        wake()
      })
  }

  function describeShortage({ place, freeBytes, reservedBytes, neededBytes, keepFreeBytes }: Shortage): string {
    const known = places.get(place)
    if (known === undefined) throw new Error(`No place of this name was looked at: ${place}`)
    const others = reservedBytes > 0 ? `, ${formatBytes(Math.min(freeBytes, reservedBytes))} of it for jobs under way` : ''
    const kept = keepFreeBytes > 0 ? ` beside the ${formatBytes(keepFreeBytes)} that stay free ("min_free" of ${known.keptBy})` : ''
    return `${known.describe(formatBytes(freeBytes))}${others}; ${formatBytes(neededBytes)} are needed there${kept}`
  }
}

/** A ledger that cannot be read is told of by the next state that is written to it. */
function orElse<Value>(fallback: Value, read: () => Value): Value {
  try {
    return read()
  } catch {
    return fallback
  }
}
