/**
 * What it costs to hand out a job: many jobs of an encoder that takes a tenth of a second, on one real sshd host of this machine that
 * mounts the files, against GNU parallel with the same encoder, in turn.
 *
 *     node bench/dispatch.ts [--jobs 200] [--slots 4] [--rounds 1] [--verify quick|off] [--ffprobe FILE]
 *         [--profile FOLDER] [--alone] [--json]
 *
 * Needs root, a C compiler, `npm run build` and, for its column, GNU parallel. The encoder is no encoder: it copies a result made beforehand
 * and ends 0.1 s after it began (short-encoder.c), so that what is left is dispatch. All of bin/encode's call counts, from its start to its end
 * with probing, verification and replacement; parallel does nothing but run the command. `--ffprobe` names another ffprobe than the one on the
 * PATH: how long it takes to start is most of what verification costs. `--profile` leaves Node's processor profile in a folder; `--alone` leaves
 * parallel out. On a busy machine, seconds of processor time tell more than those of the clock.
 */

import { execFile, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { writeConfig } from '../test/cluster/encode-program.ts'
import { type SshdHost, startSshdHost } from '../test/cluster/sshd-host.ts'
import { makeFilm } from './make-film.ts'

const ENCODE = join(import.meta.dirname, '../bin/encode')
const ENCODE_SECONDS = 0.1
/** The kernel's unit of processor time in /proc. */
const TICKS_A_SECOND = 100
const OWN_EVERY_MS = 50
const TREE_EVERY_MS = 250

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    slots: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '1' },
    verify: { type: 'string', default: 'quick' },
    ffprobe: { type: 'string' },
    profile: { type: 'string' },
    alone: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [jobs, slots] = [Number(values.jobs), Number(values.slots)]
const idealSeconds = (jobs * ENCODE_SECONDS) / slots

interface Cost {
  readonly seconds: number
  /** Of the process that hands out. */
  readonly ownSeconds: number
  /** Of all that it started here: ffprobe, cp, ssh. */
  readonly childSeconds: number
  /** Of the host's server and all that ran there, the encoder too. */
  readonly hostSeconds: number
}

interface Round {
  readonly encode: Cost
  /** Median milliseconds of a job in each stage, and with all between `job.started` and `job.done`. */
  readonly stagesMs: Readonly<Record<string, number>>
  readonly parallel: Cost | undefined
}

const folder = await mkdtemp(join(tmpdir(), 'encode-dispatch-'))
try {
  const wrapper = await prepare()
  const path = `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`
  await using host = await startSshdHost({ name: 'box', path, sshdOptions: ['MaxStartups 100:30:200', 'MaxSessions 100'] })
  const config = await writeConfig(folder, {
    home: [{ host, type: 'mounted', lines: [`ffmpeg: ${wrapper}`, 'queues:', `  _default: ${slots}`] }],
  })
  const aloneMs = await timeAlone(wrapper)
  const rounds: Round[] = []
  // What is asked once and kept: compiled code, what the host can do.
  await fill(1)
  await runOwn(config)
  for (let round = 0; round < Number(values.rounds); round += 1) {
    await fill(jobs)
    const own = await runOwn(config)
    if (!values.alone) await fill(jobs)
    rounds.push({ ...own, parallel: values.alone ? undefined : await runParallel(host, wrapper) })
  }
  process.stdout.write(values.json ? `${JSON.stringify(rounds)}\n` : render(rounds, aloneMs))
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Makes the film, its ready result and the encoder; the latter's path. */
async function prepare(): Promise<string> {
  const [film, result] = [join(folder, 'film.mkv'), join(folder, 'result.mkv')]
  await makeFilm(film)
  const codecs = ['-map', '0', '-c', 'copy', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '36', '-c:a', 'aac', '-b:a', '64k']
  await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', '-i', film, ...codecs, result])
  const wrapper = join(folder, 'bin/ffmpeg')
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'probe'))
  if (values.ffprobe !== undefined) await symlink(resolve(values.ffprobe), join(folder, 'probe/ffprobe'))
  const names = [`-DFILMS="${folder}/films/"`, `-DRESULT="${result}"`]
  await promisify(execFile)('cc', ['-O2', '-static', ...names, '-o', wrapper, join(import.meta.dirname, 'short-encoder.c')])
  return wrapper
}

