/**
 * How long a cancelled run holds its hosts: four jobs on each of 25 hosts are in their encode, SIGINT, and the time until nothing that the run
 * started is left on any host, its connections' servers included.
 *
 *     node bench/cancel.ts [--hosts 25] [--slots 4] [--rounds 3]
 *
 * Needs root on Linux and `npm run build`. Every host is a real OpenSSH server in a process namespace of its own, so that what is left there can be
 * told from all else. One encoder a host is ffmpeg itself, reading slowly, the others sleep.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEncode, writeConfig } from '../test/cluster/encode-program.ts'
import { type SshdHost, startSshdHost } from '../test/cluster/sshd-host.ts'
import { waitUntil } from '../test/wait-until.ts'
import { makeFilm } from './make-film.ts'
import { describeSpread } from './statistics.ts'

interface Round {
  /** Since the signal. */
  readonly encodersGoneSeconds: number
  readonly allGoneSeconds: number
  readonly exitSeconds: number
  /** What was there when the signal came. */
  readonly encoders: number
  readonly processes: number
}

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '25' },
    slots: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
  },
})
const [hostCount, slots] = [Number(values.hosts), Number(values.slots)]
const jobs = hostCount * slots
const LONG_SECONDS = 600

const folder = await mkdtemp(join(tmpdir(), 'encode-cancel-'))
await using stack = new AsyncDisposableStack()
stack.defer(() => rm(folder, { recursive: true, force: true }))
const films = join(folder, 'films')
await mkdir(films)
await makeFilm(join(folder, 'film.mkv'))
for (let number = 0; number < jobs; number += 1) {
  // Its name tells the host's ffmpeg what to do.
  await copyFile(join(folder, 'film.mkv'), join(films, `${number < hostCount ? 'read' : 'sleep'}-${number}.mkv`))
}
const path = await writeLongFfmpeg()
const hosts: SshdHost[] = []
for (let number = 1; number <= hostCount; number += 1) hosts.push(stack.use(await startSshdHost({ name: `host-${number}`, path })))
const lines = ['queues:', `  _default: ${slots}`]
const config = await writeConfig(folder, { home: hosts.map((host) => ({ host, type: 'mounted', lines })) })
const namespaces = new Set((await Promise.all(hosts.map(toNamespaceOf))).flat())
/** What holds the hosts up. */
const standing = new Set(listProcesses().keys())

const rounds: Round[] = []
for (let round = 0; round < Number(values.rounds); round += 1) rounds.push(await cancel())
report()

async function cancel(): Promise<Round> {
  const run = startEncode(folder, ['-y', config, '-c', 'home', '-p', 'quick', films])
  let hasEnded = false
  const ended = run.ended.finally(() => {
    hasEnded = true
  })
  await waitUntil(() => hasEnded || countEncoders() === jobs, { what: 'every encoder runs', timeoutMs: 120_000 })
  const [encoders, processes] = [countEncoders(), listProcesses().size - standing.size]
  const startedMs = performance.now()
  const since = () => (performance.now() - startedMs) / 1000
  run.child.kill('SIGINT')
  let encodersGoneSeconds: number | undefined
  let allGoneSeconds: number | undefined
  let exitSeconds: number | undefined
  void ended.then(() => {
    exitSeconds = since()
  })
  await waitUntil(
    () => {
      if (countEncoders() === 0) encodersGoneSeconds ??= since()
      if (![...listProcesses().keys()].every((pid) => standing.has(pid))) return false
      allGoneSeconds = since()
      return true
    },
    { what: 'every process is gone', timeoutMs: 60_000 },
  )
  const { status, stderr } = await ended
  if (status !== 130 || stderr !== '') throw new Error(`encode ended with status ${status}: ${stderr}`)
  const leftFiles = (await readdir(films)).filter((name) => name.startsWith('.'))
  if (leftFiles.length > 0) throw new Error(`Left beside the films: ${leftFiles.join(', ')}`)
  return {
    encoders,
    processes,
    encodersGoneSeconds: encodersGoneSeconds ?? Number.NaN,
    allGoneSeconds: allGoneSeconds ?? Number.NaN,
    exitSeconds: exitSeconds ?? Number.NaN,
  }
}

async function writeLongFfmpeg(): Promise<string> {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await writeFile(
    join(bin, 'ffmpeg'),
    `#!/bin/sh
case " $* " in
  *" -encoders "*) printf ' %s\\n' 'V....D libx264 H.264' 'A....D aac AAC' ;;
  *${films}/sleep-*) exec sleep ${LONG_SECONDS} ;;
  *${films}/read-*)
    for word; do
      shift
      case $word in -i) set -- "$@" -readrate ${1 / LONG_SECONDS} -i ;; *) set -- "$@" "$word" ;; esac
    done
    exec /usr/bin/ffmpeg "$@" ;;
  *) exec /usr/bin/ffmpeg "$@" ;;
esac
`,
    { mode: 0o755 },
  )
  return `${bin}:/usr/local/bin:/usr/bin:/bin`
}

async function toNamespaceOf(host: SshdHost): Promise<string> {
  return readlinkSync(host.seenFrom('/').replace(/root\/$/, 'ns/pid'))
}

/** Of all hosts: process number → command line. A process that only waits for its parent to ask for its end is gone. */
function listProcesses(): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      if (!namespaces.has(readlinkSync(`/proc/${pid}/ns/pid`))) continue
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (line !== '') found.set(pid, line.replaceAll('\0', ' '))
    } catch {
      // It ended meanwhile.
    }
  }
  return found
}

function countEncoders(): number {
  return [...listProcesses().values()].filter((line) => line.startsWith(`sleep ${LONG_SECONDS}`) || line.startsWith('/usr/bin/ffmpeg '))
    .length
}

function report(): void {
  console.log(
    '| jobs under way | hosts | processes there | last encoder gone | last process gone | encode has ended |\n|---|---|---|---|---|---|',
  )
  const [first] = rounds
  const cells = [
    first?.encoders,
    hostCount,
    first?.processes,
    ...(['encodersGoneSeconds', 'allGoneSeconds', 'exitSeconds'] as const).map(
      (key) => `${describeSpread(rounds.map((round) => round[key]))} s`,
    ),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
