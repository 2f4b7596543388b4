/**
 * The queue file: one path a line, drained line by line as jobs complete, while others append to it. Blank lines and `#` comments
 * stay. One controller at a time: the lock beside it says who.
 */

import type { Stats } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { codeOf, EncodeError, messageOf } from '../core/errors.ts'
import { formatMoment } from '../core/units.ts'
import { type LockHolder, type LockResult, lockFile } from './lock-file.ts'
import { describeProcess, identifyProcess } from './process-identity.ts'
import { keyOf, namesSomething, type QueueEntry, type QueueLine, splitQueueLines, toQueueEntry } from './queue-line.ts'
import { createQueueRewriter } from './queue-rewrite.ts'
import { toShortName } from './short-name.ts'

export interface QueueFileOptions {
  /** What relative paths, the file's own among them, are relative to. */
  readonly cwd: string
  readonly clock: Clock
  /** The controller: this process. */
  readonly pid: number
}

export interface QueueFile extends AsyncDisposable {
  /** Its real path; a symbolic link stays one, its target is rewritten. */
  readonly path: string
  /** As it was when it was opened. */
  readonly entries: readonly QueueEntry[]
  /**
   * Takes one line of these bytes out. False when it is not there (any more). Calls at the same time share one rewrite.
   * Rejects with LEDGER_FAILED when the file cannot be rewritten; it is then as it was.
   */
  remove(entry: QueueEntry): Promise<boolean>
  /**
   * Lines that turned up since it was opened or last asked. A last line without its end is given once it has stood still.
   * Cheap (one stat) while nothing has changed; asking again and again is what also works on network filesystems.
   */
  poll(): Promise<readonly QueueEntry[]>
}

/** Reads only: no lock, nothing is changed. Rejects with USAGE_INVALID where there is no such file. */
export async function readQueueFile(file: string, options: Pick<QueueFileOptions, 'cwd'>): Promise<readonly QueueEntry[]> {
  const path = await findQueueFile(resolve(options.cwd, file))
  return await toEntries(splitQueueLines(await readFile(path)), () => true, options.cwd)
}

/** Locks it and reads it. Rejects with USAGE_INVALID where there is no such file or another controller has it. */
export async function openQueueFile(file: string, { cwd, clock, pid }: QueueFileOptions): Promise<QueueFile> {
  const path = await findQueueFile(resolve(cwd, file))
  const lock = await lockQueue(path, pid, clock)
  const rewriter = createQueueRewriter(path, clock)
  let known = new Map<string, number>()
  let lastLook: Stats | undefined
  /** A last line without its end, as the last look found it. */
  let halfLine: Buffer | undefined
  let removals: Removal[] = []
  let turn: Promise<unknown> = Promise.resolve()

  try {
    const entries = await look('all')
    return { path, entries, remove, poll, [Symbol.asyncDispose]: close }
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }

  async function remove(entry: QueueEntry): Promise<boolean> {
    const { promise, resolve: settle, reject } = Promise.withResolvers<boolean>()
    removals.push({ line: entry.line, settle, reject })
    if (removals.length === 1) void inTurn(removeWaiting)
    return await promise
  }

  async function removeWaiting(): Promise<void> {
    const batch = removals
    removals = []
    try {
      const dropped = await rewriter.drop(batch.map(({ line }) => line))
      const left = countLines(dropped)
      for (const { line, settle } of batch) {
        const wasThere = take(left, line)
        if (wasThere) take(known, line)
        settle(wasThere)
      }
    } catch (error) {
      for (const { reject } of batch) reject(toQueueError(path, error))
    }
  }

  async function poll(): Promise<readonly QueueEntry[]> {
    return await inTurn(async () => {
      await rewriter.carryLate()
      return await look('new')
    })
  }

  async function look(which: 'all' | 'new'): Promise<readonly QueueEntry[]> {
    const now = await stat(path).catch(() => undefined)
    // Away for a moment, as when an editor puts a new one in its place; what it held stays known.
    if (now === undefined) return []
    if (halfLine === undefined && lastLook !== undefined && isSameStat(lastLook, now)) return []
    const lines = splitQueueLines(await readFile(path))
    const last = lines.at(-1)
    const isHalf = which === 'new' && last !== undefined && !last.isTerminated && !stoodStill(last)
    halfLine = isHalf ? Buffer.from(last.text) : undefined
    lastLook = now
    const complete = isHalf ? lines.slice(0, -1) : lines
    const unseen = new Map(known)
    known = countLines(complete.filter(namesSomething).map(({ text }) => text))
    return await toEntries(lines, (line) => (!isHalf || line !== last) && !take(unseen, line.text), cwd)
  }

  function stoodStill({ text }: QueueLine): boolean {
    return known.has(keyOf(text)) || halfLine?.equals(text) === true
  }

  /** One at a time: a look must not fall between a removal and what it makes known. */
  function inTurn<Result>(body: () => Promise<Result>): Promise<Result> {
    const result = turn.then(body)
    turn = result.catch(() => {})
    return result
  }

  async function close(): Promise<void> {
    await turn
    try {
      await rewriter[Symbol.asyncDispose]()
    } finally {
      await lock[Symbol.asyncDispose]()
    }
  }
}

