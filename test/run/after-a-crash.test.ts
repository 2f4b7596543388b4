import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync } from 'node:fs'
import { appendFile, link, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { EncodeError } from '../../src/core/errors.ts'
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import type { EncodeEvent, EventName, EventOf } from '../../src/model/events.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'
import { endReplacements } from '../../src/run/end-replacements.ts'
import { toLocalHost } from '../../src/run/hosts/select-hosts.ts'
import { recordRun } from '../../src/run/record-run.ts'
import { resumeRun } from '../../src/run/resume-run.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import { Interruption, type RunRequest, type RunWorld } from '../../src/run/run-request.ts'
import { lacks } from '../capabilities.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'
import { startFixture } from '../ledger/child.ts'
import { waitUntil } from '../wait-until.ts'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../src/cli/main.ts')
const CONFIG = parseConfig(
  `profiles:
  quick: {output_options: ["-c:v libx264", "-preset ultrafast", "-crf 40", "-an"], extension: .mkv}
  cuda: {include: quick, queue: cuda}
rules:
  cuda: {profile: cuda, criteria: {path: "[.]avi$"}}
  rest: {profile: quick, criteria: {path: "."}}
`,
  'test.yml',
  [],
)

let folder: string
let events: EncodeEvent[]

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-after-')))
  events = []
})

afterEach(() => rm(folder, { recursive: true }))

describe('a line that was left in the queue file by a controller that died', () => {
  test('is taken out where the job is done and its source is gone', async () => {
    await makeFilm('a.mkv')
    await leaveRun('dead', [
      { plan: await planOf('a.mp4', 'a.mkv', 'a.mkv'), state: 'done', fields: { outputBytes: await sizeOf('a.mkv') } },
    ])
    await writeFile(at('queue'), `${at('a.mp4')}\n`)
    expect(await runQueue()).toBe(0)
    expect(of('job.skipped')).toMatchObject([{ file: at('a.mp4'), reason: expect.stringContaining('Run dead has done it already') }])
    expect(await readFile(at('queue'), 'utf8')).toBe('')
  })

  test('is taken out where the result bears the source’s name, which is not encoded again; put back, it is', async () => {
    await makeFilm('a.mkv')
    const sizeBytes = await sizeOf('a.mkv')
    await leaveRun('dead', [{ plan: await planOf('a.mkv', 'a.mkv', 'a.mkv'), state: 'done', fields: { outputBytes: sizeBytes } }])
    await writeFile(at('queue'), `${at('a.mkv')}\n`)
    expect(await runQueue()).toBe(0)
    expect(await sizeOf('a.mkv')).toBe(sizeBytes)
    expect(await readFile(at('queue'), 'utf8')).toBe('')
    await writeFile(at('queue'), `${at('a.mkv')}\n`)
    expect(await runQueue()).toBe(0)
    expect(of('job.done')).toHaveLength(1)
    expect(await readFile(at('queue'), 'utf8')).toBe('')
  })

  test('stays, and fails, where the result is not what that job made', async () => {
    await makeFilm('a.mkv')
    await leaveRun('dead', [{ plan: await planOf('a.mp4', 'a.mkv', 'a.mkv'), state: 'done', fields: { outputBytes: 1 } }])
    await writeFile(at('queue'), `${at('a.mp4')}\n`)
    expect(await runQueue()).toBe(1)
    expect(await readFile(at('queue'), 'utf8')).toBe(`${at('a.mp4')}\n`)
  })
})

