import { Chalk } from 'chalk'
import { describe, expect, it } from 'vitest'
import type { EncodeEvent } from '../../src/model/events.ts'
import { measureText } from '../../src/view/fit-text.ts'
import { renderSummary } from '../../src/view/render-summary.ts'
import { createSummary } from '../../src/view/summary.ts'
import { done, eventAt, failed, finished, queued } from './run-script.ts'

const chalk = new Chalk({ level: 0 })

function linesAfter(events: readonly EncodeEvent[], columns?: number): readonly string[] {
  const summary = createSummary()
  for (const event of events) summary.apply(event)
  return renderSummary(summary.report(), { chalk, columns })
}

describe('renderSummary', () => {
  it('shows the files that saved most of a long run, and where the others are told', () => {
    const events = Array.from({ length: 10_000 }, (_, index) => done(index, `j${index}`, `/tv/${index}.mp4`, 'nas', (index + 1) * 1000))
    const lines = linesAfter([...events, finished(1, { done: 10_000 })])
    expect(lines[0]).toBe('Done (the 30 of 10000 that saved most)')
    expect(lines.filter((line) => line.includes('.mp4')).map((line) => line.trim().split(' ')[0])).toEqual(
      Array.from({ length: 30 }, (_, index) => `${9970 + index}.mp4`),
    )
    expect(lines).toContain('  … and 9970 more files: see `encode history`')
    expect(lines.at(-1)).toMatch(/^Finished: 10000 done/)
  })

  it('bounds skipped and failed files too', () => {
    const lines = linesAfter([
      ...Array.from({ length: 100 }, (_, index) => eventAt(0, 'job.skipped', { file: `/s${index}.mp4`, reason: 'small' })),
      ...Array.from({ length: 100 }, (_, index) => failed(0, `j${index}`, `/f${index}.mp4`, 'nas')),
    ])
    expect(lines.filter((line) => line.includes('… and'))).toEqual([
      '  … and 80 more files: see `encode history`',
      '  … and 50 more files: see `encode history`',
    ])
    expect(lines.at(-1)).toBe('Interrupted: 0 done, 100 skipped, 100 failed')
  })

  it('tells a reason that many files share once, and leaves room for the others', () => {
    const unhosted = (index: number, reason: string) => eventAt(0, 'job.failed', { file: `/f${index}.mp4`, host: null, reason, log: null })
    const lines = linesAfter([
      ...Array.from({ length: 1000 }, (_, index) => unhosted(index, 'No host is left')),
      unhosted(1000, 'It is empty'),
      finished(1, { failed: 1001, exit: 1 }),
    ])
    expect(lines.slice(0, 3)).toEqual(['Failed', '  1000 files: No host is left', '    /f0.mp4'])
    expect(lines.slice(11, 14)).toEqual(['    /f9.mp4', '    … and 990 more files: see `encode history`', '  /f1000.mp4: It is empty'])
    expect(lines).toHaveLength(16)
  })

  it('shows warnings where nothing has left them standing, but for those that were of that moment', () => {
    const summary = createSummary()
    summary.apply(eventAt(0, 'warning', { message: '/a.mkv: its data ends at 1.5 s' }))
    summary.apply(eventAt(0, 'warning', { message: 'SIGINT: ending what runs', momentary: true }))
    for (let index = 0; index < 30; index += 1) summary.apply(eventAt(0, 'warning', { message: `w${index}` }))
    const lines = renderSummary(summary.report(), { chalk, withWarnings: true })
    expect(lines.slice(0, 3)).toEqual(['Warnings', '  /a.mkv: its data ends at 1.5 s', '  w0'])
    expect(lines.at(-3)).toBe('  … and 11 more warnings')
    expect(renderSummary(summary.report(), { chalk })).toHaveLength(1)
  })

  it('counts what an interruption left as it was, planned or not', () => {
    const job = (id: string) => queued(0, id, `/${id}.mp4`)
    const cut = finished(3, { done: 1, exit: 129 })
    expect(linesAfter([job('a'), job('b'), job('c'), done(1, 'a', '/a.mp4', 'nas'), cut]).at(-1)).toMatch(
      /^Interrupted after 3s: 1 done, 2 left as they were/,
    )
    const planning = eventAt(0, 'run.started', { jobs: 2, files: 9, clusters: [] })
    const skipped = eventAt(0, 'job.skipped', { file: '/s.mp4', reason: 'small' })
    expect(linesAfter([planning, job('a'), job('b'), skipped, finished(3, { skipped: 1, exit: 130 })]).at(-1)).toBe(
      'Interrupted after 3s: 0 done, 1 skipped, 8 left as they were',
    )
  })

  it('says so when there was nothing to do', () => {
    expect(linesAfter([eventAt(0, 'run.started', { jobs: 0, clusters: [] }), finished(0)])).toEqual(['Finished: there was nothing to do'])
  })

  it.each([80, 40, 30])('keeps to %i columns: figures give way, sentences are wrapped', (columns) => {
    const lines = linesAfter(
      [
        done(0, 'a', `/${'long name '.repeat(9)}.mp4`, 'cellar'),
        failed(0, 'b', '/b.mp4', 'nas', 'ffmpeg ended with status 1: no space is left on the device'),
        finished(9, { done: 1, failed: 1, source_bytes: 1e9, output_bytes: 4e8, exit: 1 }),
      ],
      columns,
    )
    for (const line of lines) expect(measureText(line)).toBeLessThanOrEqual(columns)
    expect(lines[1]).toMatch(columns === 80 ? /→.* 2m 03s {2}cellar$/ : columns === 40 ? /→.*%$/ : /…[^→]*%$/)
  })

  it('names the hosts that are down or set aside at the end, not those that came back', () => {
    const down = (host: string, reason: string) => eventAt(0, 'host.down', { cluster: 'home', host, reason })
    const up = { cluster: 'home', host: 'nas', os: 'linux', ffmpeg: '7.1', encoders: [], free_bytes: null }
    const lines = linesAfter([
      down('nas', 'it was silent for 15 s'),
      down('box', 'Connection refused'),
      eventAt(1, 'host.up', up),
      down('box', 'Set aside for 1m 00s: 3 jobs in a row failed there that other hosts did; the last reason: no\nmount'),
      ...Array.from({ length: 30 }, (_, index) => down(`off${index}`, 'off')),
      finished(9, { done: 1 }),
    ])
    expect(lines[0]).toBe('Hosts down')
    expect(lines[1]).toMatch(
      /^ {2}box.*: Set aside for 1m 00s: 3 jobs in a row failed there that other hosts did; the last reason: no mount$/,
    )
    expect(lines.join('\n')).not.toContain('nas')
    expect(lines.at(-3)).toBe('  … and 11 more hosts')
  })

  it('says what a run that was drained has left', () => {
    expect(linesAfter([finished(9, { done: 1, left: 3 })]).at(-1)).toMatch(/^Drained: 1 done, 3 left for "encode resume"/)
  })

  it('says when a file grew', () => {
    const grown = { ...done(0, 'a', '/a.mp4', 'nas', 1000), output_bytes: 1100, saved_percent: -10 }
    const lines = linesAfter([grown, finished(9, { done: 1, source_bytes: 1000, output_bytes: 1100 })])
    expect(lines[1]).toBe('  a.mp4  1.00 kB → 1.10 kB  +10.0 %  2m 03s  nas')
    expect(lines.at(-1)).toBe('Finished: 1 done in 9s; 1.00 kB → 1.10 kB, grew by 100 B (+10.0 %)')
  })

  it.each([130, 143])('says that a run with exit status %i was interrupted', (exit) => {
    expect(linesAfter([finished(9, { exit })])).toEqual(['Interrupted after 9s: 0 done'])
  })

  it('lines up columns under wide names, and cuts names where the terminal is narrow', () => {
    const events = [done(0, 'a', '/映画.mp4', 'nas'), done(0, 'b', `/${'long name '.repeat(20)}.mp4`, 'nas'), finished(9, { done: 2 })]
    const [, first = '', second = ''] = linesAfter(events, 80)
    expect(measureText(first)).toBe(measureText(second))
    expect(measureText(second)).toBeLessThanOrEqual(80)
    expect(second).toMatch(/…/)
  })

  it('is empty until something happened', () => {
    const summary = createSummary()
    expect(summary.isEmpty).toBe(true)
    summary.apply(eventAt(0, 'run.started', { jobs: 0, clusters: [] }))
    expect(summary.isEmpty).toBe(false)
  })
})
