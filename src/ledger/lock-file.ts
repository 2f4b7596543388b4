/**
 * A lock that other programs can see and that dies with its owner: a file that names the process which has it. It appears with its
 * content at once (link), so nobody reads half of one; one whose process is gone is taken over by exactly one of those who want it.
 *
 * Taking over: whoever wants to remove a dead lock must first hold another lock, whose name is made of the dead one's content. So
 * only one removes it, and nobody removes the fresh lock that took its place meanwhile. That other lock may be left behind by a
 * crash like any lock, and is taken over in the same way.
 */

import { createHash, randomBytes } from 'node:crypto'
import { link, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from '../core/errors.ts'
import { isLinkless } from '../core/no-hard-links.ts'
import { findLiveness, type Liveness, type ProcessIdentity, parseProcessIdentity } from './process-identity.ts'

export interface LockHolder {
  /** Undefined: the file is there, but nobody can tell whose it is. */
  readonly process: ProcessIdentity | undefined
  readonly sinceMs: number | undefined
  readonly liveness: Exclude<Liveness, 'dead'>
}

export type LockResult = { readonly lock: FileLock } | { readonly holder: LockHolder }

export interface FileLock extends AsyncDisposable {
  readonly path: string
}

/** Rejects with the system's own error when the folder cannot be written. */
export async function lockFile(path: string, owner: ProcessIdentity, nowMs: number): Promise<LockResult> {
  const content = JSON.stringify({ ...owner, sinceMs: nowMs, nonce: randomBytes(8).toString('hex') })
  // Each round ends with the lock, with its holder, or with a change that somebody else made: a living program gets its turn.
  for (;;) {
    if (await createWhole(path, content)) {
      await sweep(dirname(path), nowMs)
      return { lock: toLock(path, content) }
    }
    const found = await readOrUndefined(path)
    if (found === undefined) continue
    const holder = await toHolder(path, found, nowMs)
    if (holder !== undefined) return { holder }
    const blocker = await removeDead(path, found, owner, nowMs)
    if (blocker !== undefined) return { holder: blocker }
  }
}

function toLock(path: string, content: string): FileLock {
  return {
    path,
    async [Symbol.asyncDispose]() {
      // Not ours any more where a person removed it by hand and another controller made a new one.
      if ((await readOrUndefined(path)) === content) await rm(path, { force: true })
    },
  }
}

/** False when the name is taken. */
async function createWhole(path: string, content: string): Promise<boolean> {
  const temporary = join(dirname(path), `.encode-${randomBytes(8).toString('hex')}.lock`)
  try {
    await writeNew(temporary, content)
    await link(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!isLinkless(error)) throw error
    return await createInPlace(path, content)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Removes what was left by those who died between the two names of their lock. */
async function sweep(folder: string, nowMs: number): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((each) => UNNAMED_LOCK.test(each))) {
    const path = join(folder, name)
    const content = await readOrUndefined(path).catch(() => undefined)
    if (content !== undefined && (await toHolder(path, content, nowMs)) === undefined) await rm(path, { force: true }).catch(() => {})
  }
}

const UNNAMED_LOCK = /^\.encode-[0-9a-f]{16}\.lock$/

/** Where there are no hard links a lock is there for a moment without its content. */
async function createInPlace(path: string, content: string): Promise<boolean> {
  try {
    await writeNew(path, content)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function writeNew(path: string, content: string): Promise<void> {
  // Readable for all: another user's controller must be able to tell whose it is.
  await using file = await open(path, 'wx', 0o644)
  await file.writeFile(content)
  await file.sync()
}

/** Time in which a lock may be without content, where there are no hard links. */
const FILLED_WITHIN_MS = 10_000

/** Undefined: its owner is dead. */
async function toHolder(path: string, content: string, nowMs: number): Promise<LockHolder | undefined> {
  const { process, sinceMs } = parseContent(content)
  if (process === undefined) {
    const made = await stat(path).catch(() => undefined)
    const wasNeverFilled = made !== undefined && content === '' && nowMs - made.mtimeMs > FILLED_WITHIN_MS
    return wasNeverFilled ? undefined : { process, sinceMs, liveness: 'unknown' }
  }
  const liveness = findLiveness(process)
  return liveness === 'dead' ? undefined : { process, sinceMs, liveness }
}

/** Undefined when it is gone, by us or by somebody else; else the living one who is about to remove it. */
async function removeDead(path: string, content: string, owner: ProcessIdentity, nowMs: number): Promise<LockHolder | undefined> {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 8)
  const result = await lockFile(`${path}.${digest}`, owner, nowMs)
  if ('holder' in result) return result.holder
  await using _ = result.lock
  if ((await readOrUndefined(path)) === content) await rm(path, { force: true })
  return undefined
}

function parseContent(content: string): Pick<LockHolder, 'process' | 'sinceMs'> {
  try {
    const value: unknown = JSON.parse(content)
    const sinceMs = typeof value === 'object' && value !== null && 'sinceMs' in value ? value.sinceMs : undefined
    return { process: parseProcessIdentity(value), sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined }
  } catch {
    return { process: undefined, sinceMs: undefined }
  }
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
