/**
 * Takes lines out of a queue file while other programs append to it.
 *
 * The file is replaced by a rename, so there is never half of one. A program that opened the old file before the rename may still
 * write to it afterwards (`echo film.mkv >> queue` opens, then writes): those bytes land in a file without a name. So the old file is
 * kept open for a while, and what turns up there is carried over. What is left open to chance is a program that holds
 * the file open for longer than that and has written nothing to it in the meantime, and a controller killed within those seconds.
 */

import type { Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { codeOf } from '../core/errors.ts'
import { replaceFile } from '../core/replace-file.ts'
import { keyOf, splitQueueLines } from './queue-line.ts'
import { toShortName } from './short-name.ts'

export interface QueueRewriter extends AsyncDisposable {
  /** Drops one line for each of `lines` that is in the file. Resolves to those that were, in their order. Not for use at the same time. */
  drop(lines: readonly Buffer[]): Promise<readonly Buffer[]>
  /** Carries over what was written to files that have been replaced. */
  carryLate(): Promise<void>
}

/** A file that has lost its name, and how much of it was carried over. */
interface OldFile {
  readonly file: FileHandle
  readonly replacedAtMs: number
  offset: number
  /** Its last byte carried over ended a line. */
  endsLine: boolean
  /** Somebody wrote to it after the rename, and may do so again: kept to the end. */
  isInUse: boolean
}

/** A shell opens and writes within milliseconds; a loaded machine may need a thousand times as long. */
const KEEP_OLD_MS = 10_000
const MAX_OLD_FILES = 64
/** What is granted, at the end, to a program that opened the file right before its last rename. */
const LAST_GRACE_MS = 200
/** How often it is tried to find a moment in which nobody writes. */
const CALM_ATTEMPTS = 3
/** On Windows another program may have it open for a moment; its filesystems that are not NTFS, and older ones, replace nothing that is. */
const HELD_ATTEMPTS = 20
const HELD_PAUSE_MS = 100
const LF = 0x0a

export function createQueueRewriter(path: string, clock: Clock): QueueRewriter {
  const temporary = join(dirname(path), `.encode-${toShortName(basename(path))}.tmp`)
  let oldFiles: OldFile[] = []
  return { drop, carryLate, [Symbol.asyncDispose]: close }

  async function drop(lines: readonly Buffer[]): Promise<readonly Buffer[]> {
    for (let attempt = 1; ; attempt += 1) {
      const file = await openOrUndefined(path)
      // Somebody took the whole file away, and with it the lines.
      if (file === undefined) return []
      let isKept = false
      try {
        const before = await file.stat()
        const content = await file.readFile()
        const { kept, dropped } = without(content, lines)
        if (dropped.length === 0) return []
        const isUntouched = (now: Stats): boolean =>
          content.length === before.size && now.size === before.size && now.mtimeMs === before.mtimeMs
        const replace = async (isStillWanted: (now: Stats) => boolean | Promise<boolean>): Promise<boolean> =>
          await replaceFile(path, kept, {
            temporary,
            mode: before.mode,
            owner: before,
            isStillWanted: async () => {
              const now = await stat(path).catch(() => undefined)
              return now !== undefined && now.ino === before.ino && now.dev === before.dev && (await isStillWanted(now))
            },
          })
        let isReplaced: boolean
        try {
          // Who appends without a break would keep us here for ever: from now on what is appended comes over afterwards.
          isReplaced = await replace(async (now) => isUntouched(now) || (attempt >= CALM_ATTEMPTS && (await beginsWith(file, content))))
        } catch (error) {
          if (!isHeldOpen(error) || attempt >= HELD_ATTEMPTS) throw error
          // Where no open file is replaced, nobody else can have it open either once it is, and write to it afterwards.
          await file.close()
          if (await replace(isUntouched).catch(() => false)) return dropped
          await clock.sleep(HELD_PAUSE_MS)
          continue
        }
        // Somebody wrote meanwhile: read again what is there now.
        if (!isReplaced) continue
        isKept = true
        oldFiles.push({ file, replacedAtMs: clock.now(), offset: content.length, endsLine: content.at(-1) === LF, isInUse: false })
        // What cannot be carried now (a full disk) is tried again with the next look, and last when it is closed.
        await carryLate().catch(() => {})
        return dropped
      } finally {
        if (!isKept) await file.close()
      }
    }
  }

  async function carryLate(): Promise<void> {
    for (const old of oldFiles) await carry(path, old, 'whole lines')
    const now = clock.now()
    const idle = oldFiles.filter((old) => !old.isInUse)
    const inUse = oldFiles.filter((old) => old.isInUse)
    const finished = [
      ...idle.filter((old, index) => idle.length - index > MAX_OLD_FILES || now - old.replacedAtMs > KEEP_OLD_MS),
      ...inUse.slice(0, -MAX_OLD_FILES),
    ]
    oldFiles = oldFiles.filter((old) => !finished.includes(old))
    await release(finished)
  }

  async function close(): Promise<void> {
    const youngestMs = Math.max(0, ...oldFiles.map((old) => old.replacedAtMs))
    // No more than that, should the clock have been put back.
    const graceMs = Math.min(LAST_GRACE_MS, youngestMs + LAST_GRACE_MS - clock.now())
    if (oldFiles.length > 0 && graceMs > 0) await clock.sleep(graceMs)
    const finished = oldFiles
    oldFiles = []
    await release(finished)
  }

  async function release(finished: readonly OldFile[]): Promise<void> {
    for (const old of finished) {
      await carry(path, old, 'everything')
      await old.file.close()
    }
  }
}

/** Half a line is waited for: its rest would come after lines that others append to the new file. */
async function carry(path: string, old: OldFile, what: 'whole lines' | 'everything'): Promise<void> {
  const late = await readFrom(old.file, old.offset)
  const length = what === 'everything' ? late.length : late.lastIndexOf(LF) + 1
  if (late.length > 0) old.isInUse = true
  if (length === 0) return
  await using current = await open(path, 'a+')
  const size = (await current.stat()).size
  const startsLine = size === 0 || (await readFrom(current, size - 1)).at(-1) === LF
  const bytes = late.subarray(0, length)
  await current.appendFile(old.endsLine && !startsLine ? Buffer.concat([Buffer.from([LF]), bytes]) : bytes)
  await current.sync()
  old.offset += length
  old.endsLine = bytes.at(-1) === LF
}

async function openOrUndefined(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function readFrom(file: FileHandle, offset: number): Promise<Buffer> {
  const { size } = await file.stat()
  const buffer = Buffer.alloc(Math.max(0, size - offset))
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, offset + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

/** True when nothing but appending has happened to it. */
async function beginsWith(file: FileHandle, content: Buffer): Promise<boolean> {
  const now = await readFrom(file, 0)
  return now.subarray(0, content.length).equals(content)
}

function without(content: Buffer, lines: readonly Buffer[]): { readonly kept: Buffer; readonly dropped: readonly Buffer[] } {
  const wanted = new Map<string, number>()
  for (const line of lines) wanted.set(keyOf(line), (wanted.get(keyOf(line)) ?? 0) + 1)
  const kept: Buffer[] = []
  const dropped: Buffer[] = []
  for (const line of splitQueueLines(content)) {
    const left = wanted.get(keyOf(line.text)) ?? 0
    if (left === 0) {
      kept.push(line.whole)
    } else {
      wanted.set(keyOf(line.text), left - 1)
      dropped.push(line.text)
    }
  }
  return { kept: Buffer.concat(kept), dropped }
}

function isHeldOpen(error: unknown): boolean {
  const { syscall, code = '' } = error as NodeJS.ErrnoException
  return syscall === 'rename' && ['EPERM', 'EACCES', 'EBUSY'].includes(code)
}
