/**
 * The last stage: a verified result becomes the file, and only then does the source go.
 *
 * Order, so that a crash between any two system calls leaves a whole source or a whole result under a name the person knows:
 * times and permissions on the temporary file → fsync it → rename it (same folder, so same filesystem) → fsync the folder →
 * unlink the source where it bears another name → fsync the folder.
 */

import { chmod, chown, copyFile, link, lstat, open, rename, stat, unlink, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import { syncFolder } from '../core/replace-file.ts'
import type { JobPlan } from '../model/plan.ts'

/** Rejects with SOURCE_CHANGED, RESULT_NAME_TAKEN or REPLACE_FAILED; then the source is untouched. */
export async function replaceSource(plan: JobPlan, temporary: string): Promise<void> {
  const source = await statUnchanged(plan)
  await adopt(temporary, source)
  try {
    await moveIntoPlace(plan, temporary, source)
  } catch (error) {
    if (error instanceof EncodeError) throw error
    throw new EncodeError('REPLACE_FAILED', `The result cannot be put at "${plan.output}": ${messageOf(error)}`, {
      hint: 'The source is untouched; check the permissions and the free space of that folder',
      cause: error,
    })
  }
}

/** The source's stat, after making sure that it is still the file that was encoded. */
export async function statUnchanged(plan: JobPlan): Promise<SourceStat> {
  const { path, sizeBytes, mtimeMs } = plan.source
  const now = await stat(path).catch((error: unknown) => {
    throw new EncodeError('SOURCE_CHANGED', `The source "${path}" is gone`, { hint: 'Nothing was replaced', cause: error })
  })
  // Sub-millisecond digits differ between filesystems and between stat calls over a network; a write moves it by more.
  if (now.size === sizeBytes && Math.abs(now.mtimeMs - mtimeMs) < 1) return now
  throw new EncodeError('SOURCE_CHANGED', `The source "${path}" was changed while it was encoded`, {
    hint: 'The result was thrown away; encode it again once nobody writes to it',
  })
}

interface SourceStat {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly atime: Date
  readonly mtime: Date
  readonly dev: number
  readonly ino: number
}

/** Gives the temporary file the source's times and permissions, and makes its bytes durable. */
async function adopt(temporary: string, source: SourceStat): Promise<void> {
  try {
    await dress(temporary, source)
  } catch (error) {
    if (!isNotOurs(error)) throw error
    // A host wrote it over a share as another user: a copy is ours.
    const copy = `${temporary}.own`
    await copyFile(temporary, copy)
    await rename(copy, temporary)
    await dress(temporary, source)
  }
}

async function dress(temporary: string, source: SourceStat): Promise<void> {
  // Only root may give a file away; for everybody else the owner is right already or cannot be helped.
  await chown(temporary, source.uid, source.gid).catch(() => {})
  await chmod(temporary, source.mode & 0o7777)
  await syncFile(temporary)
  await utimes(temporary, source.atime, source.mtime)
}

async function moveIntoPlace(plan: JobPlan, temporary: string, source: SourceStat): Promise<void> {
  const { path } = plan.source
  if (plan.replacesSource && (plan.output === path || (await isSameEntry(plan.output, path, source)))) {
    // One name, or one that differs in case only on a filesystem that does not tell: the rename is the replacement.
    await rename(temporary, path)
    if (plan.output !== path) await rename(path, plan.output)
    await syncFolder(dirname(plan.output))
    return
  }
  if (plan.mayOverwrite) await rename(temporary, plan.output)
  else await renameWithoutOverwrite(temporary, plan.output)
  await syncFolder(dirname(plan.output))
  if (!plan.replacesSource) return
  await unlink(path)
  await syncFolder(dirname(path))
}

/** link + unlink is the one move that fails when the name is taken in between; filesystems without hard links get a check and a rename. */
async function renameWithoutOverwrite(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST' || (await exists(to))) throw nameTaken(to)
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error
    await rename(from, to)
    return
  }
  await unlink(from)
}

function nameTaken(path: string): EncodeError {
  return new EncodeError('RESULT_NAME_TAKEN', `"${path}" exists already`, {
    hint: 'Use --overwrite to replace it, or -o to write elsewhere',
  })
}

async function isSameEntry(output: string, path: string, source: SourceStat): Promise<boolean> {
  if (dirname(output) !== dirname(path) || output.normalize('NFC').toLowerCase() !== path.normalize('NFC').toLowerCase()) return false
  const other = await lstat(output).catch(() => undefined)
  return other !== undefined && other.ino === source.ino && other.dev === source.dev
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}

function isNotOurs(error: unknown): boolean {
  return codeOf(error) === 'EPERM' || codeOf(error) === 'EACCES'
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
