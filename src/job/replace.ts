/**
 * The last stage: a verified result becomes the file, and only then does the source go.
 *
 * Order, so that a crash between any two system calls leaves a whole source or a whole result under a name the person knows:
 * permissions on the temporary file → fsync → times, the mark of a file that is whole on the disk → fsync → look at the source once more →
 * rename (same folder, so same filesystem) → fsync the folder → unlink the source where it bears another name → fsync the folder.
 */

import { constants } from 'node:fs'
import { copyFile, type FileHandle, link, lstat, open, rename, rm, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf, EncodeError, messageOf } from '../core/errors.ts'
import { isLinkless, UNSUPPORTED } from '../core/no-hard-links.ts'
import { syncFolder, syncFolderStrictly } from '../core/replace-file.ts'
import { isHeldOpen, untilReleased } from '../core/until-released.ts'
import type { JobPlan } from '../model/plan.ts'
import type { FileJournal } from '../transfer/media-route.ts'
import { carryAcl, type RunCp } from './carry-acl.ts'

/**
 * Rejects with SOURCE_CHANGED, RESULT_NAME_TAKEN or REPLACE_FAILED; then the source is untouched. With SOURCE_NOT_REMOVED the result
 * stands beside it.
 * @param files is told of a second temporary file, should one be needed.
 * @param runCp starts the program that carries access control lists; by itself unless told.
 */
export async function replaceSource(plan: JobPlan, temporary: string, files: FileJournal, runCp?: RunCp): Promise<void> {
  try {
    await adopt(temporary, plan.source.path, await statUnchanged(plan), files, runCp)
    // Flushing or copying a long film takes minutes, in which somebody may have written to the source.
    await statUnchanged(plan)
    await moveIntoPlace(plan, temporary)
  } catch (error) {
    if (error instanceof EncodeError) throw error
    throw new EncodeError('REPLACE_FAILED', `The result cannot be put at "${plan.output}": ${messageOf(error)}`, {
      hint: isHeldOpen(error) ? HELD_HINT : 'The source is untouched; check the permissions and the free space of that folder',
      cause: error,
    })
  }
}

/** The source's stat, after making sure that it is still the file that was encoded. */
export async function statUnchanged(plan: JobPlan): Promise<SourceStat> {
  const { path } = plan.source
  // Not through a link: who puts one there has moved the film.
  const now = await lstat(path).catch((error: unknown) => {
    throw new EncodeError('SOURCE_CHANGED', `The source "${path}" is gone`, { hint: 'Nothing was replaced', cause: error })
  })
  if (isUnchanged(now, plan)) return now
  throw new EncodeError('SOURCE_CHANGED', `The source "${path}" was changed while it was encoded`, {
    hint: 'The result was thrown away; encode it again once nobody writes to it',
  })
}

function isUnchanged(now: { readonly size: number; readonly mtimeMs: number }, { source }: JobPlan): boolean {
  // Sub-millisecond digits differ between filesystems and between stat calls over a network; a write moves it by more.
  return now.size === source.sizeBytes && Math.abs(now.mtimeMs - source.mtimeMs) < 1
}

/** Rejects with RESULT_NAME_TAKEN where a result would have nowhere to go: better before the work than after it. */
export async function refuseTakenName({ output, source, mayOverwrite, replacesSource }: JobPlan): Promise<void> {
  if (mayOverwrite || output === source.path) return
  const other = await lstat(output).catch(() => undefined)
  if (other !== undefined && !(replacesSource && (await isSameEntry(output, source.path)))) throw nameTaken(output)
}

/** Once the result stands under a name of its own. Rejects with SOURCE_NOT_REMOVED; then both stand. */
export async function removeSource(plan: JobPlan): Promise<void> {
  const { source, output } = plan
  // A result that a power cut could take back is no reason to remove its source.
  await syncFolderStrictly(dirname(output)).catch((error: unknown) => {
    const message = `The result stands at "${output}", but the disk may not keep it: ${messageOf(error)}`
    throw new EncodeError('SOURCE_NOT_REMOVED', message, {
      hint: 'Its source stays beside it; see to the disk before you remove either',
      cause: error,
    })
  })
  // A busy disk takes seconds for that. Who edits a film, or puts a better one in its place, means that one.
  const now = await lstat(source.path).catch(() => undefined)
  if (now !== undefined && !isUnchanged(now, plan)) {
    throw new EncodeError('SOURCE_NOT_REMOVED', `The result stands at "${output}", but its source "${source.path}" was changed meanwhile`, {
      hint: 'Both are kept: the result is of the source as it was before',
    })
  }
  await untilReleased(() => unlink(source.path)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return
    throw new EncodeError(
      'SOURCE_NOT_REMOVED',
      `The result stands at "${output}", but its source "${source.path}" cannot be removed: ${messageOf(error)}`,
      {
        hint: isHeldOpen(error)
          ? 'Both are whole; a program, or a machine that it is shared with, holds the source open: close it there, then remove it yourself'
          : 'Both are whole: remove the source yourself',
        cause: error,
      },
    )
  })
  await syncFolder(dirname(source.path))
}

