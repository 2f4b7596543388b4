/**
 * One run of very many jobs on very many hosts, and what it costs the controller: memory, descriptors, processor time.
 *
 * Real: planner, scheduler, sessions, leash and guard protocol, stages, replacement, ledger, views; every source and result is a file.
 * Simulated: SSH and what is behind it (`simulated-transport.ts`). ffmpeg and ffprobe are run once for each kind of call, and what they
 * made and said is played back (`recorded-commands.ts`).
 *
 *     node --max-semi-space-size=16 --max-old-space-size=1536 bench/many-jobs.ts [--jobs 10000] [--hosts 100] [--view plain|json|live|stuck-plain|stuck-json] [--faults] [--heap] [--json]
 *
 * The flags are those of bin/encode. `--heap` collects garbage at every twentieth of the run to tell what is really held (needs --expose-gc; it also lowers the
 * peak), and no job ends before all hosts are up: what a host holds is not held for a job.
 */

import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../src/config/load-config.ts'
import { systemClock } from '../src/core/clock.ts'
import { createLocalFiles } from '../src/host/local/local-files.ts'
import { createPosixHost } from '../src/host/posix-host.ts'
import type { EncodeEvent, View } from '../src/model/events.ts'
import { runEncode } from '../src/run/run-encode.ts'
import { createBroadcast } from '../src/view/broadcast.ts'
import { makeFilm } from './make-film.ts'
import { collectGarbage, countDescriptors, measure, readPeakBytes } from './measure.ts'
import { openView } from './open-view.ts'
import { createRecorder } from './recorded-commands.ts'
import { createRecordedFfprobe } from './recorded-ffprobe.ts'
import { createSimulatedTransport } from './simulated-transport.ts'

const REPORTS = 4
const MEGABYTE = 1_000_000

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '10000' },
    hosts: { type: 'string', default: '100' },
    view: { type: 'string', default: 'plain' },
    'encode-ms': { type: 'string', default: '500' },
    faults: { type: 'boolean', default: false },
    heap: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [jobs, hosts, encodeMs] = [Number(values.jobs), Number(values.hosts), Number(values['encode-ms'])]

