import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { createLiveView, type LiveView } from '../../src/view/live-view.ts'
import { done, eventAt, failed, finished, hostUp, progressed, queued, RUN_START_MS, started } from './run-script.ts'
import { createSlowStream } from './slow-stream.ts'
import { createVirtualTerminal } from './virtual-terminal.ts'

const clock: Clock = { now: () => RUN_START_MS + 65_000, sleep: () => Promise.resolve() }

/** One redraw is due. */
function tick(): void {
  vi.advanceTimersByTime(100)
}

function createNothingStream(): ReturnType<typeof createSlowStream> {
  const slow = createSlowStream(1_000_000)
  slow.open()
  return slow
}

describe('createLiveView', () => {
  const views: LiveView[] = []
  const giveUp = new AbortController()

  function openView(options: Omit<Parameters<typeof createLiveView>[0], 'clock'>): LiveView {
    const view = createLiveView({ clock, giveUp: giveUp.signal, ...options })
    views.push(view)
    return view
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })

  afterEach(async () => {
    for (const view of views.splice(0)) await view.close()
    vi.useRealTimers()
  })

  it('shows hosts, jobs and totals, and hides the cursor meanwhile', () => {
    const terminal = createVirtualTerminal(80, 24)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    for (const event of [
      hostUp(0, 'nas'),
      queued(0, 'a', '/tv/a.mp4'),
      started(0, 'a', '/tv/a.mp4', 'nas'),
      progressed(60, 'a', 'nas', 50),
    ])
      view.handle(event)
    tick()
    const screen = terminal.screen().split('\n')
    expect(screen[0]).toBe('nas (home)  1 running')
    expect(screen[1]).toMatch(/^\S a\.mp4 +encode +━+─+ +50% +143 fps +5\.9x +ETA 3m 00s$/)
    expect(screen.at(-1)).toMatch(/50% {2}ETA/)
    expect(terminal.isCursorVisible).toBe(false)
    expect(terminal.wraps).toBe(true)
  })

  it('redraws ten times a second at most, however much happens', () => {
    const terminal = createVirtualTerminal(80, 24)
    let writeCount = 0
    const write = terminal.stream.write.bind(terminal.stream)
    terminal.stream.write = ((...args: Parameters<typeof write>) => {
      writeCount += 1
      return write(...args)
    }) as typeof write
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    writeCount = 0
    for (let index = 0; index < 10_000; index += 1) view.handle(progressed(1, 'a', 'nas', index / 100))
    expect(writeCount).toBe(0)
    vi.advanceTimersByTime(1000)
    expect(writeCount).toBe(10)
  })

  it('takes the picture away at the end, shows the cursor and prints the summary', async () => {
    const terminal = createVirtualTerminal(80, 24)
    terminal.stream.write('% encode film.mp4\n')
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    for (const event of [hostUp(0, 'nas'), started(0, 'a', '/tv/a.mp4', 'nas'), done(1, 'a', '/tv/a.mp4', 'nas'), finished(2, { done: 1 })])
      view.handle(event)
    tick()
    await view.close()
    await view.close()
    expect(terminal.screen()).toBe(
      ['% encode film.mp4', 'Done', '  a.mp4  1.20 GB → 400 MB  −66.7 %  2m 03s  nas', '', 'Finished: 1 done in 2s'].join('\n'),
    )
    expect(terminal.isCursorVisible).toBe(true)
    expect(view.restoreSequence()).toBe('')
  })

  it('restores the cursor when it is closed in the middle of things', async () => {
    const terminal = createVirtualTerminal(80, 24)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    tick()
    expect(view.restoreSequence()).not.toBe('')
    await view.close()
    expect(terminal.isCursorVisible).toBe(true)
    expect(terminal.screen()).not.toContain('a.mp4')
    tick()
    expect(terminal.screen()).not.toContain('a.mp4')
  })

  it('has a sequence that puts the terminal right when the process just ends', () => {
    const terminal = createVirtualTerminal(80, 24)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    tick()
    terminal.stream.write('')
    const screen = terminal.screen()
    const probe = createVirtualTerminal(80, 24)
    probe.stream.write(`${terminal.written}${view.restoreSequence()}% `)
    expect(probe.isCursorVisible).toBe(true)
    expect(probe.screen()).toBe(`${screen}\n%`)
  })

  it('has one that does so also when the last frame comes after it, or something was typed', () => {
    const terminal = createVirtualTerminal(80, 24)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    tick()
    const before = terminal.written
    view.handle(progressed(1, 'a', 'nas', 50))
    tick()
    const screen = terminal.screen()
    const frame = terminal.written.slice(before.length)
    expect(screen).toContain('50%')
    for (const rest of [
      `${view.restoreSequence()}${frame}`,
      `${frame}^C${view.restoreSequence()}`,
      `^C${frame}${view.restoreSequence()}`,
    ]) {
      const probe = createVirtualTerminal(80, 24)
      probe.stream.write(`${before}${rest}% `)
      expect(probe.isCursorVisible && probe.wraps).toBe(true)
      expect(probe.screen()).toBe(`${screen}\n%`)
    }
  })

  it('has one until the terminal has what takes the picture away', async () => {
    const slow = createSlowStream(1_000_000)
    const view = openView({ stdout: Object.assign(slow.stream, { columns: 80, rows: 24 }), stderr: createNothingStream().stream })
    const gone = new Promise<void>((resolve) => view.suspend(resolve))
    expect(view.restoreSequence()).not.toBe('')
    slow.open()
    await gone
    expect(view.restoreSequence()).toBe('')
  })

  it('makes room for a prompt, and comes back', () => {
    const terminal = createVirtualTerminal(80, 24)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    tick()
    view.suspend()
    expect(terminal.screen()).toBe('')
    expect(terminal.isCursorVisible).toBe(true)
    terminal.stream.write('Passphrase: \n')
    tick()
    expect(terminal.screen()).toBe('Passphrase:')
    view.resume()
    tick()
    expect(terminal.screen()).toMatch(/^Passphrase:\n.*\n.*a\.mp4/)
  })

  it('holds back what others write to stderr until the picture is gone', async () => {
    const terminal = createVirtualTerminal(80, 24)
    const stderr = createNothingStream()
    const view = openView({ stdout: terminal.stream, stderr: stderr.stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    stderr.stream.write('stray words\n')
    tick()
    expect(stderr.lines).toEqual([])
    await view.close()
    expect(stderr.lines).toEqual(['stray words'])
  })

  it('follows a terminal that changes its size', () => {
    const terminal = createVirtualTerminal(80, 24)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    for (let index = 0; index < 30; index += 1) view.handle(started(0, `j${index}`, `/tv/${index}.mp4`, 'nas'))
    tick()
    expect(terminal.screen().split('\n')).toHaveLength(23)
    Object.assign(terminal.stream, { columns: 120, rows: 40 })
    tick()
    expect(terminal.screen().split('\n').length).toBeGreaterThan(30)
  })

  it('skips frames for a terminal that takes nothing, and goes on', () => {
    const slow = createSlowStream(16_384)
    const view = openView({ stdout: Object.assign(slow.stream, { columns: 80, rows: 24 }), stderr: createNothingStream().stream })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    for (let index = 0; index < 5000; index += 1) {
      view.handle(progressed(1, 'a', 'nas', index / 50))
      tick()
    }
    expect(slow.stream.writableLength).toBeLessThan(32_768)
    giveUp.abort()
  })

  it('falls silent, puts stderr right and tells the run when the terminal is gone', async () => {
    const terminal = createVirtualTerminal(80, 24)
    const stderr = createNothingStream()
    const reasons: unknown[] = []
    const view = openView({ stdout: terminal.stream, stderr: stderr.stream, onClosed: (error) => reasons.push(error) })
    view.handle(started(0, 'a', '/tv/a.mp4', 'nas'))
    tick()
    const closed = new Promise((resolve) => terminal.stream.once('close', resolve))
    terminal.stream.destroy(Object.assign(new Error('write EIO'), { code: 'EIO' }))
    await closed
    tick()
    view.handle(progressed(1, 'a', 'nas', 5))
    stderr.stream.write('stray words\n')
    await view.close()
    expect(reasons).toEqual([expect.objectContaining({ code: 'EIO' })])
    expect(stderr.lines).toEqual(['stray words'])
  })

  it('lasts through 10,000 jobs on a small terminal with a bounded picture', async () => {
    const terminal = createVirtualTerminal(40, 12)
    const view = openView({ stdout: terminal.stream, stderr: createNothingStream().stream })
    view.handle(eventAt(0, 'run.started', { jobs: 10_000, clusters: ['home'] }))
    for (let index = 0; index < 10_000; index += 1) view.handle(queued(0, `j${index}`, `/tv/${index}.mp4`))
    for (let index = 0; index < 10_000; index += 1) {
      view.handle(started(index, `j${index}`, `/tv/${index}.mp4`, 'nas'))
      view.handle(
        index % 100 === 99 ? failed(index, `j${index}`, `/tv/${index}.mp4`, 'nas') : done(index, `j${index}`, `/tv/${index}.mp4`, 'nas'),
      )
      if (index % 100 === 0) tick()
    }
    tick()
    expect(terminal.screen()).toContain('10000/10000')
    expect(terminal.screen()).toContain('more failed')
    expect(terminal.scrolledOff).toEqual([])
    await view.close()
  })
})
