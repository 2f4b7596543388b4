/**
 * Runs `encode` on a small cluster again and again while all that can fail fails, in an order that a seed tells; then lets it finish
 * in peace, and holds what is there against what must be.
 */

import { appendFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobRecord } from '../../src/ledger/records.ts'
import { type EncodeRun, type EndedRun, runPlain, startEncode } from '../cluster/encode-program.ts'
import { waitUntil } from '../wait-until.ts'
import { type ChaosCluster, startChaosCluster } from './chaos-cluster.ts'
import { FAULTS, type FaultName, type FaultSite, injectFault } from './faults.ts'
import { createFilmLibrary, type Film, type FilmLibrary } from './film-library.ts'
import { findLies, of } from './judge-run.ts'
import { createRandom, type Random } from './random.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly minutes: number
  /** Where what happened is written down: a file of events a run, and `chaos.log`. */
  readonly logFolder: string
  readonly signal?: AbortSignal
}

export interface ChaosReport {
  readonly faults: Readonly<Record<FaultName, number>>
  readonly runs: number
  readonly files: number
  readonly replaced: number
  /** By chaos itself, as people do. */
  readonly removed: number
  /** Neither a whole result nor the source as it was. */
  readonly lost: readonly string[]
  /** Anything else that is not as it must be: a status or a ledger that lies, a file that never got done, a run that hangs. */
  readonly wrong: readonly string[]
  /** Processes, temporary files, locks. */
  readonly leftOver: readonly string[]
}

/** A run under faults ends in this time, or it hangs: faults are over by then, and its films take seconds. */
const CALM_AFTER_MS = 45_000
const HANGS_AFTER_MS = 240_000

/** With so many films to do none but one is added: what piles up is encoded in peace in the end, which proves little. */
const MAX_LEFT = 12

export async function runChaos({ seed, minutes, logFolder, signal }: ChaosOptions): Promise<ChaosReport> {
  await mkdir(logFolder, { recursive: true })
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-chaos-')))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const random = createRandom(seed)
  const library = await createFilmLibrary(join(folder, 'films'), random)
  const cluster = stack.use(await startChaosCluster(folder, library.folder))
  const trash = join(folder, 'trash')
  await mkdir(trash)

  const faults = Object.fromEntries(FAULTS.map((name) => [name, 0])) as Record<FaultName, number>
  const wrong: string[] = []
  const queueFile = join(folder, 'queue.txt')
  await writeFile(queueFile, '')
  const bench: Bench = { library, cluster, random, trash, queueFile, queued: [], faults, wrong, logFolder, runs: 0 }

  const untilMs = performance.now() + minutes * 60_000
  for (let wasCut = false; performance.now() < untilMs && signal?.aborted !== true; ) wasCut = await disturbOneRun(bench, untilMs, wasCut)
  return await settle(bench)
}

interface Bench {
  readonly library: FilmLibrary
  readonly cluster: ChaosCluster
  readonly random: Random
  readonly trash: string
  readonly queueFile: string
  /** Films whose path was written into the queue file. */
  readonly queued: Film[]
  readonly faults: Record<FaultName, number>
  readonly wrong: string[]
  readonly logFolder: string
  runs: number
}

/** True when its controller ended without having cleaned up. */
async function disturbOneRun(bench: Bench, untilMs: number, lastWasCut: boolean): Promise<boolean> {
  const { library, random } = bench
  const isBehind = (await countLeft(library)) > MAX_LEFT
  const added = await library.add(isBehind ? 1 : random.whole(3, 6))
  const kind = lastWasCut && random.chance(0.6) ? 'resume' : random.pick(['folder', 'folder', 'queue'])
  if (kind === 'queue') await appendToQueue(bench, added.slice(0, -1))
  const args =
    kind === 'resume' ? ['resume'] : kind === 'queue' ? ['-c', 'yard', '--from-file', bench.queueFile] : ['-c', 'yard', library.folder]
  const started = await startRun(bench, args)
  if (kind === 'queue') await appendToQueue(bench, added.slice(-1))
  const mends = new Set<() => Promise<void>>()
  const calmAtMs = Math.min(performance.now() + CALM_AFTER_MS, untilMs)
  while (!started.hasEnded() && performance.now() < calmAtMs) {
    await Promise.race([started.run.ended, sleep(random.whole(100, 1_200))])
    if (started.hasEnded()) break
    const name = random.chance(0.93) ? random.pick(CLUSTER_FAULTS) : random.pick(CONTROLLER_FAULTS)
    await disturb(bench, name, started, mends)
  }
  await Promise.all([...mends].map((mend) => mend()))
  await endRun(bench, started)
  return started.wasCut
}