const folder = await mkdtemp(join(tmpdir(), 'encode-many-'))
try {
  await makeLibrary()
  const report = await run()
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
  process.exitCode = report.isClean ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

interface Sample {
  readonly done: number
  readonly heapBytes: number
  readonly residentBytes: number
  readonly descriptors: number
}

interface Report {
  readonly isClean: boolean
  readonly exit: number
  readonly done: number
  readonly failed: number
  readonly retried: number
  readonly events: number
  readonly wallSeconds: number
  readonly processorSeconds: number
  readonly peakBytes: number
  readonly descriptors: { readonly before: number; readonly most: number; readonly after: number }
  readonly samples: readonly Sample[]
  /** What the process itself complains of: listeners that pile up, for one. */
  readonly warnings: readonly string[]
}

async function makeLibrary(): Promise<void> {
  const film = join(folder, 'film.mkv')
  await makeFilm(film)
  for (let number = 0; number < jobs; number += 1) {
    const season = join(folder, 'films', `Season ${Math.floor(number / 100)}`)
    if (number % 100 === 0) await mkdir(season, { recursive: true })
    await copyFile(film, join(season, `Episode ${number} of a series with a rather long name.mkv`))
  }
  const lines = ['config:', '  clusters:', '    farm:']
  for (let number = 0; number < hosts; number += 1) {
    // One half sees the films, the other one is sent them.
    lines.push(`      host${number}: { type: ${number % 2 === 0 ? 'mounted' : 'streaming'}, address: 127.0.0.1, user: nobody }`)
    await mkdir(join(folder, 'hosts', `host${number}`), { recursive: true })
  }
  await writeFile(join(folder, 'config.yml'), `${lines.join('\n')}\n`)
}

async function run(): Promise<Report> {
  const config = await loadConfig({ file: join(folder, 'config.yml'), shippedFolder: join(import.meta.dirname, '../profiles') })
  const warnings: string[] = []
  const commands = createRecorder(folder)
  process.on('warning', (warning) => warnings.push(`${warning.name}: ${warning.message}`))
  const startedMs = performance.now()
  const before = countDescriptors()
  const counts = { events: 0, done: 0, failed: 0, retried: 0, encodes: 0, mostDescriptors: 0 }
  const samples: Sample[] = []
  const opened = new Set<string>()
  const allOpened = Promise.withResolvers<void>()
  const { view, close } = await openView(values.view)
  const watch: View = { handle: count, close: async () => {} }
  const broadcast = createBroadcast([view, watch], { clock: systemClock, onViewFailed: (error) => warnings.push(String(error)) })
  const interval = setInterval(() => {
    counts.mostDescriptors = Math.max(counts.mostDescriptors, countDescriptors())
  }, 200)

  function count(event: EncodeEvent): void {
    counts.events += 1
    if (event.event === 'job.retry') counts.retried += 1
    if ((event.event === 'host.up' || event.event === 'host.down') && opened.add(event.host).size === hosts) allOpened.resolve()
    if (event.event === 'host.down' && !values.faults) warnings.push(`${event.host} is down: ${event.reason}`)
    if (event.event === 'job.failed') {
      counts.failed += 1
      if (counts.failed <= 3) warnings.push(`${event.file} failed: ${event.reason}`)
    }
    if (event.event !== 'job.done') return
    counts.done += 1
    if (counts.done % Math.ceil(jobs / 20) === 0) takeSample()
  }

  function takeSample(): void {
    if (values.heap) collectGarbage()
    samples.push({ done: counts.done, ...measure() })
  }

  /** With `--faults`: one encode in fifty fails, one in five hundred takes its host with it. */
  function nextFault(): 'none' | 'fails' | 'lost' {
    counts.encodes += 1
    if (!values.faults) return 'none'
    return counts.encodes % 500 === 0 ? 'lost' : counts.encodes % 50 === 0 ? 'fails' : 'none'
  }

  const aim = { cluster: 'farm', choice: { profile: 'hevc', template: undefined, mixins: [] } }
  const exit = await runEncode(
    {
      config,
      targets: [{ ...aim, path: join(folder, 'films'), queueFile: undefined }],
      queueFile: undefined,
      queueTarget: aim,
      onlyHosts: [],
      outputFolder: undefined,
      keepsSource: false,
      overwrites: false,
      isDryRun: false,
      isSequential: false,
      strategy: 'fastest',
      argv: ['many-jobs'],
    },
    {
      cwd: folder,
      stateFolder: join(folder, 'state'),
      pid: process.pid,
      warner: process,
      clock: systemClock,
      emit: broadcast.emit,
      signal: new AbortController().signal,
      ffprobe: createRecordedFfprobe(commands),
      createHost: (host) =>
        createPosixHost({
          config: host,
          // A copy in one call: the buffers of a hundred local copies at a time are nothing that hosts behind SSH would have.
          createFiles: () => ({ ...createLocalFiles({ hostName: host.name }), putFile: copyAtOnce, getFile: copyAtOnce }),
          transport: createSimulatedTransport({
            name: host.name,
            workingDir: join(folder, 'hosts', host.name),
            commands,
            encodeMs,
            reports: REPORTS,
            nextFault,
            mayEncode: values.heap ? allOpened.promise : undefined,
          }),
        }),
    },
  )
  await close(broadcast.close)
  clearInterval(interval)
  const { user, system } = process.cpuUsage()
  const after = countDescriptors()
  return {
    isClean: exit === 0 && counts.done === jobs && after === before && warnings.length === 0,
    exit,
    done: counts.done,
    failed: counts.failed,
    retried: counts.retried,
    events: counts.events,
    wallSeconds: (performance.now() - startedMs) / 1000,
    processorSeconds: (user + system) / 1_000_000,
    peakBytes: readPeakBytes(),
    descriptors: { before, most: counts.mostDescriptors, after },
    samples,
    warnings,
  }
}

async function copyAtOnce(from: string, to: string): Promise<void> {
  await copyFile(from, to)
}

function render(report: Report): string {
  const megabytes = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(1)} MB`
  const { descriptors } = report
  const rows = report.samples.map(
    (sample) =>
      `${String(sample.done).padStart(8)} ${megabytes(sample.heapBytes).padStart(10)} ${megabytes(sample.residentBytes).padStart(10)} ${String(sample.descriptors).padStart(12)}`,
  )
  return `${[
    `    done       heap   resident  descriptors`,
    ...rows,
    '',
    `jobs          ${report.done} done, ${report.failed} failed, ${report.retried} tried again, exit status ${report.exit}`,
    `events        ${report.events}, to the view "${values.view}"`,
    `time          ${report.wallSeconds.toFixed(1)} s, ${report.processorSeconds.toFixed(1)} s of processor`,
    `peak memory   ${megabytes(report.peakBytes)}`,
    `descriptors   ${descriptors.before} before, ${descriptors.most} at most, ${descriptors.after} after`,
    ...report.warnings.map((warning) => `warning       ${warning}`),
  ].join('\n')}\n`
}
