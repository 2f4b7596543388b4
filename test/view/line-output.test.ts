import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { createLineOutput } from '../../src/view/line-output.ts'
import { createSlowStream } from './slow-stream.ts'

describe('createLineOutput', () => {
  it('keeps the order of lines, and of lines of one key the last, for a slow reader', async () => {
    const slow = createSlowStream()
    const output = createLineOutput(slow.stream)
    output.write('first')
    output.write('a 1', 'a')
    output.write('b 1', 'b')
    output.write('second')
    output.write('a 2', 'a')
    slow.open()
    await output.close()
    expect(slow.lines).toEqual(['first', 'b 1', 'second', 'a 2'])
  })

  it('forgets a waiting line that something newer made pointless', async () => {
    const slow = createSlowStream()
    const output = createLineOutput(slow.stream)
    output.write('first')
    output.write('a 1', 'a')
    output.forget('a')
    slow.open()
    await output.close()
    expect(slow.lines).toEqual(['first'])
  })

  it('drops the oldest lines beyond its bound, and says how many', async () => {
    const slow = createSlowStream()
    const output = createLineOutput(slow.stream, { maxPendingLength: 30, describeDropped: (count) => `${count} dropped` })
    for (let index = 0; index < 100; index += 1) output.write(`line ${String(index).padStart(2, '0')}`)
    slow.open()
    await output.close()
    expect(slow.lines).toEqual(['line 00', '95 dropped', 'line 96', 'line 97', 'line 98', 'line 99'])
  })

  it('keeps little for a reader that takes nothing at all', () => {
    const slow = createSlowStream()
    const output = createLineOutput(slow.stream)
    for (let index = 0; index < 10_000; index += 1) output.write(`progress ${index}`, 'job')
    expect(slow.stream.writableLength).toBeLessThan(100)
    expect(slow.lines).toEqual(['progress 0'])
  })

  it('gathers lines that come soon after others, and keeps none back at the end', async () => {
    const slow = createSlowStream(1_000)
    slow.open()
    const pieces: string[] = []
    const write = slow.stream.write.bind(slow.stream)
    slow.stream.write = (chunk: string, ...rest: never[]) => pieces.push(chunk) > 0 && write(chunk, ...rest)
    const output = createLineOutput(slow.stream, { gatherMs: 60_000 })
    for (const line of ['first', 'second', 'third']) output.write(line)
    expect(pieces).toEqual(['first\n'])
    await output.close()
    expect(pieces).toEqual(['first\n', 'second\nthird\n'])
    expect(slow.lines).toEqual(['first', 'second', 'third'])
  })

  it('gives out what was gathered after a while, and after that the next line at once', async () => {
    const slow = createSlowStream(1_000)
    slow.open()
    const output = createLineOutput(slow.stream, { gatherMs: 1 })
    output.write('first')
    output.write('second')
    await vi.waitUntil(() => slow.lines.length === 2)
    expect(slow.lines).toEqual(['first', 'second'])
    await output.close()
  })

  it('hands what was gathered to a reader that has stopped before what has to wait for it', async () => {
    const slow = createSlowStream()
    const output = createLineOutput(slow.stream, { gatherMs: 60_000 })
    for (const line of ['first', 'second', 'third']) output.write(line)
    slow.open()
    await output.close()
    expect(slow.lines).toEqual(['first', 'second', 'third'])
  })

  it('closes when the reader never takes the rest, once it is told to give up', async () => {
    const slow = createSlowStream()
    const giveUp = new AbortController()
    const output = createLineOutput(slow.stream, { giveUp: giveUp.signal })
    output.write('stuck')
    let isOver = false
    const over = output.close().then(() => {
      isOver = true
    })
    await setImmediate()
    expect(isOver).toBe(false)
    giveUp.abort()
    await over
  })

  it('falls silent and tells once when the reader goes away', async () => {
    const slow = createSlowStream()
    const reasons: unknown[] = []
    const output = createLineOutput(slow.stream, { onClosed: (error) => reasons.push(error) })
    output.write('first')
    output.write('second')
    slow.stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    await output.close()
    expect(output.isClosed).toBe(true)
    output.write('third')
    expect(reasons).toEqual([expect.objectContaining({ code: 'EPIPE' })])
    expect(slow.lines).toEqual(['first'])
  })

  it('knows a stream that was closed before it began', async () => {
    const slow = createSlowStream()
    slow.stream.destroy()
    let isTold = false
    const output = createLineOutput(slow.stream, {
      onClosed: () => {
        isTold = true
      },
    })
    output.write('first')
    await output.close()
    expect(isTold).toBe(true)
  })
})
