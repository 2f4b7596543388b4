import { Chalk } from 'chalk'
import fc from 'fast-check'
import { figures } from 'listr2'
import { describe, expect, it } from 'vitest'
import type { EncodeEvent } from '../../src/model/events.ts'
import { measureText } from '../../src/view/fit-text.ts'
import { renderFrame } from '../../src/view/frame.ts'
import { createRunState } from '../../src/view/run-state.ts'
import { done, eventAt, failed, hostUp, progressed, queued, RUN_START_MS, started, WAITING } from './run-script.ts'

function frameOf(events: readonly EncodeEvent[], columns: number, rows: number): readonly string[] {
  const state = createRunState()
  for (const event of events) state.apply(event)
  return renderFrame(state, { columns, rows, nowMs: RUN_START_MS + 65_000, spinner: '*', figures, chalk: new Chalk({ level: 0 }) })
}

function manyJobs(count: number, hosts: readonly string[]): readonly EncodeEvent[] {
  return [
    eventAt(0, 'run.started', { jobs: count, clusters: ['home'] }),
    ...hosts.map((host) => hostUp(0, host)),
    ...Array.from({ length: count }, (_, index) => queued(0, `j${index}`, `/tv/${index}.mp4`)),
    ...Array.from({ length: count }, (_, index) => started(1, `j${index}`, `/tv/${index}.mp4`, hosts[index % hosts.length] ?? '')),
  ]
}

const BUSY: readonly EncodeEvent[] = [
  ...manyJobs(100, ['nas', 'mac', 'old']),
  eventAt(1, 'host.down', { cluster: 'home', host: 'win', reason: 'Connection refused' }),
  ...Array.from({ length: 20 }, (_, index) => done(30 + index, `j${index}`, `/tv/${index}.mp4`, 'nas')),
  ...Array.from({ length: 20 }, (_, index) => failed(50, `j${20 + index}`, `/tv/${20 + index}.mp4`, 'mac')),
  progressed(60, 'j50', 'old', 33),
  eventAt(60, 'warning', { message: 'Something is odd' }),
]

