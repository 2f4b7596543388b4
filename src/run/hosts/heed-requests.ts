/** Carries out what another call of the program asks of this run, by way of the ledger: nothing listens anywhere. */

import type { Clock } from '../../core/clock.ts'
import { nearest } from '../../core/nearest.ts'
import { quoteAll } from '../../core/text.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { DrainRequest, RequestAnswer } from '../../ledger/requests.ts'
import type { HostPlace, HostRoster } from './host-roster.ts'

export interface HeedOptions {
  readonly ledger: Pick<Ledger, 'openRequests' | 'answerRequest'>
  readonly runId: string
  readonly roster: Pick<HostRoster, 'list' | 'drain' | 'countJobs'>
  readonly drainRun: () => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

const LOOK_EVERY_MS = 1_000

/** Resolves when the signal is aborted. A ledger that cannot be read at the moment is asked again. */
export async function heedRequests(options: HeedOptions): Promise<void> {
  const { ledger, runId, clock, signal } = options
  while (!signal.aborted) {
    try {
      for (const request of ledger.openRequests(runId)) ledger.answerRequest(request.id, answer(request, options))
    } catch {
      // The jobs write to the same file, and tell what is wrong with it.
    }
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => {})
  }
}

function answer({ cluster, host }: DrainRequest, { roster, drainRun }: HeedOptions): RequestAnswer {
  if (host === undefined) {
    drainRun()
    return { isRefused: false, message: `ends after ${describeJobs(countJobs(roster, roster.list()))}` }
  }
  const hosts = roster.list().filter((place) => cluster === undefined || place.cluster === cluster)
  const meant = hosts.filter(({ name }) => name === host)
  if (meant.length === 0) return { isRefused: true, message: describeUnknown(host, cluster, hosts) }
  const jobs = countJobs(roster, meant)
  for (const place of meant) roster.drain(place, 'It was drained')
  return { isRefused: false, message: `gives host "${host}" no new job; it finishes ${describeJobs(jobs)}` }
}

function describeUnknown(host: string, cluster: string | undefined, hosts: readonly HostPlace[]): string {
  const names = [...new Set(hosts.map(({ name }) => name))]
  const where = cluster === undefined ? '' : ` in cluster "${cluster}"`
  const guess = nearest(host, names)
  const known = names.length === 0 ? 'has none' : `has ${quoteAll(names)}`
  return `gives jobs to no host "${host}"${where}${guess === undefined ? `: it ${known}` : `; did you mean "${guess}"?`}`
}

function countJobs(roster: HeedOptions['roster'], places: readonly HostPlace[]): number {
  return places.reduce((sum, place) => sum + roster.countJobs(place), 0)
}

function describeJobs(count: number): string {
  return count === 0 ? 'nothing, for no job is under way' : count === 1 ? 'the job under way' : `the ${count} jobs under way`
}
