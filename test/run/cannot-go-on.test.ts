/** A run that ends before its jobs are done, for a reason of its own: what it says, and what it leaves. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { EncodeError } from '../../src/core/errors.ts'
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import type { EncodeEvent } from '../../src/model/events.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'
import { toLocalHost } from '../../src/run/hosts/select-hosts.ts'
import { recordRun } from '../../src/run/record-run.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import { Interruption } from '../../src/run/run-request.ts'
import { lacks } from '../capabilities.ts'
import { planQuick, QUICK_CONFIG } from '../fixtures/quick-plan.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'
import { waitUntil } from '../wait-until.ts'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../src/cli/main.ts')

let folder: RunFolder

beforeEach(async () => {
  folder = await makeRunFolder()
})

afterEach(() => folder[Symbol.asyncDispose]())

describe('a run that cannot go on', () => {
  test('because it is interrupted while it looks at files: 130, and no ffprobe is left', async () => {
    const program = folder.at('ffprobe')
    await writeFile(program, '#!/bin/sh\necho $$ > "$0.$$"\nexec sleep 1000\n', { mode: 0o755 })
    for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) await writeFile(folder.at(name), 'film')
    const ending = new AbortController()
    const request = { ...PLAIN_REQUEST, config: { ...QUICK_CONFIG, ffprobe: program } }
    const targets = [{ ...request.queueTarget, path: '.', queueFile: undefined }]
    const status = runEncode({ ...request, targets }, toRunWorld(folder.path, take, { signal: ending.signal }))
    const pids = async () => (await readdir(folder.path)).flatMap((name) => /^ffprobe\.(\d+)$/.exec(name)?.[1] ?? [])
    await waitUntil(async () => (await pids()).length === 3, { what: 'three files are being looked at' })
    ending.abort(new Interruption('SIGINT'))
    expect(await status).toBe(130)
    const isThere = (pid: string) => existsSync(`/proc/${pid}`)
    await waitUntil(async () => !(await pids()).some(isThere), { what: 'every ffprobe has ended', timeoutMs: 5_000 })
  })

  test('because the ledger cannot be written: it ends clean, says so, and the source is untouched', async () => {
    await folder.makeFilm('a.mp4')
    await folder.makeFilm('b.mp4')
    using ledger = openLedger({ folder: folder.at('state'), clock: systemClock, pid: process.pid, warner: process })
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
    const plans = [await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv'), await planQuick(folder, 'b.mp4', 'b.mp4', 'b.mkv')]
    const status = await recordRun({
      request: { argv: [], strategy: 'fastest', isSequential: true, config: QUICK_CONFIG },
      world: toRunWorld(folder.path, take),
      ledger: filling,
      runId: 'run',
      hosts: new Map([['local', [toLocalHost(QUICK_CONFIG)]]]),
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
    expect(folder.eventsOf('run.finished')).toMatchObject([{ exit: 1, done: 0, failed: 0 }])
    expect(folder.eventsOf('warning')).toMatchObject([
      { message: expect.stringContaining('The run ended early: The ledger cannot be written') },
    ])
    expect(folder.eventsOf('job.started')).toHaveLength(1)
    expect((await readdir(folder.path)).filter((name) => name.startsWith('.encode-'))).toEqual([])
    expect(await folder.films()).toEqual(['a.mp4', 'b.mp4'])
  })

  test.skipIf(lacks('root'))(
    'because the disk of the ledger is full in mid-job: it ends clean, and resume does the job once there is room',
    async () => {
      await folder.makeFilm('a.mp4')
      // As slow as it plays: the disk is full before it is done.
      await writeFile(
        folder.at('slow.yml'),
        'profiles: {slow: {input_options: ["-re"], output_options: ["-c:v libx264"], extension: .mkv}}',
      )
      await mkdir(folder.at('encode'))
      await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder.at('encode')])
      try {
        const first = await runProgram(
          ['-p', 'slow', 'a.mp4'],
          (line) => line.includes('"stage":"encode"') && fillDisk(folder.at('encode')),
        )
        expect(first.status).toBe(1)
        expect(first.said).toMatch(/The run ended early: .*the disk is full/)
        expect(first.said).not.toContain('job.done')
        expect((await readdir(folder.path)).sort()).toEqual(['a.mp4', 'encode', 'slow.yml'])
        await rm(folder.at('encode/filler'))
        expect(await runProgram(['resume'])).toMatchObject({ status: 0, said: expect.stringContaining('job.done') })
        expect(await folder.films()).toEqual(['a.mkv'])
      } finally {
        await run('umount', [folder.at('encode')])
      }
    },
  )

  test('because the folder of its results has a name that is not valid UTF-8: nothing is made', async () => {
    await writeFile(folder.at('slow.yml'), 'profiles: {slow: {output_options: ["-c:v libx264"], extension: .mkv}}')
    await folder.makeFilm('a.mp4')
    // A shell can give the byte, Node cannot.
    const program = `exec "$NODE" "$PROGRAM" -p slow a.mp4 -y slow.yml -o "$(printf 'bad-\\377')"`
    const env = { ...process.env, NODE_OPTIONS: '', XDG_STATE_HOME: folder.path, NODE: process.execPath, PROGRAM }
    await expect(run('sh', ['-c', program], { cwd: folder.path, env })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('seems not to be valid UTF-8'),
    })
    expect((await readdir(folder.path)).sort()).toEqual(['a.mp4', 'slow.yml'])
  })

  test('because all that it was asked for is refused: history tells of each file', async () => {
    await writeFile(folder.at('slow.yml'), 'profiles: {slow: {output_options: ["-c:v libx264"], extension: .mkv}}')
    await writeFile(folder.at('empty.mp4'), '')
    expect(await runProgram(['-p', 'slow', 'empty.mp4', 'missing.mp4'])).toMatchObject({ status: 1 })
    const { said } = await runProgram(['history', 'last'])
    expect(
      said
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { source: folder.at('empty.mp4'), state: 'failed', reason: 'It is empty' },
      { source: folder.at('missing.mp4'), state: 'failed', reason: expect.stringContaining('No such file') },
    ])
  })

  test('with a line that was appended and meets a fault of the configuration: that line fails, the others are done', async () => {
    await folder.makeFilm('a.mp4')
    await folder.makeFilm('b.avi')
    await writeFile(folder.at('queue'), `${folder.at('a.mp4')}\n`)
    let isAppended = false
    const world = toRunWorld(folder.path, (event) => {
      take(event)
      if (event.event !== 'job.started' || isAppended) return
      isAppended = true
      void appendFile(folder.at('queue'), `${folder.at('b.avi')}\n`)
    })
    expect(await runEncode({ ...PLAIN_REQUEST, config: QUICK_CONFIG, queueFile: folder.at('queue') }, world)).toBe(1)
    expect(folder.eventsOf('job.failed')).toMatchObject([
      { file: folder.at('b.avi'), reason: expect.stringContaining('runs in queue "cuda"') },
    ])
    expect(await folder.films()).toEqual(['a.mkv', 'b.avi'])
    expect(await readFile(folder.at('queue'), 'utf8')).toBe(`${folder.at('b.avi')}\n`)
  })
})

function take(event: EncodeEvent): void {
  folder.events.push(event)
}

/** The program itself, with a state folder in this one. */
async function runProgram(
  argv: readonly string[],
  onLine: (line: string) => unknown = () => {},
): Promise<{ status: number; said: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...argv, '--json', '-y', folder.at('slow.yml')], {
    cwd: folder.path,
    env: { ...process.env, NODE_OPTIONS: '', XDG_STATE_HOME: folder.path },
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
