/** A queue file that others write to, or work on, while a run drains it. */

import { appendFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { readQueueFile } from '../../src/ledger/queue-file.ts'
import type { QueueEntry } from '../../src/ledger/queue-line.ts'
import { startFixture } from './child.ts'
import { makeQueueFolder, type QueueFolder } from './queue-folder.ts'

let folder: QueueFolder
let queue: string
beforeEach(() => {
  folder = makeQueueFolder()
  queue = folder.queue
})
afterEach(() => folder[Symbol.dispose]())

describe('Lines that turn up during the run', () => {
  test('are given once', async () => {
    await using file = await folder.open('a.mp4\nb.mp4\n')
    expect(await file.poll()).toEqual([])
    appendFileSync(queue, '# more\nc.mp4\nd.mp4\n')
    const entries = await file.poll()
    expect(folder.namesOf(entries)).toEqual(['c.mp4', 'd.mp4'])
    expect(entries.map(({ lineNumber }) => lineNumber)).toEqual([4, 5])
    expect(await file.poll()).toEqual([])
    await file.remove(folder.entryOf(file, 'a.mp4'))
    expect(await file.poll()).toEqual([])
  })

  test('are given again when the same path is appended again', async () => {
    await using file = await folder.open('a.mp4\nb.mp4\n')
    await file.remove(folder.entryOf(file, 'a.mp4'))
    appendFileSync(queue, 'a.mp4\nb.mp4\n')
    expect(folder.namesOf(await file.poll())).toEqual(['a.mp4', 'b.mp4'])
    expect(await file.poll()).toEqual([])
  })

  test('wait for their end, or until they stand still', async () => {
    await using file = await folder.open('a.mp4')
    expect(folder.namesOf(file.entries)).toEqual(['a.mp4'])
    appendFileSync(queue, '\nb.m')
    expect(await file.poll()).toEqual([])
    appendFileSync(queue, 'p4')
    expect(await file.poll()).toEqual([])
    expect(folder.namesOf(await file.poll())).toEqual(['b.mp4'])
    appendFileSync(queue, '\nc.mp')
    expect(await file.poll()).toEqual([])
    appendFileSync(queue, '4\n')
    expect(folder.namesOf(await file.poll())).toEqual(['c.mp4'])
    expect(await file.poll()).toEqual([])
  })

  test('do not include a last line without its end that was there before', async () => {
    await using file = await folder.open('a.mp4\nb.mp4')
    await file.remove(folder.entryOf(file, 'a.mp4'))
    expect(folder.read()).toBe('b.mp4')
    expect(await file.poll()).toEqual([])
    expect(await file.poll()).toEqual([])
  })

  test('are found after an editor has put another file in its place', async () => {
    await using file = await folder.open('a.mp4\nb.mp4\n')
    writeFileSync(`${queue}.new`, 'b.mp4\nz.mp4\n')
    rmSync(queue)
    expect(await file.poll()).toEqual([])
    renameSync(`${queue}.new`, queue)
    expect(folder.namesOf(await file.poll())).toEqual(['z.mp4'])
    expect(await file.remove(folder.entryOf(file, 'b.mp4'))).toBe(true)
    expect(folder.read()).toBe('z.mp4\n')
  })
})

describe('Two controllers on one queue file', () => {
  test('the second is told who has it, and gets it when the first was killed', async () => {
    writeFileSync(queue, 'a.mp4\n')
    symlinkSync('queue.txt', join(folder.path, 'link.txt'))
    await using first = startFixture('hold-queue-file', queue)
    expect(await first.nextLine()).toBe('open')
    await using second = startFixture('hold-queue-file', join(folder.path, 'link.txt'))
    expect(await second.nextLine()).toMatch(
      new RegExp(
        `^Another controller \\(process ${first.pid}\\), since [-\\d]{10} \\d\\d:\\d\\d, works on the queue file "${queue}"\\. Append your paths`,
      ),
    )
    await second.end()
    // Reading without draining, as a dry run does, needs no lock.
    expect(await readQueueFile(queue, { cwd: folder.path })).toHaveLength(1)
    await first.kill()
    await using file = await folder.open(undefined)
    expect(folder.namesOf(file.entries)).toEqual(['a.mp4'])
  })
})

describe('While others append', () => {
  test.each(['each', 'slow', 'held'])('no line is lost and none comes twice: appenders that open the file %s', async (way) => {
    const count = way === 'each' ? 3_000 : 400
    const mine = Array.from({ length: 200 }, (_, number) => `mine-${number}`)
    const seen: string[] = []
    {
      await using file = await folder.open(`# keep\n${mine.join('\n')}\n`, systemClock)
      seen.push(...folder.namesOf(file.entries))
      const appenders = ['x', 'y'].map((prefix) => startFixture('append-lines', queue, prefix, String(count), way))
      try {
        // Half of what was there goes, one by one, as jobs complete; so do some of those that turn up.
        let running = appenders.length
        const ended = appenders.map(async (appender) => {
          expect(await appender.end()).toBe(0)
          running -= 1
        })
        const waiting: QueueEntry[] = file.entries.filter((_, index) => index % 2 === 0)
        while (running > 0 || waiting.length > 0) {
          const entry = waiting.shift()
          if (entry !== undefined) expect(await file.remove(entry)).toBe(true)
          const fresh = await file.poll()
          seen.push(...folder.namesOf(fresh))
          waiting.push(...fresh.filter((_, index) => index % 60 === 0))
          // Lets the ends of the appenders be heard when there is nothing to wait for.
          await new Promise((resolve) => setImmediate(resolve))
        }
        await Promise.all(ended)
        seen.push(...folder.namesOf(await file.poll()))
      } finally {
        await Promise.all(appenders.map((appender) => appender[Symbol.asyncDispose]()))
      }
    }
    const expected = [...mine, ...['x', 'y'].flatMap((prefix) => Array.from({ length: count }, (_, number) => `${prefix}-${number + 1}`))]
    expect(seen.toSorted()).toEqual(expected.toSorted())
    const left = folder.read().split('\n')
    expect(left.shift()).toBe('# keep')
    expect(left.pop()).toBe('')
    expect(new Set(left).size).toBe(left.length)
    expect(left.filter((line) => !expected.includes(line))).toEqual([])
    for (const [index, line] of mine.entries()) expect(left.includes(line)).toBe(index % 2 === 1)
    expect(readdirSync(folder.path)).toEqual(['queue.txt'])
  })
})