interface Removal {
  readonly line: Buffer
  readonly settle: (wasThere: boolean) => void
  readonly reject: (error: unknown) => void
}

async function findQueueFile(path: string): Promise<string> {
  try {
    const real = await realpath(path)
    if ((await stat(real)).isFile()) return real
  } catch (error) {
    const what = codeOf(error) === 'ENOENT' ? 'does not exist' : `cannot be read: ${messageOf(error)}`
    throw new EncodeError('USAGE_INVALID', `The queue file "${path}" ${what}`, {
      hint: 'Give a text file with one path a line',
      cause: error,
    })
  }
  throw new EncodeError('USAGE_INVALID', `The queue file "${path}" is no file`, { hint: 'Give a text file with one path a line' })
}

async function lockQueue(path: string, pid: number, clock: Clock): Promise<AsyncDisposable> {
  const lockPath = join(dirname(path), `${toShortName(basename(path))}.encode-lock`)
  let result: LockResult
  try {
    result = await lockFile(lockPath, identifyProcess(pid), clock.now())
  } catch (error) {
    throw toQueueError(path, error)
  }
  if ('lock' in result) return result.lock
  throw new EncodeError('USAGE_INVALID', `${describeHolder(result.holder)} works on the queue file "${path}"`, {
    hint:
      result.holder.liveness === 'alive'
        ? 'Append your paths to the file: they are taken up while it runs'
        : `Whether it still runs cannot be told from here; if it is gone, remove "${lockPath}"`,
  })
}

function describeHolder({ process, sinceMs }: LockHolder): string {
  const who = process === undefined ? 'Another controller' : `Another controller (${describeProcess(process)})`
  return sinceMs === undefined ? who : `${who}, since ${formatMoment(sinceMs)},`
}

async function toEntries(lines: readonly QueueLine[], isWanted: (line: QueueLine) => boolean, cwd: string): Promise<readonly QueueEntry[]> {
  const entries: QueueEntry[] = []
  for (const [index, line] of lines.entries()) {
    if (namesSomething(line) && isWanted(line)) entries.push(await toQueueEntry(line, index + 1, cwd))
  }
  return entries
}

function countLines(lines: readonly Buffer[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const line of lines) counts.set(keyOf(line), (counts.get(keyOf(line)) ?? 0) + 1)
  return counts
}

/** Takes one of `line` off the counts; false when there is none. */
function take(counts: Map<string, number>, line: Buffer): boolean {
  const key = keyOf(line)
  const count = counts.get(key) ?? 0
  if (count > 1) counts.set(key, count - 1)
  else counts.delete(key)
  return count > 0
}

function isSameStat(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs
}

function toQueueError(path: string, error: unknown): EncodeError {
  return new EncodeError('LEDGER_FAILED', `The queue file "${path}" cannot be rewritten: ${messageOf(error)}`, {
    hint: 'Its folder must be writable and have room, and the file must be no mount of its own',
    cause: error,
  })
}
