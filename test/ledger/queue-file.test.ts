import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isEncodeError } from '../../src/core/errors.ts'
import { openQueueFile, readQueueFile } from '../../src/ledger/queue-file.ts'
import { hastyClock, makeQueueFolder, type QueueFolder } from './queue-folder.ts'

let folder: QueueFolder
let queue: string
beforeEach(() => {
  folder = makeQueueFolder()
  queue = folder.queue
})
afterEach(() => folder[Symbol.dispose]())

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
    expect(folder.namesOf(await readQueueFile(queue, { cwd: folder.path }))).toEqual(['a.mp4', 'b c.mp4', 'd.mp4'])
  })

  test('takes spaces around a name away, unless the file is really called so', async () => {
    writeFileSync(join(folder.path, 'real.mp4 '), '')
    writeFileSync(join(folder.path, '  front.mp4'), '')
    writeFileSync(join(folder.path, 'back.mp4'), '')
    writeFileSync(join(folder.path, 'both.mp4'), '')
    writeFileSync(queue, 'real.mp4 \n  front.mp4  \nback.mp4\t \n  both.mp4 \n  missing.mp4 \n')
    expect(folder.namesOf(await readQueueFile(queue, { cwd: folder.path }))).toEqual([
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
    await using file = await folder.open(undefined)
    expect(await file.remove(folder.entryOf(file, 'ok.mp4'))).toBe(true)
    expect(folder.read()).toBe('caf\xe9.mp4\nnul\0.mp4\n')
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
    await using file = await folder.open('# tonight\r\n\r\na.mp4\r\nb.mp4\n\n  # later\nc.mp4')
    expect(await file.remove(folder.entryOf(file, 'a.mp4'))).toBe(true)
    expect(folder.read()).toBe('# tonight\r\n\r\nb.mp4\n\n  # later\nc.mp4')
    expect(await file.remove(folder.entryOf(file, 'b.mp4'))).toBe(true)
    expect(folder.read()).toBe('# tonight\r\n\r\n\n  # later\nc.mp4')
    expect(await file.remove(folder.entryOf(file, 'c.mp4'))).toBe(true)
    expect(folder.read()).toBe('# tonight\r\n\r\n\n  # later\n')
  })

  test('takes one of several equal lines', async () => {
    await using file = await folder.open('a.mp4\nb.mp4\na.mp4\na.mp4\n')
    const entry = folder.entryOf(file, 'a.mp4')
    expect(await file.remove(entry)).toBe(true)
    expect(folder.read()).toBe('b.mp4\na.mp4\na.mp4\n')
    expect(await Promise.all([file.remove(entry), file.remove(entry), file.remove(entry)])).toEqual([true, true, false])
    expect(folder.read()).toBe('b.mp4\n')
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
          await using file = await folder.open(content)
          const entry = file.entries[pick % Math.max(1, file.entries.length)]
          if (entry === undefined) return
          expect(await file.remove(entry)).toBe(true)
          // The first line of these bytes is missing, with its end; all else is there.
          const wholes = content.toString('latin1').match(/[^\n]*\n|[^\n]+/g) ?? []
          const gone = wholes.findIndex(
            (whole) => whole.replace(/^\xef\xbb\xbf/, '').replace(/\r?\n$/, '') === entry.line.toString('latin1'),
          )
          expect(folder.read()).toBe(wholes.toSpliced(gone, 1).join(''))
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
    await using file = await folder.open(undefined)
    expect(file.path).toBe(target)
    expect(await file.remove(folder.entryOf(file, 'a.mp4'))).toBe(true)
    expect(lstatSync(queue).isSymbolicLink()).toBe(true)
    const after = statSync(target)
    expect(readFileSync(target, 'utf8')).toBe('b.mp4\n')
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid])
  })

  test('that are gone already changes nothing', async () => {
    await using file = await folder.open('a.mp4\nb.mp4\n')
    writeFileSync(queue, 'b.mp4\n')
    expect(await file.remove(folder.entryOf(file, 'a.mp4'))).toBe(false)
    expect(folder.read()).toBe('b.mp4\n')
    const b = folder.entryOf(file, 'b.mp4')
    rmSync(queue)
    expect(await file.remove(b)).toBe(false)
    expect(readdirSync(folder.path)).toEqual(['queue.txt.encode-lock'])
  })

  test('leaves nothing beside the file, also what a killed controller left there', async () => {
    writeFileSync(join(folder.path, '.encode-queue.txt.tmp'), 'left over')
    const file = await folder.open('a.mp4\nb.mp4\n')
    await file.remove(folder.entryOf(file, 'a.mp4'))
    await file[Symbol.asyncDispose]()
    expect(readdirSync(folder.path)).toEqual(['queue.txt'])
  })

  test('that fails says so and leaves the file as it was', async () => {
    await using file = await folder.open('a.mp4\nb.mp4\n')
    // The place of its temporary file is taken by something that cannot be moved away.
    mkdirSync(join(folder.path, '.encode-queue.txt.tmp'))
    const error = await file.remove(folder.entryOf(file, 'a.mp4')).catch((caught: unknown) => caught)
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The queue file "${queue}" cannot be rewritten`)
    expect(folder.read()).toBe('a.mp4\nb.mp4\n')
    rmSync(join(folder.path, '.encode-queue.txt.tmp'), { recursive: true })
    expect(await file.remove(folder.entryOf(file, 'a.mp4'))).toBe(true)
  })
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
  const file = await folder.open('a.mp4\nb.mp4\n', { now: () => nowMs, sleep: async (ms) => void slept.push(ms) })
  await file.remove(folder.entryOf(file, 'a.mp4'))
  nowMs -= 3_600_000
  await file[Symbol.asyncDispose]()
  for (const ms of slept) expect(ms).toBeLessThanOrEqual(200)
})
