/** Whatever stands in an event or a report, a terminal is given nothing that it would obey, and a line stays one line. */

import { Chalk } from 'chalk'
import { figures } from 'listr2'
import { describe, expect, test } from 'vitest'
import { toSafeJson, toVisibleLines } from '../../src/core/text.ts'
import type { EncodeEvent, View } from '../../src/model/events.ts'
import { createDryRunView } from '../../src/view/dry-run-view.ts'
import { renderFrame } from '../../src/view/frame.ts'
import { createJsonView } from '../../src/view/json-view.ts'
import { createPlainView } from '../../src/view/plain-view.ts'
import { createRunState } from '../../src/view/run-state.ts'
import { done, eventAt, failed, finished, hostUp, progressed, queued, RUN_START_MS, started } from './run-script.ts'
import { createSlowStream } from './slow-stream.ts'

/** Clears the screen, names the window, answers on the keyboard, writes over the line, begins another, turns the text round; C0 and C1, NUL. */
const POISON = '\u001b[2J\u001b]0;own\u0007\u001bP+q\u001b\\\u009b6n\rover\nnext\u2028\u202etxt\u0000\u007f\u0090'
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not get out
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

const RUN: readonly EncodeEvent[] = [
  eventAt(0, 'run.started', { jobs: 2, clusters: ['home'] }),
  hostUp(1, 'nas'),
  eventAt(1, 'host.down', { cluster: 'home', host: 'old', reason: 'Connection refused' }),
  queued(1, 'a', '/tv/a.mp4'),
  queued(1, 'b', '/tv/b.mp4'),
  queued(1, 'd', '/tv/d.mp4'),
  eventAt(1, 'job.skipped', { file: '/tv/c.mp4', reason: 'Rule "small" says SKIP' }),
  eventAt(1, 'job.planned', {
    file: '/tv/a.mp4',
    cluster: 'home',
    host: 'nas',
    rule: 'big',
    profile: 'h264',
    queue: '_default',
    arguments: ['-i', '/tv/a.mp4', '-metadata', 'title=x', '/tv/a.mkv'],
    output: '/tv/a.mkv',
  }),
  started(2, 'a', '/tv/a.mp4', 'nas'),
  progressed(3, 'a', 'nas', 33),
  started(2, 'b', '/tv/b.mp4', 'nas'),
  started(2, 'd', '/tv/d.mp4', 'nas'),
  progressed(20, 'd', 'nas', 33),
  eventAt(3, 'job.retry', { job: 'b', host: 'nas', reason: 'lost' }),
  eventAt(3, 'warning', { message: 'Something is odd' }),
  done(60, 'a', '/tv/a.mp4', 'nas'),
  failed(61, 'b', '/tv/b.mp4', 'nas'),
]
const END = finished(62, { done: 1, skipped: 1, failed: 1, source_bytes: 1_200_000_000, output_bytes: 400_000_000, exit: 1 })

/** Every text in it, but for what tells events and jobs apart. */
function poison<T>(value: T, name = ''): T {
  if (typeof value === 'string') {
    return (['time', 'event', 'job', 'stage'].includes(name) ? value : `${value.slice(0, 4)}${POISON}${value.slice(4)}`) as T
  }
  if (Array.isArray(value)) return value.map((item) => poison(item)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, poison(item, key)])) as T
}

async function linesOf(createView: (stdout: ReturnType<typeof createSlowStream>['stream']) => View): Promise<readonly string[]> {
  const reader = createSlowStream(10_000_000)
  reader.open()
  const view = createView(reader.stream)
  for (const event of [...RUN, END]) view.handle(poison(event))
  await view.close()
  return reader.lines
}

describe('text that a terminal would obey', () => {
  test.each<[string, (stdout: ReturnType<typeof createSlowStream>['stream']) => View]>([
    ['plain lines', (stdout) => createPlainView({ stdout, times: 'none' })],
    ['plain lines with -v', (stdout) => createPlainView({ stdout, times: 'none', verbosity: 'verbose' })],
    ['plain lines with -q', (stdout) => createPlainView({ stdout, times: 'none', verbosity: 'quiet' })],
    ['the dry run', (stdout) => createDryRunView({ stdout })],
    ['JSON', (stdout) => createJsonView({ stdout })],
  ])('does not come out of %s', async (_, createView) => {
    const lines = await linesOf(createView)
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.filter((line) => UNSAFE.test(line))).toEqual([])
  })

  test('does not come out of the live view', () => {
    const state = createRunState()
    const shown: string[] = []
    for (const event of RUN) {
      state.apply(poison(event))
      const options = { columns: 200, rows: 50, nowMs: RUN_START_MS + 65_000, spinner: '*', figures, chalk: new Chalk({ level: 0 }) }
      shown.push(...renderFrame(state, options))
    }
    expect(shown.length).toBeGreaterThan(50)
    expect(shown.filter((line) => UNSAFE.test(line))).toEqual([])
  })

  test('comes out of JSON as it went in, for whoever parses it', async () => {
    const lines = await linesOf((stdout) => createJsonView({ stdout }))
    const events = lines.map((line) => JSON.parse(line) as EncodeEvent)
    expect(events).toContainEqual(poison(RUN.find(({ event }) => event === 'job.failed')))
    expect(JSON.parse(toSafeJson({ [POISON]: [POISON] }))).toEqual({ [POISON]: [POISON] })
  })

  test('is visible in an error of several lines, whose lines stay', () => {
    expect(toVisibleLines('a\u001b[2J\n\tb\r\u009b')).toBe('a\\e[2J\n\tb\\r\\u009b')
  })
})