describe('a controller that died while it replaced', () => {
  test('with the source still beside the result: the next run of the queue file ends it', async () => {
    const plan = await leaveHalfReplaced()
    await writeFile(at('queue'), `${plan.source.path}\n`)
    expect(await runQueue()).toBe(0)
    expect(await films()).toEqual(['a.mkv'])
    expect(await readFile(at('queue'), 'utf8')).toBe('')
    expect(of('warning').map(({ message }) => message)).toEqual([expect.stringContaining('now "')])
  })

  test('of runs that come at the same time one ends it: two could take the result from each other', async () => {
    const plan = await leaveHalfReplaced()
    using one = openLedger({ folder: at('state'), clock: systemClock, pid: process.pid })
    using other = openLedger({ folder: at('state'), clock: systemClock, pid: process.pid })
    const dead = [one.deadRuns(), other.deadRuns()] as const
    const ended = await Promise.all([endReplacements(one, dead[0]), endReplacements(other, dead[1])])
    expect(ended).toMatchObject([[{ job: { source: plan.source.path }, failure: undefined }], []])
    expect(await endReplacements(other, dead[1])).toEqual([])
    expect(await films()).toEqual(['a.mkv'])
    expect(other.deadRuns()).toMatchObject([{ liveness: 'dead', unfinished: [] }])
  })

  test('resume ends it, counts it as done, and takes the line out of the queue file', async () => {
    const plan = await leaveHalfReplaced()
    await writeFile(at('queue'), `# tonight\n${plan.source.path}\n`)
    expect(await resume()).toBe(0)
    expect(of('run.finished')).toMatchObject([{ done: 1, failed: 0, source_bytes: plan.source.sizeBytes }])
    expect(await films()).toEqual(['a.mkv'])
    expect(await readFile(at('queue'), 'utf8')).toBe('# tonight\n')
  })
})

describe('resume', () => {
  test('under a configuration without the cluster tells how the run was called, and leaves its jobs as they are', async () => {
    await makeFilm('a.mp4')
    const plan = { ...(await planOf('a.mp4', 'a.mp4', 'a.mkv')), cluster: 'home' }
    await leaveRun('dead', [{ plan, state: 'encode' }])
    await expect(resume()).rejects.toMatchObject({
      message: 'There is no cluster "home"',
      hint: `"test.yml" defines no clusters. Run dead was called as encode -y own.yml -p quick 'a film.mp4'`,
    })
    expect(events).toEqual([])
    expect(await films()).toEqual(['a.mp4'])
  })

  test('leaves a source alone that a living controller works on, and says who', async () => {
    await makeFilm('a.mp4')
    await leaveRun('dead', [{ plan: await planOf('a.mp4', 'a.mp4', 'a.mkv'), state: 'encode' }])
    await using holder = startFixture('hold-run', at('state'), 'living', at('a.mp4'))
    expect(await holder.nextLine()).toBe('ready')
    expect(await resume()).toBe(1)
    expect(of('job.failed')).toMatchObject([{ reason: expect.stringContaining(`process ${holder.pid}`) }])
    expect(await films()).toEqual(['a.mp4'])
  })

  test('does not report as lost what another run has done since', async () => {
    await makeFilm('a.mp4')
    const plan = await planOf('a.mp4', 'a.mp4', 'a.mkv')
    await leaveRun('dead', [{ plan, state: 'encode' }])
    await leaveRun('later', [{ plan: { ...plan, id: 'later-1' }, state: 'done', fields: { outputBytes: 5 } }], { FINISHED: '1' })
    await rm(at('a.mp4'))
    expect(await resume()).toBe(0)
    expect(of('job.skipped')).toMatchObject([{ file: at('a.mp4'), reason: expect.stringContaining('Run later has done it since') }])
  })

  test('encodes a film once that two controllers died over', async () => {
    await makeFilm('a.mp4')
    const plan = await planOf('a.mp4', 'a.mp4', 'a.mkv')
    await leaveRun('first', [{ plan, state: 'encode' }])
    await leaveRun('second', [{ plan: { ...plan, id: 'second-1' }, state: 'encode' }])
    expect(await resume()).toBe(0)
    expect(of('job.done')).toHaveLength(1)
    expect(of('job.skipped')).toMatchObject([{ file: at('a.mp4'), reason: 'Run second was asked for it again' }])
    expect(await films()).toEqual(['a.mkv'])
  })

  test('encodes what is left; a result that somebody put there meanwhile fails before any work', async () => {
    await makeFilm('a.mp4')
    await makeFilm('b.mp4')
    const [a, b] = [await planOf('a.mp4', 'a.mp4', 'a.mkv'), await planOf('b.mp4', 'b.mp4', 'b.mkv')]
    await leaveRun('dead', [
      { plan: a, state: 'encode' },
      { plan: b, state: 'queued' },
    ])
    await writeFile(at('b.mkv'), 'somebody else’s')
    expect(await resume()).toBe(1)
    expect(await films()).toEqual(['a.mkv', 'b.mkv', 'b.mp4'])
    expect(of('job.failed')).toMatchObject([{ file: at('b.mp4'), reason: expect.stringContaining('exists already') }])
    expect(of('job.stage').filter(({ job }) => job.endsWith('-2'))).toEqual([])
  })
})

