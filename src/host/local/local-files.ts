/** Files of the controller itself, where encoding happens on this machine: plain calls, no bytes through pipes. */

import { constants, type Stats } from 'node:fs'
import { copyFile, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { codeOf, EncodeError, messageOf } from '../../core/errors.ts'
import { makeFolders } from '../../core/make-folders.ts'
import { toVisible } from '../../core/text.ts'
import { createFileDigest } from '../file-digest.ts'
import type { HostFileStat, TransferOptions } from '../host.ts'
import type { HostFiles } from '../host-files.ts'
import { assertRemovable as assertRemovablePosix } from '../shell/guard.ts'

export interface LocalFilesOptions {
  readonly hostName: string
  /** POSIX paths unless told. */
  readonly assertRemovable?: ((hostPath: string) => void) | undefined
}

export function createLocalFiles({ hostName, assertRemovable = assertRemovablePosix }: LocalFilesOptions): HostFiles {
  return {
    putFile: copyWhole,
    async getFile(hostPath, controllerPath, options) {
      // Made anew: what stands there under this name is somebody's, but for what an earlier try left.
      if (options?.offset !== undefined && options.offset > 0) await rm(controllerPath, { force: true })
      if ((await stat(controllerPath).catch(() => undefined)) !== undefined) {
        throw new EncodeError('TRANSFER_FAILED', `"${toVisible(controllerPath)}" cannot be written: something of that name exists`)
      }
      await copyWhole(hostPath, controllerPath, options)
    },
    async renameFile(from, to) {
      await rename(from, to).catch((error: unknown) => {
        throw failed(hostName, `cannot rename "${toVisible(from)}"`, error)
      })
    },
    hashFile: async (hostPath, signal) => await createFileDigest().finish(hostPath, signal),
    async statFile(hostPath) {
      try {
        return toHostStat(await stat(hostPath))
      } catch (error) {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
        throw failed(hostName, `cannot look at "${toVisible(hostPath)}"`, error)
      }
    },
    async makeFolder(hostPath) {
      await makeFolders(hostPath, 0o700).catch((error: unknown) => {
        throw failed(hostName, `cannot make the folder "${toVisible(hostPath)}"`, error)
      })
    },
    async removeFiles(hostPaths) {
      for (const path of hostPaths) assertRemovable(path)
      for (const path of hostPaths) {
        await rm(path, { recursive: true, force: true, maxRetries: BUSY_TRIES }).catch((error: unknown) => {
          throw failed(hostName, `cannot remove "${toVisible(path)}"`, error)
        })
      }
    },
    async freeBytes(hostFolder) {
      const space = await statfs(hostFolder).catch(() => undefined)
      return space === undefined ? undefined : space.bavail * space.bsize
    },
    load: async (cores) => ({ cpuRatio: (loadavg()[0] ?? 0) / cores }),
  }
}

/** Windows removes nothing that is open, and who held it may be about to end; Node waits 100 ms longer each time. */
const BUSY_TRIES = 6

/**
 * Copies by a reference to the same blocks where the filesystem can, else in pieces, so that it can be told how far it is, and stopped.
 * Nothing breaks on the way: it always begins at the beginning.
 */
async function copyWhole(from: string, to: string, { signal, onBytes }: TransferOptions = {}): Promise<void> {
  signal?.throwIfAborted()
  try {
    const isCloned = await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
      () => true,
      () => false, // not on this filesystem, or not between these two; a real failure comes again below
    )
    if (!isCloned) await copyInPieces(from, to, signal, onBytes)
    await using file = await open(to, 'r+')
    await file.chmod(0o600)
    await file.sync()
    if (isCloned) onBytes?.((await file.stat()).size)
  } catch (error) {
    await rm(to, { force: true })
    signal?.throwIfAborted()
    throw new EncodeError('TRANSFER_FAILED', `"${toVisible(from)}" was not copied to "${toVisible(to)}": ${messageOf(error)}`, {
      cause: error,
    })
  }
}

const PIECE_BYTES = 1024 * 1024

async function copyInPieces(from: string, to: string, signal: AbortSignal | undefined, onBytes: TransferOptions['onBytes']): Promise<void> {
  await using source = await open(from, 'r')
  await using target = await open(to, 'w', 0o600)
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  for (let done = 0; ; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await source.read(piece, 0, PIECE_BYTES)
    if (bytesRead === 0) return
    for (let written = 0; written < bytesRead; ) written += (await target.write(piece, written, bytesRead - written)).bytesWritten
    done += bytesRead
    onBytes?.(done)
  }
}

function toHostStat(found: Stats): HostFileStat {
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other'
  return { kind, sizeBytes: kind === 'other' ? 0 : found.size }
}

function failed(hostName: string, what: string, error: unknown): EncodeError {
  return new EncodeError('COMMAND_FAILED', `Host "${hostName}" ${what}: ${messageOf(error)}`, { cause: error })
}
