import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { isEncodeError } from '../../src/core/errors.ts'
import { mapConcurrently } from '../../src/core/map-concurrently.ts'
import { openQueueFile, type QueueFile, readQueueFile } from '../../src/ledger/queue-file.ts'
import type { QueueEntry } from '../../src/ledger/queue-line.ts'
import { startFixture } from './child.ts'
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

let folder: TemporaryFolder
let queue: string
beforeEach(() => {
  folder = makeTemporaryFolder()
  queue = join(folder.path, 'queue.txt')
})
afterEach(() => folder[Symbol.dispose]())

/** Waits for nothing: what a run waits for by the second is over at once. */
const hastyClock: Clock = { now: () => Date.now(), sleep: async (_ms, signal) => signal?.throwIfAborted() }

async function open(content: string | Buffer | undefined, clock: Clock = hastyClock): Promise<QueueFile> {
  if (content !== undefined) writeFileSync(queue, content)
  return await openQueueFile(queue, { cwd: folder.path, clock, pid: process.pid })
}

function read(): string {
  return readFileSync(queue, 'latin1')
}

function namesOf(entries: readonly QueueEntry[]): readonly string[] {
  return entries.map(({ path }) => path.slice(folder.path.length + 1))
}

function entryOf(file: QueueFile, name: string): QueueEntry {
  const entry = file.entries.find(({ path }) => path === join(folder.path, name))
  if (entry === undefined) throw new Error(`No entry "${name}"`)
  return entry
}

describe('Reading a queue file', () => {
  test('takes one path a line, relative ones from the current folder, without comments and blank lines', async () => {
    writeFileSync(queue, '# tonight\n\na.mp4\n   \n\t# not this\n/media/b.mp4\n#c.mp4\n./#d.mp4')
    const entries = await readQueueFile(queue, { cwd: folder.path })
    expect(entries.map(({ kind, path, lineNumber }) => [kind, path, lineNumber])).toEqual([
      ['path', join(folder.path, 'a.mp4'), 3],
      ['path', '/media/b.mp4', 6],
      ['path', join(folder.path, '#d.mp4'), 8],
    ])
    expect(readdirSync(folder.path)).toEqual(['queue.txt'])
  })

  test('that does not exist is refused in words', async () => {
    await expect(readQueueFile(join(folder.path, 'nope.txt'), { cwd: folder.path })).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      message: `The queue file "${join(folder.path, 'nope.txt')}" does not exist`,
    })
  })

  test('understands what editors on Windows write', async () => {
    writeFileSync(queue, '\uFEFFa.mp4\r\n\r\nb c.mp4\r\n# no\r\nd.mp4')
    expect(namesOf(await readQueueFile(queue, { cwd: folder.path }))).toEqual(['a.mp4', 'b c.mp4', 'd.mp4'])
  })

  test('takes spaces around a name away, unless the file is really called so', async () => {
    writeFileSync(join(folder.path, 'real.mp4 '), '')
    writeFileSync(join(folder.path, '  front.mp4'), '')
    writeFileSync(join(folder.path, 'back.mp4'), '')
    writeFileSync(join(folder.path, 'both.mp4'), '')
    writeFileSync(queue, 'real.mp4 \n  front.mp4  \nback.mp4\t \n  both.mp4 \n  missing.mp4 \n')
    expect(namesOf(await readQueueFile(queue, { cwd: folder.path }))).toEqual([
      'real.mp4 ',
      '  front.mp4',
      'back.mp4',
      'both.mp4',
      '  missing.mp4',
    ])
  })

  test('says of names that cannot be carried why, and keeps their bytes', async () => {
    writeFileSync(queue, Buffer.from('caf\xe9.mp4\nnul\0.mp4\nok.mp4\n', 'latin1'))
    const entries = await readQueueFile(queue, { cwd: folder.path })
    expect(entries.map(({ kind }) => kind)).toEqual(['refused', 'refused', 'path'])
    expect(entries[0]).toMatchObject({ path: 'caf\uFFFD.mp4', reason: expect.stringContaining('not valid UTF-8') })
    expect(entries[1]).toMatchObject({ reason: expect.stringContaining('NUL') })
    await using file = await open(undefined)
    expect(await file.remove(entryOf(file, 'ok.mp4'))).toBe(true)
    expect(read()).toBe('caf\xe9.mp4\nnul\0.mp4\n')
  })

  test('that is missing or a folder is wrong usage', async () => {
    for (const path of [join(folder.path, 'missing.txt'), folder.path]) {
      const error = await readQueueFile(path, { cwd: folder.path }).catch((caught: unknown) => caught)
      if (!isEncodeError(error, 'USAGE_INVALID')) throw error
      expect(error.message).toContain(`The queue file "${path}"`)
    }
  })
})