describe('a run that cannot go on', () => {
  test('because it is interrupted while it looks at files: 130, and no ffprobe is left', async () => {
    const program = at('ffprobe')
    await writeFile(program, '#!/bin/sh\necho $$ > "$0.$$"\nexec sleep 1000\n', { mode: 0o755 })
    for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) await writeFile(at(name), 'film')
    const ending = new AbortController()
    const status = start({ targets: [target('.')], config: { ...CONFIG, ffprobe: program } }, { signal: ending.signal })
    const pids = async () => (await readdir(folder)).flatMap((name) => /^ffprobe\.(\d+)$/.exec(name)?.[1] ?? [])
    // One more is asked for its version.
    await waitUntil(async () => (await pids()).length === 4, { what: 'three files are being looked at' })
    ending.abort(new Interruption('SIGINT'))
    expect(await status).toBe(130)
    const isThere = (pid: string) => existsSync(`/proc/${pid}`)
    await waitUntil(async () => !(await pids()).some(isThere), { what: 'every ffprobe has ended', timeoutMs: 5_000 })
  })

  test('because the ledger cannot be written: it ends clean, says so, and the source is untouched', async () => {
    await makeFilm('a.mp4')
    await makeFilm('b.mp4')
    using ledger = openLedger({ folder: at('state'), clock: systemClock, pid: process.pid, warner: process })
    let isFull = false
    const orFull = <Args extends readonly unknown[]>(write: (...args: Args) => void) => {
      return (...args: Args) => {
        isFull ||= args.includes('verify')
        if (isFull) throw new EncodeError('LEDGER_FAILED', 'The ledger cannot be written: the disk is full')
        write(...args)
      }
    }
    const { setState, startAttempt, noteFile, forgetFile, finishRun } = ledger
    const filling: Ledger = {
      ...ledger,
      setState: orFull(setState),
      startAttempt: orFull(startAttempt),
      noteFile: orFull(noteFile),
      forgetFile: orFull(forgetFile),
      finishRun: orFull(finishRun),
    }
    const plans = [await planOf('a.mp4', 'a.mp4', 'a.mkv'), await planOf('b.mp4', 'b.mp4', 'b.mkv')]
    const status = await recordRun({
      request: { argv: [], strategy: 'fastest', isSequential: true, config: CONFIG },
      world: toWorld(),
      ledger: filling,
      runId: 'run',
      hosts: new Map([['local', [toLocalHost(CONFIG)]]]),
      ffprobe: createFfprobe('ffprobe'),
      intake: {
        async first() {
          ledger.addJobs('run', plans)
          return plans
        },
        settle: async () => {},
      },
    })
    expect(status).toBe(1)
    expect(of('run.finished')).toMatchObject([{ exit: 1, done: 0, failed: 0 }])
    expect(of('warning')).toMatchObject([{ message: expect.stringContaining('The run ended early: The ledger cannot be written') }])
    expect(of('job.started')).toHaveLength(1)
    expect((await readdir(folder)).filter((name) => name.startsWith('.encode-'))).toEqual([])
    expect(await films()).toEqual(['a.mp4', 'b.mp4'])
  })

  test.skipIf(lacks('root'))(
    'because the disk of the ledger is full in mid-job: it ends clean, and resume does the job once there is room',
    async () => {
      await makeFilm('a.mp4')
      // As slow as it plays: the disk is full before it is done.
      await writeFile(at('slow.yml'), 'profiles: {slow: {input_options: ["-re"], output_options: ["-c:v libx264"], extension: .mkv}}')
      await mkdir(at('encode'))
      await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at('encode')])
      try {
        const first = await runProgram(['-p', 'slow', 'a.mp4'], (line) => line.includes('"stage":"encode"') && fillDisk(at('encode')))
        expect(first.status).toBe(1)
        expect(first.said).toMatch(/The run ended early: .*the disk is full/)
        expect(first.said).not.toContain('job.done')
        expect((await readdir(folder)).sort()).toEqual(['a.mp4', 'encode', 'slow.yml'])
        await rm(at('encode/filler'))
        expect(await runProgram(['resume'])).toMatchObject({ status: 0, said: expect.stringContaining('job.done') })
        expect(await films()).toEqual(['a.mkv'])
      } finally {
        await run('umount', [at('encode')])
      }
    },
  )

  test('because the folder of its results has a name that is not valid UTF-8: nothing is made', async () => {
    await writeFile(at('slow.yml'), 'profiles: {slow: {output_options: ["-c:v libx264"], extension: .mkv}}')
    await makeFilm('a.mp4')
    // A shell can give the byte, Node cannot.
    const program = `exec "$NODE" "$PROGRAM" -p slow a.mp4 -y slow.yml -o "$(printf 'bad-\\377')"`
    const env = { ...process.env, NODE_OPTIONS: '', XDG_STATE_HOME: folder, NODE: process.execPath, PROGRAM }
    await expect(run('sh', ['-c', program], { cwd: folder, env })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('seems not to be valid UTF-8'),
    })
    expect((await readdir(folder)).sort()).toEqual(['a.mp4', 'slow.yml'])
  })

  test('because all that it was asked for is refused: history tells of each file', async () => {
    await writeFile(at('slow.yml'), 'profiles: {slow: {output_options: ["-c:v libx264"], extension: .mkv}}')
    await writeFile(at('empty.mp4'), '')
    expect(await runProgram(['-p', 'slow', 'empty.mp4', 'missing.mp4'])).toMatchObject({ status: 1 })
    const { said } = await runProgram(['history', 'last'])
    expect(
      said
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { source: at('empty.mp4'), state: 'failed', reason: 'It is empty' },
      { source: at('missing.mp4'), state: 'failed', reason: expect.stringContaining('No such file') },
    ])
  })

  test('with a line that was appended and meets a fault of the configuration: that line fails, the others are done', async () => {
    await makeFilm('a.mp4')
    await makeFilm('b.avi')
    await writeFile(at('queue'), `${at('a.mp4')}\n`)
    let isAppended = false
    const status = runQueue((event) => {
      if (event !== 'job.started' || isAppended) return
      isAppended = true
      void appendFile(at('queue'), `${at('b.avi')}\n`)
    })
    expect(await status).toBe(1)
    expect(of('job.failed')).toMatchObject([{ file: at('b.avi'), reason: expect.stringContaining('runs in queue "cuda"') }])
    expect(await films()).toEqual(['a.mkv', 'b.avi'])
    expect(await readFile(at('queue'), 'utf8')).toBe(`${at('b.avi')}\n`)
  })
})

