import { Chalk } from 'chalk'
import { describe, expect, it } from 'vitest'
import type { EncodeEvent } from '../../src/model/events.ts'
import { createPlainView, type PlainViewOptions } from '../../src/view/plain-view.ts'
import { collectGarbage } from '../fixtures/collect-garbage.ts'
import { done, eventAt, failed, finished, hostUp, progressed, queued, started, WAITING } from './run-script.ts'
import { createSlowStream } from './slow-stream.ts'

async function linesOf(events: readonly EncodeEvent[], options: Omit<PlainViewOptions, 'stdout'> = {}): Promise<readonly string[]> {
  const reader = createSlowStream(10_000_000)
  reader.open()
  const view = createPlainView({ stdout: reader.stream, times: 'none', ...options })
  for (const event of events) view.handle(event)
  await view.close()
  return reader.lines
}

const RUN: readonly EncodeEvent[] = [
  eventAt(0, 'run.started', { jobs: 2, clusters: ['home'] }),
  hostUp(1, 'nas'),
  eventAt(1, 'host.down', { cluster: 'home', host: 'old', reason: 'Connection refused' }),
  queued(1, 'a', '/tv/a.mp4'),
  queued(1, 'b', '/tv/b.mp4'),
  eventAt(1, 'job.skipped', { file: '/tv/c.mp4', reason: 'Rule "small" says SKIP' }),
  started(2, 'a', '/tv/a.mp4', 'nas'),
  eventAt(2, 'job.stage', { job: 'a', stage: 'encode' }),
  started(2, 'b', '/tv/b.mp4', 'nas'),
  eventAt(3, 'warning', { message: 'Something is odd' }),
  done(60, 'a', '/tv/a.mp4', 'nas'),
  failed(61, 'b', '/tv/b.mp4', 'nas'),
  finished(62, { done: 1, skipped: 1, failed: 1, source_bytes: 1_200_000_000, output_bytes: 400_000_000, exit: 1 }),
]

const SUMMARY = [
  'Done',
  '  a.mp4  1.20 GB → 400 MB  −66.7 %  2m 03s  nas',
  '',
  'Skipped',
  '  c.mp4: Rule "small" says SKIP',
  '',
  'Failed',
  '  /tv/b.mp4 on nas: ffmpeg ended with status 1',
  '    log: /state/logs/b.log',
  '',
  'Hosts down',
  '  old (home): Connection refused',
  '',
  'Finished: 1 done, 1 skipped, 1 failed in 1m 02s; 1.20 GB → 400 MB, saved 800 MB (−66.7 %)',
]