const HELD_HINT =
  'The source is untouched; a program, or a machine that it is shared with, holds it open: close it there (a player, a preview), then encode it again'

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
async function adopt(temporary: string, path: string, source: SourceStat, files: FileJournal, runCp: RunCp | undefined): Promise<void> {
  try {
    await carryAcl(path, temporary, runCp)
    await dress(temporary, source, UNSUPPORTED)
  } catch (error) {
    if (!NOT_OURS.has(codeOf(error))) throw error
    await makeOurs(temporary, files)
    await carryAcl(path, temporary, runCp)
    // What cannot be set on a file of our own, this filesystem does not have.
    await dress(temporary, source, new Set([...UNSUPPORTED, ...NOT_OURS]))
  }
}

/** A host wrote it over a share as another user: a copy is ours. */
async function makeOurs(temporary: string, files: FileJournal): Promise<void> {
  const copy = `${temporary}.own`
  await files.note('controller', copy)
  try {
    await using file = await open(copy, 'wx', 0o600)
    // Where every file belongs to one user (vfat, many shares) a long film need not be copied to learn that.
    if ((await file.stat()).uid === (await lstat(temporary)).uid) {
      await rm(copy)
      return
    }
    // Not with the permissions that it has: they may forbid even its owner to open it again.
    await copyFile(temporary, copy, constants.COPYFILE_FICLONE)
    await rename(copy, temporary)
  } catch (failure) {
    await rm(copy, { force: true })
    throw failure
  } finally {
    await files.forget('controller', copy)
  }
}

/** @param bearable error codes with which permissions and times stay as they fall: better than no result. */
async function dress(temporary: string, source: SourceStat, bearable: ReadonlySet<string | undefined>): Promise<void> {
  const bear = (error: unknown) => {
    if (!bearable.has(codeOf(error))) throw error
  }
  await using file = await openToDress(temporary)
  // Only root may give a file away; for everybody else the owner is right already or cannot be helped, the group perhaps.
  const isOwnerCarried = await isDone(file.chown(source.uid, source.gid))
  if (!isOwnerCarried) await isDone(file.chown(KEEP_OWNER, source.gid))
  // Set-id bits are for the owner that they were given to.
  await file.chmod(source.mode & (isOwnerCarried ? 0o7777 : 0o777)).catch(bear)
  await file.sync()
  await file.utimes(source.atime, source.mtime).catch(bear)
  await file.sync()
}

/**
 * Windows flushes, and sets times, through a handle that may write alone. Everywhere else reading is enough: a controller that died may
 * have taken its right to write off already.
 */
async function openToDress(path: string): Promise<FileHandle> {
  return await open(path, 'r+').catch(async (error: unknown) => {
    if (!NOT_OURS.has(codeOf(error))) throw error
    return await open(path, 'r')
  })
}

async function moveIntoPlace(plan: JobPlan, temporary: string): Promise<void> {
  const { path } = plan.source
  const { output, replacesSource, mayOverwrite } = plan
  if (output === path || (await isSameEntry(output, path))) {
    if (!replacesSource) throw nameTaken(output)
    // One name, or one that differs in case only on a filesystem that does not tell: the rename is the replacement.
    await untilReleased(() => rename(temporary, path))
    if (output !== path) await rename(path, output)
    await syncFolder(dirname(output))
    return
  }
  if (mayOverwrite) await untilReleased(() => rename(temporary, output))
  else await renameWithoutOverwrite(temporary, output)
  if (replacesSource) await removeSource(plan)
  else await syncFolder(dirname(output))
}

/** link + unlink is the one move that fails when the name is taken in between. */
async function renameWithoutOverwrite(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw nameTaken(to)
    if (!isLinkless(error)) throw error
    await renameOverClaim(from, to)
    return
  }
  // The result stands; its second name is removed with the other work files if it cannot be now.
  await unlink(from).catch(() => {})
}

/** Without hard links the name is taken by an empty file first, which only one can make. */
async function renameOverClaim(from: string, to: string): Promise<void> {
  try {
    await using _ = await open(to, 'wx')
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? nameTaken(to) : error
  }
  await rename(from, to).catch(async (error: unknown) => {
    // Whatever has come into its place meanwhile is no claim of ours.
    if ((await lstat(to).catch(() => undefined))?.size === 0) await rm(to, { force: true })
    throw error
  })
}

function nameTaken(path: string): EncodeError {
  return new EncodeError('RESULT_NAME_TAKEN', `"${path}" exists already`, {
    hint: 'Use --overwrite to replace it, or -o to write elsewhere',
  })
}

/** Exact: numbers of files on NTFS are larger than what a double tells apart. */
async function isSameEntry(output: string, path: string): Promise<boolean> {
  if (dirname(output) !== dirname(path) || output.normalize('NFC').toLowerCase() !== path.normalize('NFC').toLowerCase()) return false
  const [other, own] = await Promise.all([output, path].map((name) => lstat(name, { bigint: true }).catch(() => undefined)))
  return other !== undefined && own !== undefined && other.ino === own.ino && other.dev === own.dev
}

async function isDone(call: Promise<void>): Promise<boolean> {
  return await call.then(
    () => true,
    () => false,
  )
}

const KEEP_OWNER = -1
const NOT_OURS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES'])