/** The program itself, with a state folder in this one. */
async function runProgram(
  argv: readonly string[],
  onLine: (line: string) => unknown = () => {},
): Promise<{ status: number; said: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...argv, '--json', '-y', at('slow.yml')], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', XDG_STATE_HOME: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let said = ''
  for await (const line of createInterface({ input: child.stdout })) {
    said += `${line}\n`
    onLine(line)
  }
  const [status] = await closed
  return { status: Number(status), said }
}

function fillDisk(place: string): void {
  for (const bytes of [64 * 1024, 4096]) {
    try {
      for (;;) appendFileSync(join(place, 'filler'), Buffer.alloc(bytes))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    }
  }
}

/** A dead run whose result stands under its name, while the source is still there. */
async function leaveHalfReplaced(): Promise<JobPlan> {
  await makeFilm('a.mp4')
  const plan = { ...(await planOf('a.mp4', 'a.mp4', 'a.mkv')), queueFile: at('queue') }
  await writeFile(at('.encode-1.mkv'), 'the result')
  await utimes(at('.encode-1.mkv'), new Date(), new Date(plan.source.mtimeMs))
  await link(at('.encode-1.mkv'), at('a.mkv'))
  await leaveRun('dead', [{ plan, state: 'replace', fields: { temporary: at('.encode-1.mkv'), outputBytes: 10 } }])
  await rm(at('.encode-1.mkv'))
  return plan
}