async function countLeft(library: FilmLibrary): Promise<number> {
  const areReplaced = await Promise.all(library.films.map((film) => library.isReplaced(film)))
  return areReplaced.filter((isReplaced, index) => !isReplaced && library.films[index]?.harm === undefined).length
}

const CONTROLLER_FAULTS = [
  'controller killed',
  'controller killed',
  'controller frozen',
  'run drained',
  'Ctrl-C',
  'Ctrl-C twice',
] as const satisfies readonly FaultName[]
const CLUSTER_FAULTS = FAULTS.slice(0, FAULTS.indexOf('controller killed')) as [FaultName, ...FaultName[]]

interface StartedRun {
  readonly number: number
  readonly args: readonly string[]
  readonly run: EncodeRun
  hasEnded(): boolean
  wasCut: boolean
  wasInterrupted: boolean
  wasDrained: boolean
  wasTorn: boolean
}

async function startRun(bench: Bench, args: readonly string[]): Promise<StartedRun> {
  bench.runs += 1
  const { folder, config } = bench.cluster
  const run = startEncode(folder, args[0] === 'resume' ? ['resume', '-y', config] : ['-y', config, ...args])
  await note(bench, `run ${bench.runs}: encode ${args.join(' ')}`)
  const hasEnded = () => run.child.exitCode !== null || run.child.signalCode !== null
  return { number: bench.runs, args, run, hasEnded, wasCut: false, wasInterrupted: false, wasDrained: false, wasTorn: false }
}

/** Does one fault to the run, and has it mended when its time is over; `mends` are those still to come. */
async function disturb(bench: Bench, name: FaultName, started: StartedRun, mends: Set<() => Promise<void>>): Promise<void> {
  const site: FaultSite = { ...bench, run: started.run, underWay: () => findUnderWay(bench.library, started.run) }
  const injected = await injectFault(name, site)
  if (injected === undefined) return
  bench.faults[name] += 1
  if (name === 'controller killed' || name === 'Ctrl-C twice') started.wasCut = true
  if (name === 'run drained') started.wasDrained = true
  if (name === 'configuration torn') started.wasTorn = true
  if (name === 'Ctrl-C' || name === 'Ctrl-C twice') started.wasInterrupted = true
  await note(bench, `  ${name} on ${JSON.stringify(injected.on)}${injected.lastsMs === undefined ? '' : ` for ${injected.lastsMs} ms`}`)
  const { mend, lastsMs } = injected
  if (mend === undefined) return
  const once = async () => {
    if (!mends.delete(once)) return
    clearTimeout(timer)
    await mend().catch((error: unknown) => void bench.wrong.push(`${name} could not be mended: ${String(error)}`))
  }
  const timer = setTimeout(() => void once(), lastsMs)
  mends.add(once)
}

function findUnderWay(library: FilmLibrary, { events }: EncodeRun): readonly Film[] {
  const ended = new Set([...of(events, 'job.done'), ...of(events, 'job.failed'), ...of(events, 'job.skipped')].map(({ file }) => file))
  const started = new Set(of(events, 'job.started').map(({ file }) => file))
  return library.films.filter(({ path }) => started.has(path) && !ended.has(path))
}

/** Waits for the end of a run that nobody disturbs any more, and holds what it said against what is. */
async function endRun(bench: Bench, started: StartedRun): Promise<EndedRun> {
  const { run, number } = started
  const hangs = setTimeout(() => {
    bench.wrong.push(`Run ${number} hangs`)
    started.wasCut = true
    run.child.kill('SIGKILL')
  }, HANGS_AFTER_MS)
  const ended = await run.ended
  clearTimeout(hangs)
  await writeFile(join(bench.logFolder, `run-${number}.ndjson`), ended.stdout)
  await note(bench, `run ${number} ended with ${ended.status}${ended.stderr === '' ? '' : `: ${ended.stderr.trim()}`}`)
  const lies = await findLies({ ...started, ended, jobs: await readJobs(bench, ended) })
  bench.wrong.push(...lies.map((lie) => `Run ${number}: ${lie}`))
  return ended
}