/** Milliseconds of one encode by itself, of which a shell starts many. */
async function timeAlone(wrapper: string): Promise<number> {
  const count = 20
  const encode = `for n in $(seq ${count}); do ${wrapper} -i ${folder}/films/film.mkv ${folder}/alone.mkv; done`
  const startedMs = performance.now()
  await promisify(execFile)('/bin/sh', ['-c', encode])
  return (performance.now() - startedMs) / count
}

async function fill(count: number): Promise<void> {
  const films = join(folder, 'films')
  await rm(films, { recursive: true, force: true })
  await mkdir(films)
  for (let number = 0; number < count; number += 1) await copyFile(join(folder, 'film.mkv'), join(films, `Episode ${number}.mkv`))
}

async function runOwn(config: string): Promise<Omit<Round, 'parallel'>> {
  const PATH = `${join(folder, 'probe')}:${process.env.PATH}`
  const env = { ...process.env, PATH, XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache') }
  const argv = ['--json', '-y', config, '-c', 'home', '-p', 'quick', '--verify', values.verify, join(folder, 'films')]
  const profiling = values.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${values.profile}` }
  const { cost, stdout } = await time(ENCODE, argv, { ...env, ...profiling })
  const events = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as TimedEvent]))
  const count = events.filter(({ event }) => event === 'job.done').length
  const wanted = (await readdir(join(folder, 'films'))).length
  if (count !== wanted) throw new Error(`${count} of ${wanted} jobs were done: ${stdout.slice(-2000)}`)
  return { encode: cost, stagesMs: toStages(events) }
}

interface TimedEvent {
  readonly event: string
  readonly time: string
  readonly job?: string
  readonly stage?: string
}

function toStages(events: readonly TimedEvent[]): Record<string, number> {
  const spent = new Map<string, number[]>()
  const last = new Map<string, { readonly name: string; readonly ms: number; readonly startedMs: number }>()
  const add = (name: string, ms: number) => spent.set(name, [...(spent.get(name) ?? []), ms])
  for (const { event, time, job, stage } of events) {
    if (job === undefined || !['job.started', 'job.stage', 'job.done'].includes(event)) continue
    const ms = Date.parse(time)
    const before = last.get(job)
    if (before !== undefined) add(before.name, ms - before.ms)
    if (before !== undefined && event === 'job.done') add('job', ms - before.startedMs)
    last.set(job, { name: stage ?? 'start', ms, startedMs: before?.startedMs ?? ms })
  }
  return Object.fromEntries([...spent].map(([name, all]) => [name, toMedian(all)]))
}

/** The same command by GNU parallel: four at a time on the host, over one connection a command, as it is by itself. */
async function runParallel(host: SshdHost, wrapper: string): Promise<Cost | undefined> {
  if (spawnSync('parallel', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined
  const ssh = `ssh -p ${host.port} -i ${host.identityFile} -o UserKnownHostsFile=${host.knownHostsFile} -o BatchMode=yes`
  const films = join(folder, 'films')
  const names = (await readdir(films)).map((name) => join(films, name))
  await writeFile(join(folder, 'list'), `${names.join('\n')}\n`)
  const command = [wrapper, '-i', '{}', '{}.result.mkv'].join(' ')
  const argv = ['--will-cite', '--ssh', ssh, '--sshlogin', `${slots}/${host.user}@${host.address}`, '-a', join(folder, 'list'), command]
  const { cost } = await time('parallel', argv, { ...process.env, HOME: folder })
  const made = (await readdir(films)).filter((name) => name.endsWith('.result.mkv')).length
  if (made !== jobs) throw new Error(`parallel made ${made} of ${jobs} results`)
  return cost
}

async function time(program: string, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<{ cost: Cost; stdout: string }> {
  // The host is the one other program that this one has started.
  const hostBefore = readTicksBelow(process.pid)
  const output = join(folder, 'stdout')
  // Both cores are the program's: this process would be woken by each line that comes through a pipe.
  await using file = await open(output, 'w')
  const startedMs = performance.now()
  const child = spawn(program, [...argv], { cwd: folder, env, stdio: ['ignore', file.fd, 'inherit'] })
  let ticks = { own: 0, tree: 0 }
  // The last reading before its end is at most so old. All of its tree is not read as often: that would cost what is to be measured.
  const watch = setInterval(() => {
    const found = readTicks(child.pid)
    if (found !== undefined) ticks = { ...ticks, own: found.own }
  }, OWN_EVERY_MS)
  const watchTree = setInterval(() => {
    ticks = { ...ticks, tree: Math.max(ticks.tree, readTreeTicks(child.pid)) }
  }, TREE_EVERY_MS)
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  const seconds = (performance.now() - startedMs) / 1000
  clearInterval(watch)
  clearInterval(watchTree)
  const stdout = await readFile(output, 'utf8')
  if (status !== 0) throw new Error(`${program} ended with status ${status}: ${stdout.slice(-2000)}`)
  const hostTicks = readTicksBelow(process.pid) - hostBefore
  const [ownSeconds, childSeconds, hostSeconds] = [ticks.own, ticks.tree - ticks.own, hostTicks].map((count) => count / TICKS_A_SECOND)
  return { stdout, cost: { seconds, ownSeconds: ownSeconds ?? 0, childSeconds: childSeconds ?? 0, hostSeconds: hostSeconds ?? 0 } }
}

/** Of a process, of those that it waited for, and of those of its tree that are still there. */
function readTreeTicks(pid: number | undefined): number {
  const ticks = readTicks(pid)
  return pid === undefined || ticks === undefined ? 0 : ticks.own + ticks.children + readTicksBelow(pid)
}

function readTicksBelow(pid: number): number {
  const children = readProcFile(`/proc/${pid}/task/${pid}/children`) ?? ''
  return children.split(' ').reduce((sum, child) => sum + (child === '' ? 0 : readTreeTicks(Number(child))), 0)
}

function readTicks(pid: number | undefined): { own: number; children: number } | undefined {
  const stat = readProcFile(`/proc/${pid}/stat`)
  const fields = stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields?.slice(11, 15) ?? []
  return fields === undefined ? undefined : { own: user + system, children: childUser + childSystem }
}

/** At once: the threads that wait for files would take more of the cores than the kernel does for the answer. */
function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function render(rounds: readonly Round[], aloneMs: number): string {
  const lines = [
    `${jobs} jobs of an encoder that takes ${ENCODE_SECONDS} s, ${aloneMs.toFixed(1)} ms by itself; ${slots} slots; ideal ${idealSeconds} s`,
  ]
  for (const { encode, parallel, stagesMs } of rounds) {
    const beside = parallel === undefined ? '' : `, ${(encode.seconds / parallel.seconds).toFixed(2)} of parallel`
    lines.push(`encode    ${describe(encode)}${beside}`)
    if (parallel !== undefined) lines.push(`parallel  ${describe(parallel)}`)
    const stages = Object.entries(stagesMs).map(([name, ms]) => `${name} ${Math.round(ms)} ms`)
    lines.push(`  a job of encode, median: ${stages.join(', ')}`)
  }
  return `${lines.join('\n')}\n`
}

function describe({ seconds, ownSeconds, childSeconds, hostSeconds }: Cost): string {
  const ratio = (seconds / idealSeconds).toFixed(2)
  const [own, children, there] = [ownSeconds, childSeconds, hostSeconds].map((one) => one.toFixed(2))
  return `${seconds.toFixed(2)} s, ${ratio} of ideal; CPU ${own} s its own, ${children} s its children's, ${there} s on the host`
}

function toMedian(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}
