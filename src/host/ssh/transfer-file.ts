/** The controller's end of a transfer: the file that is read, the file that grows, and what can be wrong with either. */

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import { formatBytes } from '../../core/units.ts'

export async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    throw new EncodeError('SOURCE_UNREADABLE', `"${path}" cannot be read: ${toPlainLine(String(cause))}`, {
      hint: 'Check the path and its permissions',
      cause,
    })
  }
}

/** Never goes over or through what stands under the name. Whoever writes to it writes behind what it has. */
export async function createTarget(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  try {
    return await open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), 0o600)
  } catch (cause) {
    throw toDiskError(cause, path)
  }
}

/** A file that an earlier try left, with `offset` bytes; what is written comes behind them. */
export async function reopenTarget(path: string, offset: number): Promise<FileHandle> {
  const { O_APPEND, O_NOFOLLOW, O_WRONLY } = constants
  let file: FileHandle | undefined
  try {
    file = await open(path, O_WRONLY | O_APPEND | (O_NOFOLLOW ?? 0))
    const found = await file.stat()
    if (!found.isFile() || found.size !== offset) {
      throw new EncodeError('TRANSFER_FAILED', `"${path}" has ${found.size} B, not the ${offset} B that had arrived`, {
        hint: 'Does something else write that file?',
      })
    }
    return file
  } catch (cause) {
    await file?.close()
    throw toDiskError(cause, path)
  }
}

/** @param waitingBytes at most so many of them were not written yet. */
export function toDiskError(error: unknown, path: string, waitingBytes = 0): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof EncodeError || code === undefined || syscall === undefined) return error
  const why = code === 'ENOSPC' ? 'the disk is full' : code === 'EEXIST' ? 'something of that name exists' : toPlainLine(String(error))
  return new EncodeError('TRANSFER_FAILED', `"${path}" cannot be written: ${why}`, {
    hint:
      code === 'ENOSPC'
        ? `Make room; up to ${formatBytes(waitingBytes)} of it were waiting to be written`
        : 'Check the folder and its permissions',
    cause: error,
  })
}
