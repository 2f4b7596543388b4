/**
 * Before any work is spent: can the result stand where it shall, and can its source go? Asked of the filesystem itself, so that what
 * only shows at the last step (a name that is taken, a folder that lets nobody remove, a file that cannot be changed) shows here.
 */

import { constants, type Stats } from 'node:fs'
import { access, lstat, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { basename, dirname, sep } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import type { JobPlan } from '../model/plan.ts'
import { createMountTable, type MountTable } from './mount-table.ts'

/**
 * Resolves to whether something has the result's name already. Rejects with RESULT_NAME_TAKEN or REPLACE_FAILED.
 * @param givenPath the source as the person names it: a symbolic link, perhaps.
 */
export async function checkPlace(plan: JobPlan, givenPath: string, mounts: MountTable = createMountTable()): Promise<boolean> {
  checkLink(plan, givenPath)
  const taken = await lookAtName(plan.output)
  await checkTaken(plan, taken)
  await checkFolder(dirname(plan.output))
  if (plan.replacesSource) await checkRemovable(plan.source.path, 'The source', plan.output === plan.source.path ? taken : undefined)
  if (plan.replacesSource && (await mounts.isMountPoint(plan.source.path))) {
    throw new EncodeError('REPLACE_FAILED', `The source "${plan.source.path}" is a mount of its own and cannot be replaced`, {
      hint: 'Mount its folder instead, or use -k or -o',
    })
  }
  if (taken !== undefined && plan.mayOverwrite) await checkRemovable(plan.output, 'The file of its name')
  return taken !== undefined
}

function checkLink({ source, output, replacesSource }: JobPlan, givenPath: string): void {
  if (!replacesSource || givenPath === source.path || basename(output) === basename(source.path)) return
  throw new EncodeError(
    'RESULT_NAME_TAKEN',
    `"${givenPath}" is a symbolic link, which would point nowhere once "${source.path}" is replaced`,
    {
      hint: `Give "${source.path}" itself, or use -k or -o`,
    },
  )
}

async function lookAtName(output: string): Promise<Stats | undefined> {
  // Said here, too: where the folder is yet to be made, no filesystem has looked at the name.
  const isTooLong = output.split(sep).some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)
  return await lstat(output).then(
    (found) => found,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENAMETOOLONG' && !isTooLong) return undefined
      throw new EncodeError('RESULT_NAME_TAKEN', `The name of its result is too long for the filesystem: "${basename(output)}"`, {
        hint: 'Rename the source',
      })
    },
  )
}

async function checkTaken({ output, source, replacesSource, mayOverwrite }: JobPlan, taken: Stats | undefined): Promise<void> {
  if (taken === undefined) return
  if (!taken.isFile() && !taken.isSymbolicLink()) {
    throw new EncodeError('RESULT_NAME_TAKEN', `"${output}" is ${taken.isDirectory() ? 'a folder' : 'no file'}`, {
      hint: 'Use -o to write elsewhere',
    })
  }
  if (output !== source.path && !mayOverwrite && !(await isSameFile(source.path, output))) {
    throw new EncodeError('RESULT_NAME_TAKEN', `"${output}" exists already`, {
      hint: 'Use --overwrite to replace it, or -o to write elsewhere',
    })
  }
  if (!replacesSource && (await isSameInode(source.path, output))) {
    throw new EncodeError('RESULT_NAME_TAKEN', `"${output}" is the source itself, which shall stay`, { hint: 'Use -o to write elsewhere' })
  }
}

/** The folder, or the one in which it will be made. */
async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error && found.code === 'ENOENT' && dirname(folder) !== folder) {
    const own = await lstat(folder).catch(() => undefined)
    if (own === undefined) return await checkFolder(dirname(folder))
    // A link that points nowhere is in the way of the folder. What else is there by now, a job that runs already has made.
    if (!own.isSymbolicLink()) return await checkFolder(folder)
  }
  const isWritable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (found instanceof Error || !found.isDirectory() || !isWritable) {
    const problem = found instanceof Error ? `cannot be used: ${found.message}` : found.isDirectory() ? 'is not writable' : 'is no folder'
    throw new EncodeError('REPLACE_FAILED', `The folder "${folder}" ${problem}`, { hint: 'Mend its permissions, or use -o' })
  }
}

/** @param known what was found under that name a moment ago. */
async function checkRemovable(path: string, what: string, known?: Stats): Promise<void> {
  const look = (name: string) => lstat(name).catch(() => undefined)
  const [file, folder] = await Promise.all([known ?? look(path), look(dirname(path))])
  if (file === undefined || folder === undefined) return
  const user = toUser()
  if ((folder.mode & STICKY) !== 0 && user !== undefined && ![ROOT, folder.uid, file.uid].includes(user)) {
    throw new EncodeError(
      'REPLACE_FAILED',
      `${what} "${path}" belongs to somebody else, and only its owner may remove it from this folder`,
      {
        hint: 'Run encode as its owner, or use -k or -o',
      },
    )
  }
  // Its mode does not matter to whoever replaces it; EPERM, even to root, is the immutable flag.
  const refusal = file.isFile() ? await access(path, constants.W_OK).catch((error: NodeJS.ErrnoException) => error.code) : undefined
  if (refusal !== 'EPERM') return
  throw new EncodeError('REPLACE_FAILED', `${what} "${path}" is immutable`, { hint: `Use "chattr -i" on it, or use -k or -o` })
}

/** True on a filesystem that does not tell `Film.MKV` from `Film.mkv`. */
async function isSameFile(path: string, other: string): Promise<boolean> {
  return path.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase() && (await isSameInode(path, other))
}

async function isSameInode(path: string, other: string): Promise<boolean> {
  // Either may vanish at this moment.
  const [a, b] = await Promise.all([path, other].map((name) => lstat(name, { bigint: true }).catch(() => undefined)))
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

/** Undefined on Windows, and where a container runs us as a user that it has no name for: then it shows in the end. */
function toUser(): number | undefined {
  try {
    const { uid } = userInfo()
    return uid < 0 ? undefined : uid
  } catch {
    return undefined
  }
}

/** NAME_MAX of every filesystem in use. */
const MAX_NAME_BYTES = 255
const STICKY = 0o1000
const ROOT = 0