describe('createPlainView', () => {
  it('tells attempts at one job apart, and a source that waits from one that is fetched', async () => {
    const events = [
      started(0, 'a', '/tv/a.mp4', 'nas'),
      eventAt(0, 'job.stage', { job: 'a', stage: 'fetch', host: 'nas', attempt: 1 }),
      eventAt(20, 'job.progress', { ...WAITING, job: 'a', host: 'nas', attempt: 1 }),
      eventAt(90, 'job.stage', { job: 'a', stage: 'encode', host: 'nas', attempt: 1 }),
      eventAt(100, 'job.started', { job: 'a', file: '/tv/a.mp4', host: 'mac', attempt: 2, copy: true }),
      eventAt(100, 'job.stage', { job: 'a', stage: 'fetch', host: 'mac', attempt: 2 }),
      progressed(110, 'a', 'nas', 50, 'encode', 1),
      eventAt(120, 'job.retry', { job: 'a', host: 'mac', reason: 'The host is gone', attempt: 2, running: true }),
      done(123, 'a', '/tv/a.mp4', 'nas'),
    ]
    const lines = await linesOf(events)
    expect(lines.slice(0, 7)).toEqual([
      'nas: a.mp4: started',
      'nas: a.mp4: fetch took 20s',
      'mac: a.mp4: started here, too, attempt 2',
      'nas: a.mp4: encode 50 %, 143 fps, 5.9x, ETA 3m 05s, −40.2 % so far',
      'mac: a.mp4: fetch took 20s',
      'mac: a.mp4: goes on elsewhere: The host is gone',
      'nas: a.mp4: done: 1.20 GB → 400 MB, −66.7 %, in 2m 03s',
    ])
    expect(await linesOf(events, { verbosity: 'verbose' })).toContain('nas: /tv/a.mp4: waits for a slot')
  })

  it('tells a run from its start to its summary', async () => {
    expect(await linesOf(RUN)).toEqual([
      '2 jobs on home',
      'nas (home) is up: linux, ffmpeg 5.1.6, 1.20 TB free',
      'old (home) is down: Connection refused',
      'c.mp4: skipped: Rule "small" says SKIP',
      'nas: a.mp4: started',
      'nas: b.mp4: started',
      'warning: Something is odd',
      'nas: a.mp4: done: 1.20 GB → 400 MB, −66.7 %, in 2m 03s',
      'nas: b.mp4: failed: ffmpeg ended with status 1 (log: /state/logs/b.log)',
      '',
      ...SUMMARY,
    ])
  })

  it('tells failures, lost hosts, warnings and the summary alone when asked to be quiet', async () => {
    expect(await linesOf(RUN, { verbosity: 'quiet' })).toEqual([
      'old (home) is down: Connection refused',
      'warning: Something is odd',
      'nas: b.mp4: failed: ffmpeg ended with status 1 (log: /state/logs/b.log)',
      ...SUMMARY,
    ])
  })

  it('tells queued jobs, stages and whole paths when asked to be verbose', async () => {
    const lines = await linesOf(RUN, { verbosity: 'verbose' })
    expect(lines).toContain('/tv/a.mp4: queued with profile h264 in queue _default')
    expect(lines).toContain('nas: /tv/a.mp4: encode')
  })

  it('tells progress when 10 s have passed and 10 % were gained', async () => {
    const seconds = Array.from({ length: 100 }, (_, index) => index + 1)
    const start = [started(0, 'a', '/a.mp4', 'nas'), eventAt(0, 'job.stage', { job: 'a', stage: 'encode' })]
    const toldAt = async (percentAt: (second: number) => number): Promise<readonly string[]> => {
      const lines = await linesOf([...start, ...seconds.map((second) => progressed(second, 'a', 'nas', percentAt(second)))])
      return lines.flatMap((line) => /encode (\d+) %/.exec(line)?.[1] ?? [])
    }
    // Fast: every 10 s. Slow: every 10 %.
    expect(await toldAt((second) => Math.min(100, second * 5))).toEqual(['50', '100'])
    expect(await toldAt((second) => second / 2)).toEqual(['10', '20', '30', '40', '50'])
  })

  it('tells stages beside the encode when they took long', async () => {
    const lines = await linesOf([
      started(0, 'a', '/a.mp4', 'nas'),
      eventAt(0, 'job.stage', { job: 'a', stage: 'fetch' }),
      eventAt(45, 'job.stage', { job: 'a', stage: 'encode' }),
      eventAt(100, 'job.stage', { job: 'a', stage: 'return' }),
      eventAt(103, 'job.stage', { job: 'a', stage: 'verify' }),
      eventAt(115, 'job.stage', { job: 'a', stage: 'replace' }),
    ])
    expect(lines.filter((line) => line.includes('took'))).toEqual(['nas: a.mp4: fetch took 45s', 'nas: a.mp4: verify took 12s'])
  })

  it('says that a job is tried again, and on which attempt', async () => {
    const lines = await linesOf([
      started(0, 'a', '/a.mp4', 'nas'),
      eventAt(1, 'job.retry', { job: 'a', host: 'nas', reason: 'The connection was lost' }),
      eventAt(2, 'job.started', { job: 'a', file: '/a.mp4', host: 'mac', attempt: 2 }),
    ])
    expect(lines).toEqual([
      'nas: a.mp4: started',
      'nas: a.mp4: will be tried again: The connection was lost',
      'mac: a.mp4: started, attempt 2',
    ])
  })

  it('can tell the time since the start, or the time of day', async () => {
    expect(
      await linesOf([eventAt(0, 'warning', { message: 'x' }), eventAt(65, 'warning', { message: 'y' })], { times: 'elapsed' }),
    ).toEqual(['     0s warning: x', ' 1m 05s warning: y'])
    expect((await linesOf([eventAt(0, 'warning', { message: 'x' })], { times: 'clock' }))[0]).toMatch(/^\d\d:\d\d:\d\d warning: x$/)
  })

  it('uses colours only when it is given them', async () => {
    expect((await linesOf(RUN)).join('')).not.toContain('\u001b')
    expect((await linesOf(RUN, { chalk: new Chalk({ level: 1 }) })).join('')).toContain('\u001b[31mfailed\u001b[39m')
  })

  it('lets no escape sequence from outside through', async () => {
    const evil = 'a\u001b[2J\u001b]0;owned\u0007\r\nb\u009b31m\u202e'
    const lines = await linesOf(
      [
        eventAt(0, 'run.started', { jobs: 1, clusters: [evil] }),
        eventAt(0, 'host.up', { cluster: evil, host: evil, os: evil, ffmpeg: evil, encoders: [evil], free_bytes: null }),
        eventAt(0, 'host.down', { cluster: evil, host: evil, reason: evil }),
        eventAt(0, 'job.queued', { job: evil, file: evil, cluster: evil, profile: evil, queue: evil }),
        eventAt(0, 'job.started', { job: evil, file: evil, host: evil, attempt: 1 }),
        eventAt(1, 'job.retry', { job: evil, host: evil, reason: evil }),
        eventAt(1, 'job.retry', { job: evil, host: evil, reason: evil }),
        eventAt(1, 'job.skipped', { file: evil, reason: evil }),
        done(2, 'x', evil, evil),
        eventAt(3, 'job.failed', { job: evil, file: evil, host: evil, reason: evil, log: evil }),
        eventAt(4, 'warning', { message: evil }),
        finished(5),
      ],
      { verbosity: 'verbose' },
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly they must not be there
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
  })

  it('still prints the summary when the run is cut off before its end', async () => {
    const lines = await linesOf(RUN.slice(0, -1))
    expect(lines.at(-1)).toBe('Interrupted: 1 done, 1 skipped, 1 failed; 1.20 GB → 400 MB, saved 800 MB (−66.7 %)')
  })

  it('keeps a bounded number of lines for a reader that takes nothing, and says what it left out', async () => {
    const slow = createSlowStream()
    const view = createPlainView({ stdout: slow.stream, times: 'none' })
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < 100_000; index += 1) view.handle(failed(index, `j${index}`, `/tv/${index}.mp4`, 'nas'))
    collectGarbage()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000)
    slow.open()
    await view.close()
    expect(slow.lines[1]).toMatch(/^… \d+ lines left out: the reader was too slow$/)
    expect(slow.lines).toContain('nas: 99999.mp4: failed: ffmpeg ended with status 1 (log: /state/logs/j99999.log)')
    expect(slow.lines.at(-1)).toContain('100000 failed')
  })
})