describe('renderFrame', () => {
  it('says what it does before anything is known', () => {
    expect(frameOf([], 80, 24)).toEqual(['* Preparing'])
  })

  it('says whom it waits for before any host has answered', () => {
    const events = [eventAt(0, 'run.started', { jobs: 1, clusters: ['home'] }), queued(0, 'a', '/a.mp4')]
    expect(frameOf(events, 80, 24)[0]).toBe('* 0/1 file, connecting to home')
    expect(frameOf([...events, hostUp(1, 'nas')], 80, 24).join()).not.toContain('connecting')
  })

  it('marks a host that finishes what it has and gets no more', () => {
    const draining = eventAt(2, 'host.draining', { cluster: 'home', host: 'nas', reason: 'It was drained', jobs: 1 })
    expect(frameOf([...manyJobs(1, ['nas']), draining], 80, 24).join('\n')).toMatch(/^nas.*draining, 1 running/m)
  })

  it('counts the jobs that do not fit', () => {
    const lines = frameOf(manyJobs(100, ['nas']), 80, 24)
    const shown = lines.filter((line) => line.includes('.mp4')).length
    expect(lines).toHaveLength(23)
    expect(lines).toContain(`  … and ${100 - shown} more`)
  })

  it('tells what a host does at a time: it encodes, fetches ahead, has a source waiting, and finishes another', () => {
    const events = [
      ...manyJobs(4, ['nas']),
      progressed(60, 'j0', 'nas', 60, 'return'),
      progressed(60, 'j1', 'nas', 50),
      eventAt(60, 'job.progress', { ...WAITING, job: 'j2', host: 'nas' }),
      progressed(60, 'j3', 'nas', 10, 'fetch'),
    ]
    const wide = frameOf(events, 100, 24)
    expect(wide[0]).toBe('nas (home)  1 encoding, 1 fetching, 1 waiting, 1 finishing')
    expect(wide.slice(1, 5)).toEqual(['return', 'encode', 'waits', 'fetch'].map((stage) => expect.stringContaining(`  ${stage} `)))
    expect(frameOf(events, 40, 24)[0]).toBe('nas (home)  4 running')
    expect(wide[3]).toMatch(/waits +for a slot +$/)
    expect(wide.at(-2)).toContain('4 running (1 encoding)')
    // Where rows are few, encodes stay.
    const low = frameOf(events, 60, 5).filter((line) => line.includes('.mp4'))
    expect(low[0]).toContain('encode')
    expect(low.length).toBeLessThan(4)
  })

  it('shares the room out among hosts', () => {
    const lines = frameOf(manyJobs(60, ['nas', 'mac', 'old']), 80, 15)
    for (const host of ['nas', 'mac', 'old']) {
      const heading = lines.findIndex((line) => line.startsWith(host))
      expect(lines[heading + 1], host).toMatch(/\.mp4/)
    }
  })

  it('folds done work into a count and the last few', () => {
    const lines = frameOf(
      [hostUp(0, 'nas'), ...Array.from({ length: 7 }, (_, index) => done(index, `j${index}`, `/tv/${index}.mp4`, 'nas'))],
      80,
      24,
    )
    expect(lines.filter((line) => line.startsWith(figures.tick)).map((line) => line.split(' ')[1])).toEqual([
      '4',
      '4.mp4',
      '5.mp4',
      '6.mp4',
    ])
    expect(lines).toContain(`${figures.tick} 4 files done before`)
  })

  it('keeps failures in sight, whatever else there is', () => {
    const lines = frameOf(BUSY, 80, 24)
    expect(lines.filter((line) => line.startsWith(figures.cross) && line.includes('.mp4')).length).toBeGreaterThan(0)
    expect(lines.some((line) => /and \d+ more failed/.test(line))).toBe(true)
    expect(frameOf(BUSY, 40, 6).some((line) => line.includes('20 failed'))).toBe(true)
  })

  it('gives the ETA of the run and of each job', () => {
    const lines = frameOf([...manyJobs(2, ['nas']), progressed(60, 'j0', 'nas', 50)], 100, 24)
    expect(lines.find((line) => line.includes('0.mp4'))).toMatch(/encode .* 50% .*143 fps .*5\.9x .*ETA 3m 00s/)
    expect(lines.at(-1)).toMatch(/25% {2}ETA 3m 12s {2}1m 05s so far/)
  })

  it('lets no escape sequence of a name, reason or host through', () => {
    const evil = '\u001b[2J\u001b]0;owned\u0007\n\u202e\u009b31m'
    const lines = frameOf(
      [
        hostUp(0, `nas${evil}`),
        eventAt(0, 'host.down', { cluster: evil, host: `b${evil}`, reason: `no${evil}` }),
        started(0, 'a', `/tv/a${evil}.mp4`, `nas${evil}`),
        done(1, 'b', `/tv/b${evil}.mp4`, `nas${evil}`),
        failed(1, 'c', `/tv/c${evil}.mp4`, `nas${evil}`, evil),
        eventAt(1, 'warning', { message: `w${evil}` }),
      ],
      120,
      24,
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly they must not be there
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
    expect(lines.join('\n')).toContain('a\\e[2J')
  })

  it.each([
    [80, 24],
    [40, 12],
    [10, 5],
    [3, 2],
    [1, 1],
  ])('never outgrows a terminal of %i columns and %i rows', (columns, rows) => {
    const lines = frameOf(BUSY, columns, rows)
    expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1))
    for (const line of lines) expect(measureText(line)).toBeLessThanOrEqual(Math.max(1, columns - 1))
  })

  it('never outgrows any terminal, whatever the names and however much goes on', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 30 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(name, { maxLength: 12 }),
        fc.nat(9),
        (columns, rows, names, seed) => {
          const events = names.flatMap((file, index) => [
            hostUp(0, `h${index % 3}`),
            queued(0, `${index}`, file),
            started(1, `${index}`, file, `h${index % 3}`),
            progressed(2, `${index}`, `h${index % 3}`, (seed * 37 * index) % 100),
            ...((index + seed) % 4 === 0 ? [done(3, `${index}`, file, `h${index % 3}`)] : []),
            ...((index + seed) % 5 === 0 ? [failed(3, `${index}`, file, `h${index % 3}`, file)] : []),
          ])
          const lines = frameOf(events, columns, rows)
          expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1))
          for (const line of lines) expect(measureText(line)).toBeLessThanOrEqual(Math.max(1, columns - 1))
        },
      ),
    )
  })
})
