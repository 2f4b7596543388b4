/**
 * Where the time of a run goes: one workload of `workloads.ts` by `encode` alone, each cable watched fifty times a second beside the events.
 * Tells when each cable stood still while there was something for it to carry, when each slot did, and what the beginning and the end cost.
 *
 *     node bench/trace-run.ts --workload short [--rounds 1] [--events FILE]
 *
 * Needs root on Linux and `npm run build`.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { EncodeEvent, EventOf } from '../src/model/events.ts'
import { runEncode } from '../test/cluster/encode-program.ts'
import { warmUp } from './encode-ways.ts'
import { openPacedCluster, type PacedCluster } from './paced-cluster.ts'
import { WORKLOADS, workloadBound } from './workloads.ts'

const SAMPLE_EVERY_MS = 20
/** A cable that carries less than that of its rate for so long stands still. */
const STILL_RATIO = 0.5
const STILL_MS = 100

const WAYS = ['up', 'down'] as const

interface Sample {
  readonly ms: number
  /** By host: up, down. */
  readonly bytes: readonly (readonly [number, number])[]
}

const { values } = parseArgs({
  options: { workload: { type: 'string', default: 'short' }, rounds: { type: 'string', default: '1' }, events: { type: 'string' } },
})
const workload = WORKLOADS.find(({ name }) => name === values.workload)
if (workload === undefined) throw new Error(`There is no workload "${values.workload}"`)
const folder = await mkdtemp(join(tmpdir(), 'encode-trace-'))
try {
  await using cluster = await openPacedCluster(workload, join(folder, workload.name))
  await warmUp(cluster)
  const boundSeconds = workloadBound(workload, cluster.sizes)
  for (let round = 0; round < Number(values.rounds); round += 1) console.log(await traceRun(cluster, boundSeconds))
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function traceRun(cluster: PacedCluster, boundSeconds: number): Promise<string> {
  const results = join(cluster.folder, 'results')
  await rm(results, { recursive: true, force: true })
  const samples: Sample[] = []
  const sample = (): void => {
    const bytes = cluster.links.map(({ carriedBytes }) => [carriedBytes?.('up') ?? 0, carriedBytes?.('down') ?? 0] as const)
    samples.push({ ms: Date.now(), bytes })
  }
  const sampling = setInterval(sample, SAMPLE_EVERY_MS)
  const startedMs = Date.now()
  const sources = cluster.names.map((name) => join(cluster.films, name))
  const argv = ['-y', cluster.config, '-c', 'home', '-p', 'paced', '-o', results, ...sources]
  const { status, stdout, stderr, events } = await runEncode(cluster.folder, argv)
  const endedMs = Date.now()
  clearInterval(sampling)
  if (values.events !== undefined) await writeFile(values.events, stdout)
  const failed = events.filter(({ event }) => event === 'job.failed')
  if (status !== 0)
    throw new Error(`encode ended with status ${status}: ${stderr}\n${failed.map((event) => JSON.stringify(event)).join('\n')}`)
  const at = (ms: number): string => ((ms - startedMs) / 1000).toFixed(2)
  const seconds = (endedMs - startedMs) / 1000
  return [
    `${cluster.workload.title}: ${seconds.toFixed(2)} s, ${(seconds / boundSeconds).toFixed(3)} of ${boundSeconds.toFixed(1)} s`,
    ...describeMarks(events, at),
    ...cluster.links.flatMap((_, index) => describeCable(cluster, samples, index, at)),
    ...describeJobs(events, at),
  ].join('\n')
}

function describeMarks(events: readonly EncodeEvent[], at: (ms: number) => string): readonly string[] {
  const marks = events.filter(({ event }) => /^(?:run|host)\./.test(event))
  return marks.map((event) => `  ${at(Date.parse(event.time))} ${event.event} ${'host' in event ? event.host : ''}`)
}

function describeCable(
  { workload: { hosts } }: PacedCluster,
  samples: readonly Sample[],
  index: number,
  at: (ms: number) => string,
): readonly string[] {
  const host = hosts[index]
  if (host === undefined) return []
  const bytesPerMs = (host.megabitsPerSecond * 1e6) / 8 / 1000
  return WAYS.flatMap((way, number) => {
    const points = samples.map(({ ms, bytes }) => ({ ms, bytes: bytes[index]?.[number] ?? 0 }))
    const [first, last] = [points[0]?.bytes ?? 0, points.at(-1)?.bytes ?? 0]
    // Handshakes and acknowledgements are no media.
    const begun = points.find(({ bytes }) => bytes - first > 100_000)
    const over = points.findLast(({ bytes }) => last - bytes > 20_000)
    if (begun === undefined || over === undefined) return []
    const within = points.filter(({ ms }) => ms >= begun.ms && ms <= over.ms)
    const busy = (last - first) / bytesPerMs / 1000
    const gaps = findStill(within, bytesPerMs)
    const still = gaps.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)
    return [
      `  ${host.name} ${way}: ${((last - first) / 1e6).toFixed(1)} MB in ${busy.toFixed(2)} s of line, ${at(begun.ms)} to ${at(over.ms)}, ` +
        `half a second each: ${describeRates(points, bytesPerMs)}, still ${(still / 1000).toFixed(2)} s: ${gaps.map(({ fromMs, toMs, ratio }) => `${at(fromMs)}-${at(toMs)} (${Math.round(ratio * 100)} %)`).join(', ')}`,
    ]
  })
}