/** Of every run that it told something of: `resume` tells of the jobs of dead ones. */
async function readJobs({ cluster }: Bench, { events }: EndedRun): Promise<readonly JobRecord[]> {
  const ids = events.flatMap((event) => ('job' in event && event.job !== undefined ? [event.job.slice(0, event.job.lastIndexOf('-'))] : []))
  const jobs: JobRecord[] = []
  for (const id of new Set(ids)) {
    const { stdout } = await runPlain(cluster.folder, ['history', id, '--json'])
    for (const line of stdout.split('\n')) if (line !== '') jobs.push(JSON.parse(line) as JobRecord)
  }
  return jobs
}

async function appendToQueue({ queueFile, queued }: Bench, films: readonly Film[]): Promise<void> {
  // A line feed in a name ends the line: such a file cannot be queued.
  const named = films.filter(({ path }) => !path.includes('\n'))
  if (named.length > 0) await appendFile(queueFile, named.map(({ path }) => `${path}\n`).join(''))
  queued.push(...named)
}

/** All is well again: what is left to do must get done, and then nothing may be left of it. */
async function settle(bench: Bench): Promise<ChaosReport> {
  const { library, cluster, wrong, faults } = bench
  const resumed = await endRun(bench, await startRun(bench, ['resume']))
  expectFailures(bench, resumed)
  await checkQueueLines(bench)
  const last = await endRun(bench, await startRun(bench, ['-c', 'yard', library.folder]))
  expectFailures(bench, last)
  // Takes over the lock of a controller that died; lines of films that another run has done since are refused, and stay.
  await endRun(bench, await startRun(bench, ['-c', 'yard', '--from-file', bench.queueFile]))
  const again = await endRun(bench, await startRun(bench, ['resume']))
  if (of(again.events, 'job.queued').length > 0) wrong.push('A second resume found something to do')

  let left: readonly string[] = []
  await waitUntil(
    async () => {
      left = await cluster.findLeft()
      return left.length === 0
    },
    { what: 'nothing is left', timeoutMs: 45_000, everyMs: 500 },
  ).catch(() => {})
  const strangers = await library.strangers()
  const leftOver = [...left, ...strangers, ...(await findLocks(bench))]
  const judgements = await library.judge()
  const told = (fates: readonly string[]): readonly string[] =>
    judgements
      .filter(({ fate }) => fates.includes(fate))
      .map(({ film, reason }) => `${JSON.stringify(film.path)}: ${reason ?? 'was not encoded'}`)
  wrong.push(...told(['wrong']))
  for (const { film, fate } of judgements) {
    if (fate === 'untouched' && film.harm === undefined) wrong.push(`${JSON.stringify(film.path)} was never encoded`)
  }
  const count = (fate: string): number => judgements.filter((judgement) => judgement.fate === fate).length
  const report: ChaosReport = {
    faults,
    runs: bench.runs,
    files: library.films.length,
    replaced: count('replaced'),
    removed: count('removed'),
    lost: told(['lost']),
    wrong,
    leftOver,
  }
  await note(bench, JSON.stringify(report, null, 2))
  return report
}

/** In peace only films that chaos itself has harmed may fail. */
function expectFailures({ library, wrong }: Bench, ended: EndedRun): void {
  for (const { file, reason } of of(ended.events, 'job.failed')) {
    if (library.films.find(({ path }) => path === file)?.harm === undefined)
      wrong.push(`${JSON.stringify(file)} failed in peace: ${reason}`)
  }
}

/** A line leaves the queue file when its film is done, and never before. */
async function checkQueueLines({ queueFile, queued, library, wrong }: Bench): Promise<void> {
  const lines = new Set((await readFile(queueFile, 'utf8')).split('\n'))
  for (const film of queued) {
    if (film.harm === undefined && !lines.has(film.path) && !(await library.isReplaced(film))) {
      wrong.push(`${JSON.stringify(film.path)} is neither done nor in the queue file`)
    }
  }
}

async function findLocks({ cluster }: Bench): Promise<readonly string[]> {
  const names = await readdir(cluster.folder)
  const known = /^(films|mnt|local-work|trash|state|config\.yml|queue\.txt)$/
  return names.filter((name) => !known.test(name)).map((name) => join(cluster.folder, name))
}

async function note({ logFolder }: Bench, line: string): Promise<void> {
  await appendFile(join(logFolder, 'chaos.log'), `${new Date().toISOString()} ${line}\n`)
}
