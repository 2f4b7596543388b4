import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import type { EncodeEvent } from '../../src/model/events.ts'
import { type Bench, createBench, describeFilm } from './bench.ts'
import { type EncodeRun, startEncode, writeConfig } from './encode-program.ts'
import { openSlowLink } from './slow-link.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

describe.runIf(canStartHosts)('a host with one slot behind a slow link', { concurrent: true }, () => {
  test('fetches the next source while it encodes, and brings a result back while it encodes the next', async () => {
    await using bench = await createBench()
    const { run, link } = await start(bench, ['a.mp4', 'b.mp4'])
    await using _ = link
    const { status, events, stderr } = await run.ended
    expect(status, stderr).toBe(0)
    const jobs = inOrderOfEncodes(events)
    const [first = '', second = ''] = jobs
    expect(jobs).toEqual([first, second])
    expect(find(events, second, 'fetch')).toBeLessThan(find(events, first, 'return'))
    expect(find(events, second, 'encode')).toBeLessThan(find(events, first, 'done'))
    for (const name of ['a', 'b']) await describeFilm(join(bench.films, `${name}.mkv`))
    await bench.expectNothingLeft()
  })

  test('leaves nothing when it is interrupted with one film in its slot, one waiting for it and one on its way', async () => {
    await using bench = await createBench()
    const { run, link } = await start(bench, ['a.mp4', 'b.mp4', 'c.mp4'], {
      seconds: 20,
      lines: ['prefetch: 2'],
      bytesPerSecond: 4_000_000,
    })
    await using _ = link
    const before = await readFile(join(bench.films, 'a.mp4'))
    await run.until('job.progress', ({ waiting }) => waiting === true)
    await run.until('job.progress', ({ stage, percent, job }) => stage === 'fetch' && (percent ?? 0) > 5 && isSecondFetch(run, job))
    run.child.kill('SIGINT')
    const ended = await run.ended
    expect(ended.status).toBe(130)
    expect(ended.events.at(-1)).toMatchObject({ event: 'run.finished', exit: 130, done: 0, failed: 0 })
    expect(await bench.list()).toEqual(['a.mp4', 'b.mp4', 'c.mp4'])
    expect(await readFile(join(bench.films, 'a.mp4'))).toEqual(before)
    await bench.expectNothingLeft()
  })

  test('ends what encodes when it is drained, and what it has fetched ahead stays queued', async () => {
    await using bench = await createBench()
    const { run, link } = await start(bench, ['a.mp4', 'b.mp4'], { seconds: 4 })
    await using _ = link
    await run.until('job.progress', ({ waiting }) => waiting === true)
    run.child.kill('SIGUSR1')
    const ended = await run.ended
    expect(ended.status, ended.stderr).toBe(0)
    expect(ended.events.at(-1)).toMatchObject({ event: 'run.finished', done: 1, left: 1 })
    using ledger = openLedger({ folder: join(bench.folder, 'state', 'encode'), clock: systemClock, pid: process.pid, warner: process })
    expect(
      ledger
        .listJobs({})
        .map(({ state }) => state)
        .sort(),
    ).toEqual(['done', 'queued'])
    await bench.expectNothingLeft()
  })
})

interface StartOptions {
  readonly seconds?: number
  readonly lines?: readonly string[]
  readonly bytesPerSecond?: number
}

/** Films, each of which takes as long to encode as it is. */
async function start(bench: Bench, names: readonly string[], { seconds = 2, lines = [], bytesPerSecond = 2_000_000 }: StartOptions = {}) {
  for (const name of names) await bench.makeFilm(name, { seconds })
  const host = await bench.startHost('box', 'streaming')
  const link = await openSlowLink(host, { bytesPerSecond })
  await appendFile(host.knownHostsFile, `[127.0.0.1]:${link.port} ${host.hostPublicKey}\n`)
  const reached = { ...host, address: '127.0.0.1', port: link.port } as SshdHost
  const config = await writeConfig(bench.folder, { home: [{ host: reached, type: 'streaming', lines }] })
  const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
  return { run, link }
}

function inOrderOfEncodes(events: readonly EncodeEvent[]): readonly string[] {
  return events.flatMap((event) => (event.event === 'job.stage' && event.stage === 'encode' ? [event.job] : []))
}

/** Where in the stream of events a job begins a stage, or is done. */
function find(events: readonly EncodeEvent[], job: string, what: 'fetch' | 'encode' | 'return' | 'done'): number {
  return events.findIndex((event) =>
    what === 'done'
      ? event.event === 'job.done' && event.job === job
      : event.event === 'job.stage' && event.job === job && event.stage === what,
  )
}

/** Another one has its source there already, and waits. */
function isSecondFetch({ events }: EncodeRun, job: string): boolean {
  return events.some((event) => event.event === 'job.progress' && event.waiting === true && event.job !== job)
}
