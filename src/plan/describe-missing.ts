/** Why a path that a person named leads to nothing, in words that tell what to correct. */

import { lstat, readdir, readlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { nearest } from '../core/nearest.ts'
import { toVisible } from '../core/text.ts'

/** What bytes that are no UTF-8 are read as. */
export const NOT_UTF8 = '\uFFFD'

/** Among more names nothing is looked for: a long queue file may name a hundred files of one folder that is gone through each time. */
const MOST_NAMES = 1_000

/** @param given as the person wrote it; `path` is the same, absolute. */
export async function describeMissing(given: string, path: string): Promise<string> {
  if (path.includes(NOT_UTF8)) return 'No such file: its name seems not to be valid UTF-8 and cannot be carried to ffmpeg; rename it'
  if (hasGlobMarks(given)) return 'No file matches'
  const link = await readlink(path).catch(() => undefined)
  if (link !== undefined) return `It is a link to "${toVisible(link)}", and that leads to no file`
  const failure = await lstatFailure(path)
  if (failure !== undefined && !isAbsence(failure)) return `It cannot be looked at: ${failure.message}`
  const folder = await describeMissingFolder(path)
  if (folder !== undefined) return `No such file or folder: ${folder}`
  const similar = await findSimilar(path)
  return `No such file or folder${similar === undefined ? '' : `; did you mean "${toVisible(similar)}"?`}`
}

export function hasGlobMarks(path: string): boolean {
  return /[*?[{]/.test(path)
}

/** A name of the same folder that was probably meant. */
export async function findSimilar(path: string): Promise<string | undefined> {
  const names = await readdir(dirname(path)).catch(() => [])
  return names.length > MOST_NAMES ? undefined : nearest(basename(path), names)
}

/** Undefined where the folder is there. */
async function describeMissingFolder(path: string): Promise<string | undefined> {
  const folder = dirname(path)
  const failure = await lstatFailure(folder)
  if (failure?.code === 'ENOTDIR' || (failure?.code === 'ENOENT' && folder !== dirname(folder))) {
    return (await describeMissingFolder(folder)) ?? `there is no folder "${toVisible(folder)}"`
  }
  const found = failure === undefined ? await lstat(folder).catch(() => undefined) : undefined
  return found?.isFile() === true ? `"${toVisible(folder)}" is no folder` : undefined
}

function isAbsence({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function lstatFailure(path: string): Promise<NodeJS.ErrnoException | undefined> {
  return lstat(path).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  )
}
