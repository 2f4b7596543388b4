import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { EncodeEvent } from '../../src/model/events.ts'
import { createJsonView } from '../../src/view/json-view.ts'
import { done, finished, progressed, queued, started } from './run-script.ts'
import { createSlowStream } from './slow-stream.ts'

describe('createJsonView', () => {
  it('writes each event as one line, as it is', async () => {
    const slow = createSlowStream(1_000_000)
    slow.open()
    const view = createJsonView({ stdout: slow.stream })
    const events = [
      queued(0, 'a', '/tv/new\nline \u001b[2J 映.mp4'),
      progressed(1, 'a', 'nas', 5),
      progressed(2, 'a', 'nas', 6),
      finished(3),
    ]
    for (const event of events) view.handle(event)
    await view.close()
    expect(slow.lines.map((line) => JSON.parse(line))).toEqual(events)
  })

  it('leaves out nothing but progress for a reader that does not keep up', async () => {
    const slow = createSlowStream()
    const view = createJsonView({ stdout: slow.stream })
    const events: EncodeEvent[] = []
    for (let index = 0; index < 500; index += 1) {
      const job = `j${index % 5}`
      if (index < 5) events.push(queued(index, job, '/a.mp4'), started(index, job, '/a.mp4', 'nas'))
      events.push(progressed(index, job, 'nas', index / 5))
    }
    events.push(done(500, 'j0', '/a.mp4', 'nas'), finished(501))
    for (const event of events) view.handle(event)
    slow.open()
    await view.close()

    const heard = slow.lines.map((line): EncodeEvent => JSON.parse(line))
    const isEssential = (event: EncodeEvent): boolean => event.event !== 'job.progress'
    expect(heard.filter(isEssential)).toEqual(events.filter(isEssential))
    const progress = heard.flatMap((event) => (event.event === 'job.progress' ? [[event.job, event.percent]] : []))
    // The job that is done needs no progress any more.
    expect(progress).toEqual([
      ['j1', 99.2],
      ['j2', 99.4],
      ['j3', 99.6],
      ['j4', 99.8],
    ])
  })

  it('keeps the newest events for a reader that has stopped, and says how many are left out', async () => {
    const slow = createSlowStream()
    const view = createJsonView({ stdout: slow.stream, maxPendingLength: 20_000 })
    for (let index = 0; index < 1000; index += 1) view.handle(queued(index, `j${index}`, '/a.mp4'))
    view.handle(finished(1000))
    slow.open()
    await view.close()

    const heard = slow.lines.map((line): EncodeEvent => JSON.parse(line))
    expect(slow.lines.join('').length).toBeLessThan(21_000)
    expect(heard.at(-1)).toEqual(finished(1000))
    const warning = heard.find((event) => event.event === 'warning')
    expect(warning?.message).toBe(`${1001 - (heard.length - 1)} events left out: the reader was too slow`)
  })

  it('falls silent when a real reader closes the pipe, and the run is told', async () => {
    const head = spawn('head', ['-1'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const output: Buffer[] = []
    head.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>()
    const view = createJsonView({ stdout: head.stdin, onClosed: resolve })
    view.handle(queued(0, 'a', '/a.mp4'))
    await once(head, 'close')
    for (let index = 0; index < 10_000; index += 1) view.handle(queued(index, `j${index}`, '/a.mp4'))
    await closed
    await view.close()
    expect(Buffer.concat(output).toString()).toBe(`${JSON.stringify(queued(0, 'a', '/a.mp4'))}\n`)
  })

  it('does not wait for a real reader that reads nothing', async () => {
    const stuck = spawn('sleep', ['60'], { stdio: ['pipe', 'ignore', 'inherit'] })
    try {
      const giveUp = new AbortController()
      const view = createJsonView({ stdout: stuck.stdin, giveUp: giveUp.signal })
      for (let index = 0; index < 50_000; index += 1) view.handle(progressed(index, `j${index % 4}`, 'nas', 5))
      expect(stuck.stdin.writableLength).toBeLessThan(1_000_000)
      giveUp.abort()
      await view.close()
    } finally {
      stuck.kill('SIGKILL')
      stuck.stdin.destroy()
      await once(stuck, 'close')
    }
  })
})