/** A job of this queue file whose source was as `like` is. */
async function planOf(source: string, like: string, output: string): Promise<JobPlan> {
  const { size, mtimeMs } = await stat(at(like))
  const plan = createPlan(`run-${source}`, at(source), { cluster: 'local', output: at(output), queueFile: at('queue') })
  return {
    ...plan,
    source: { ...plan.source, sizeBytes: size, mtimeMs, durationSeconds: 1, streams: plan.source.streams.slice(0, 1) },
    profile: { ...plan.profile, name: 'quick' },
    arguments: { input: [], output: ['-c:v', 'libx264', '-preset', 'ultrafast', '-an'] },
  }
}

async function leaveRun(id: string, jobs: readonly object[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const program = join(import.meta.dirname, '../fixtures/dead-run.ts')
  await run(process.execPath, [program, at('state'), id], {
    env: { ...process.env, NODE_OPTIONS: '', JOBS: JSON.stringify(jobs), ...env },
  })
}

async function runQueue(onEvent?: (event: EventName) => void): Promise<number> {
  return await start({ queueFile: at('queue') }, onEvent === undefined ? {} : { onEvent })
}

async function resume(): Promise<number> {
  return await resumeRun({ config: CONFIG, onlyHosts: [], isSequential: false, strategy: 'fastest', argv: ['resume'] }, toWorld())
}

async function start(
  request: Partial<RunRequest>,
  world: { readonly signal?: AbortSignal; readonly onEvent?: (event: EventName) => void } = {},
): Promise<number> {
  return await runEncode({ ...PLAIN_REQUEST, config: CONFIG, ...request }, toWorld(world))
}

function toWorld({ signal, onEvent }: { readonly signal?: AbortSignal; readonly onEvent?: (event: EventName) => void } = {}): RunWorld {
  const take = (event: EncodeEvent) => {
    events.push(event)
    onEvent?.(event.event)
  }
  return toRunWorld(folder, take, signal === undefined ? {} : { signal })
}

function target(path: string) {
  return { path, cluster: undefined, choice: { profile: undefined, template: undefined, mixins: [] }, queueFile: undefined }
}

function of<Name extends EventName>(name: Name): readonly EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name)
}

async function makeFilm(name: string): Promise<void> {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25:duration=1']
  await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...source, '-c:v', 'libx264', '-preset', 'ultrafast', at(name)])
}

async function films(): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => /\.(mkv|mp4|avi)$/.test(name)).sort()
}

async function sizeOf(name: string): Promise<number> {
  return (await stat(at(name))).size
}

function at(name: string): string {
  return join(folder, name)
}