/** In percent of what the line carries. */
function describeRates(points: readonly { readonly ms: number; readonly bytes: number }[], bytesPerMs: number): string {
  const bins: number[] = []
  let from = points[0]
  for (const point of points) {
    if (from === undefined || point.ms - from.ms < 500) continue
    bins.push(Math.round(((point.bytes - from.bytes) / (point.ms - from.ms) / bytesPerMs) * 100))
    from = point
  }
  return bins.join(' ')
}

interface Still {
  readonly fromMs: number
  readonly toMs: number
  /** What it carried all the same. */
  readonly ratio: number
}

function findStill(points: readonly { readonly ms: number; readonly bytes: number }[], bytesPerMs: number): readonly Still[] {
  const gaps: Still[] = []
  let from: { readonly ms: number; readonly bytes: number } | undefined
  const end = (to: { readonly ms: number; readonly bytes: number }): void => {
    if (from !== undefined && to.ms - from.ms >= STILL_MS) {
      gaps.push({ fromMs: from.ms, toMs: to.ms, ratio: (to.bytes - from.bytes) / (to.ms - from.ms) / bytesPerMs })
    }
    from = undefined
  }
  points.forEach((point, number) => {
    const before = points[number - 3]
    if (before === undefined) return
    const isStill = point.bytes - before.bytes < (point.ms - before.ms) * bytesPerMs * STILL_RATIO
    if (isStill) from ??= before
    else end(before)
  })
  const last = points.at(-1)
  if (last !== undefined) end(last)
  return gaps
}

function describeJobs(events: readonly EncodeEvent[], at: (ms: number) => string): readonly string[] {
  const ids = [...new Set(events.flatMap((event) => (event.event === 'job.started' ? [event.job] : [])))]
  const rows = ids.map((id) => {
    const own = events.filter((event) => 'job' in event && event.job === id)
    const started = own.find((event): event is EventOf<'job.started'> => event.event === 'job.started')
    const stages = own.flatMap((event) => (event.event === 'job.stage' ? [`${event.stage} ${at(Date.parse(event.time))}`] : []))
    const moved = own.find((event) => event.event === 'job.progress' && event.stage === 'fetch' && (event.size_bytes ?? 0) > 0)
    const end = own.findLast(({ event }) => /^job\.(?:done|failed|skipped|interrupted)/.test(event))
    const first = moved === undefined ? '' : `, first byte ${at(Date.parse(moved.time))}`
    return {
      host: started?.host ?? '',
      text: `  ${started?.host.padEnd(5)} ${id.slice(-3)}: started ${at(Date.parse(started?.time ?? ''))}, ${stages.join(', ')}, ${end?.event} ${at(Date.parse(end?.time ?? ''))}${first}`,
    }
  })
  return rows.toSorted((one, other) => one.host.localeCompare(other.host)).map(({ text }) => text)
}