describe('Removing lines', () => {
  test('leaves comments, blank lines, line ends and a missing last one as they are', async () => {
    await using file = await open('# tonight\r\n\r\na.mp4\r\nb.mp4\n\n  # later\nc.mp4')
    expect(await file.remove(entryOf(file, 'a.mp4'))).toBe(true)
    expect(read()).toBe('# tonight\r\n\r\nb.mp4\n\n  # later\nc.mp4')
    expect(await file.remove(entryOf(file, 'b.mp4'))).toBe(true)
    expect(read()).toBe('# tonight\r\n\r\n\n  # later\nc.mp4')
    expect(await file.remove(entryOf(file, 'c.mp4'))).toBe(true)
    expect(read()).toBe('# tonight\r\n\r\n\n  # later\n')
  })

  test('takes one of several equal lines', async () => {
    await using file = await open('a.mp4\nb.mp4\na.mp4\na.mp4\n')
    const entry = entryOf(file, 'a.mp4')
    expect(await file.remove(entry)).toBe(true)
    expect(read()).toBe('b.mp4\na.mp4\na.mp4\n')
    expect(await Promise.all([file.remove(entry), file.remove(entry), file.remove(entry)])).toEqual([true, true, false])
    expect(read()).toBe('b.mp4\n')
  })

  test('of whatever content leaves exactly the other bytes', async () => {
    const line = fc.oneof(fc.constantFrom('a.mp4', 'b.mp4', '', '# c', ' d ', 'é', '\xff\xfe'), fc.string({ unit: 'binary', maxLength: 8 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { maxLength: 12 }),
        fc.boolean(),
        fc.nat(),
        async (lines, ends, pick) => {
          const text = lines.map(([content, end]) => content.replaceAll(/[\r\n]/g, '_') + end).join('')
          const content = Buffer.from(ends ? text : text.replace(/\r?\n$/, ''))
          await using file = await open(content)
          const entry = file.entries[pick % Math.max(1, file.entries.length)]
          if (entry === undefined) return
          expect(await file.remove(entry)).toBe(true)
          // The first line of these bytes is missing, with its end; all else is there.
          const wholes = content.toString('latin1').match(/[^\n]*\n|[^\n]+/g) ?? []
          const gone = wholes.findIndex(
            (whole) => whole.replace(/^\xef\xbb\xbf/, '').replace(/\r?\n$/, '') === entry.line.toString('latin1'),
          )
          expect(read()).toBe(wholes.toSpliced(gone, 1).join(''))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('keeps permissions, owner and a symbolic link', async () => {
    const target = join(folder.path, 'target.txt')
    writeFileSync(target, 'a.mp4\nb.mp4\n')
    chmodSync(target, 0o664)
    if (process.getuid?.() === 0) chownSync(target, 1_234, 4_321)
    const before = statSync(target)
    symlinkSync('target.txt', queue)
    await using file = await open(undefined)
    expect(file.path).toBe(target)
    expect(await file.remove(entryOf(file, 'a.mp4'))).toBe(true)
    expect(lstatSync(queue).isSymbolicLink()).toBe(true)
    const after = statSync(target)
    expect(readFileSync(target, 'utf8')).toBe('b.mp4\n')
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid])
  })

  test('that are gone already changes nothing', async () => {
    await using file = await open('a.mp4\nb.mp4\n')
    writeFileSync(queue, 'b.mp4\n')
    expect(await file.remove(entryOf(file, 'a.mp4'))).toBe(false)
    expect(read()).toBe('b.mp4\n')
    const b = entryOf(file, 'b.mp4')
    rmSync(queue)
    expect(await file.remove(b)).toBe(false)
    expect(readdirSync(folder.path)).toEqual(['queue.txt.encode-lock'])
  })

  test('leaves nothing beside the file, also what a killed controller left there', async () => {
    writeFileSync(join(folder.path, '.encode-queue.txt.tmp'), 'left over')
    const file = await open('a.mp4\nb.mp4\n')
    await file.remove(entryOf(file, 'a.mp4'))
    await file[Symbol.asyncDispose]()
    expect(readdirSync(folder.path)).toEqual(['queue.txt'])
  })

  test('that fails says so and leaves the file as it was', async () => {
    await using file = await open('a.mp4\nb.mp4\n')
    // The place of its temporary file is taken by something that cannot be moved away.
    mkdirSync(join(folder.path, '.encode-queue.txt.tmp'))
    const error = await file.remove(entryOf(file, 'a.mp4')).catch((caught: unknown) => caught)
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The queue file "${queue}" cannot be rewritten`)
    expect(read()).toBe('a.mp4\nb.mp4\n')
    rmSync(join(folder.path, '.encode-queue.txt.tmp'), { recursive: true })
    expect(await file.remove(entryOf(file, 'a.mp4'))).toBe(true)
  })
})

describe('A controller killed between any two calls', () => {
  /** More calls than locking, one rewrite and unlocking make. */
  const MOST_CALLS = 30

  test('leaves the old file or the new one, and nothing that the next one does not clear away', async () => {
    const before = '# tonight\n/a.mp4\r\n/b.mp4\n/c.mp4'
    const after = '# tonight\n/b.mp4\n'
    let doneAt = MOST_CALLS
    const ends = await mapConcurrently([...Array(MOST_CALLS).keys()], 4, async (index) => {
      if (index > doneAt) return []
      const place = join(folder.path, String(index))
      mkdirSync(place)
      const path = join(place, 'queue.txt')
      writeFileSync(path, before)
      const said = await drainAndDie(path, index + 1)
      const left = readFileSync(path, 'utf8')
      expect([before, after], `after call ${index}`).toContain(left)
      // A lock that was begun and not yet filled may be a living one's for some seconds.
      const clock = { ...hastyClock, now: () => Date.now() + 60_000 }
      const next = await openQueueFile(path, { cwd: folder.path, clock, pid: process.pid })
      for (const entry of next.entries.filter(({ path: name }) => name !== '/b.mp4')) expect(await next.remove(entry)).toBe(true)
      await next[Symbol.asyncDispose]()
      expect(readFileSync(path, 'utf8')).toBe(after)
      expect(readdirSync(place), `after call ${index}`).toEqual(['queue.txt'])
      if (said === 'done') doneAt = Math.min(doneAt, index)
      return [{ said, isOld: left === before }]
    })
    // Proof that it was killed on both sides of the rename, and that it was followed to its end.
    const killed = ends.flat().filter(({ said }) => said === '')
    expect(new Set(killed.map(({ isOld }) => isOld))).toEqual(new Set([true, false]))
    expect(doneAt).toBeLessThan(MOST_CALLS)
  })

  async function drainAndDie(path: string, killBefore: number): Promise<string> {
    const fixtures = join(import.meta.dirname, '../fixtures')
    const argv = ['--import', join(fixtures, 'inject-faults.ts'), join(fixtures, 'drain-queue.ts'), path, '/a.mp4', '/c.mp4']
    const env = { ...process.env, NODE_OPTIONS: '', FAULTS: JSON.stringify({ killBefore }) }
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk
    })
    await once(child, 'close')
    return said
  }
})

describe('Queue files with long names', () => {
  test('of 255 bytes are drained, and two that begin alike do not get into each other’s way', async () => {
    const [one, two] = ['1', '2'].map((end) => join(folder.path, `${'ü'.repeat(125)}.txt${end}`))
    if (one === undefined || two === undefined) throw new Error('Two were made')
    for (const path of [one, two]) writeFileSync(path, `/a.mp4\n/b.mp4\n# ${path}\n`)
    const options = { cwd: folder.path, clock: hastyClock, pid: process.pid }
    const files = [await openQueueFile(one, options), await openQueueFile(two, options)]
    await Promise.all(files.flatMap((file) => file.entries.map((entry) => file.remove(entry))))
    for (const file of files) await file[Symbol.asyncDispose]()
    for (const path of [one, two]) expect(readFileSync(path, 'utf8')).toBe(`# ${path}\n`)
    expect(readdirSync(folder.path)).toHaveLength(2)
  })
})

test('A clock that was put back keeps nobody waiting at the end', async () => {
  let nowMs = Date.now()
  const slept: number[] = []
  const file = await open('a.mp4\nb.mp4\n', { now: () => nowMs, sleep: async (ms) => void slept.push(ms) })
  await file.remove(entryOf(file, 'a.mp4'))
  nowMs -= 3_600_000
  await file[Symbol.asyncDispose]()
  for (const ms of slept) expect(ms).toBeLessThanOrEqual(200)
})

describe('Lines that turn up during the run', () => {
  test('are given once', async () => {
    await using file = await open('a.mp4\nb.mp4\n')
    expect(await file.poll()).toEqual([])
    appendFileSync(queue, '# more\nc.mp4\nd.mp4\n')
    const entries = await file.poll()
    expect(namesOf(entries)).toEqual(['c.mp4', 'd.mp4'])
    expect(entries.map(({ lineNumber }) => lineNumber)).toEqual([4, 5])
    expect(await file.poll()).toEqual([])
    await file.remove(entryOf(file, 'a.mp4'))
    expect(await file.poll()).toEqual([])
  })

  test('are given again when the same path is appended again', async () => {
    await using file = await open('a.mp4\nb.mp4\n')
    await file.remove(entryOf(file, 'a.mp4'))
    appendFileSync(queue, 'a.mp4\nb.mp4\n')
    expect(namesOf(await file.poll())).toEqual(['a.mp4', 'b.mp4'])
    expect(await file.poll()).toEqual([])
  })

  test('wait for their end, or until they stand still', async () => {
    await using file = await open('a.mp4')
    expect(namesOf(file.entries)).toEqual(['a.mp4'])
    appendFileSync(queue, '\nb.m')
    expect(await file.poll()).toEqual([])
    appendFileSync(queue, 'p4')
    expect(await file.poll()).toEqual([])
    expect(namesOf(await file.poll())).toEqual(['b.mp4'])
    appendFileSync(queue, '\nc.mp')
    expect(await file.poll()).toEqual([])
    appendFileSync(queue, '4\n')
    expect(namesOf(await file.poll())).toEqual(['c.mp4'])
    expect(await file.poll()).toEqual([])
  })

  test('do not include a last line without its end that was there before', async () => {
    await using file = await open('a.mp4\nb.mp4')
    await file.remove(entryOf(file, 'a.mp4'))
    expect(read()).toBe('b.mp4')
    expect(await file.poll()).toEqual([])
    expect(await file.poll()).toEqual([])
  })

  test('are found after an editor has put another file in its place', async () => {
    await using file = await open('a.mp4\nb.mp4\n')
    writeFileSync(`${queue}.new`, 'b.mp4\nz.mp4\n')
    rmSync(queue)
    expect(await file.poll()).toEqual([])
    renameSync(`${queue}.new`, queue)
    expect(namesOf(await file.poll())).toEqual(['z.mp4'])
    expect(await file.remove(entryOf(file, 'b.mp4'))).toBe(true)
    expect(read()).toBe('z.mp4\n')
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
    await using file = await open(undefined)
    expect(namesOf(file.entries)).toEqual(['a.mp4'])
  })
})

describe('While others append', () => {
  test.each(['each', 'slow', 'held'])('no line is lost and none comes twice: appenders that open the file %s', async (way) => {
    const count = way === 'each' ? 3_000 : 400
    const mine = Array.from({ length: 200 }, (_, number) => `mine-${number}`)
    const seen: string[] = []
    {
      await using file = await open(`# keep\n${mine.join('\n')}\n`, systemClock)
      seen.push(...namesOf(file.entries))
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
          seen.push(...namesOf(fresh))
          waiting.push(...fresh.filter((_, index) => index % 60 === 0))
          // Lets the ends of the appenders be heard when there is nothing to wait for.
          await new Promise((resolve) => setImmediate(resolve))
        }
        await Promise.all(ended)
        seen.push(...namesOf(await file.poll()))
      } finally {
        await Promise.all(appenders.map((appender) => appender[Symbol.asyncDispose]()))
      }
    }
    const expected = [...mine, ...['x', 'y'].flatMap((prefix) => Array.from({ length: count }, (_, number) => `${prefix}-${number + 1}`))]
    expect(seen.toSorted()).toEqual(expected.toSorted())
    const left = read().split('\n')
    expect(left.shift()).toBe('# keep')
    expect(left.pop()).toBe('')
    expect(new Set(left).size).toBe(left.length)
    expect(left.filter((line) => !expected.includes(line))).toEqual([])
    for (const [index, line] of mine.entries()) expect(left.includes(line)).toBe(index % 2 === 1)
    expect(readdirSync(folder.path)).toEqual(['queue.txt'])
  })
})
