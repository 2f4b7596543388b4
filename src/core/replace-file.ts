/**
 * A file changed as a whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.
 * Whoever reads the name sees the old bytes or the new ones, also after a crash between any two system calls.
 */

import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from './errors.ts'

export interface ReplaceFileOptions {
  /** Permission bits of the new file. */
  readonly mode?: number
  /** Kept where we may give files away, else left as it falls. */
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** Asked when all is ready, right before the rename; false leaves everything as it is. */
  readonly isStillWanted?: () => Promise<boolean>
  /** Absolute path in the same folder; undefined = a name that nobody has. */
  readonly temporary?: string
}

/** Resolves to whether the file was replaced. Rejects with the system's own error; then the temporary file is gone again. */
export async function replaceFile(path: string, content: Uint8Array | string, options: ReplaceFileOptions = {}): Promise<boolean> {
  const temporary = options.temporary ?? join(dirname(path), `.encode-${randomBytes(8).toString('hex')}.tmp`)
  if (options.temporary !== undefined) await rm(temporary, { force: true })
  try {
    // `wx` follows no link that somebody may have laid under that name.
    await using file = await open(temporary, 'wx', 0o600)
    await dress(file, options)
    await file.writeFile(content)
    await file.sync()
    const isWanted = (await options.isStillWanted?.()) ?? true
    if (isWanted) await rename(temporary, path)
    else await rm(temporary, { force: true })
    if (isWanted) await syncFolder(dirname(path))
    return isWanted
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** Makes a rename or a removal durable, as far as that can be had. */
export async function syncFolder(path: string): Promise<void> {
  await syncFolderStrictly(path).catch(() => {})
}

/**
 * For those who remove something next. Rejects with the system's own error where the disk fails: what was renamed may be gone after a
 * power cut. Windows and some network filesystems cannot sync a folder; then there is nothing to wait for.
 */
export async function syncFolderStrictly(path: string): Promise<void> {
  try {
    await using folder = await open(path, 'r')
    await folder.sync()
  } catch (error) {
    if (DISK_FAULTS.has(codeOf(error) ?? '')) throw error
  }
}

const DISK_FAULTS: ReadonlySet<string> = new Set(['EIO', 'ENOSPC', 'EDQUOT', 'ESTALE'])

async function dress(file: FileHandle, { mode, owner }: ReplaceFileOptions): Promise<void> {
  // Giving a file away takes the set-id bits off, so the owner comes first.
  if (owner !== undefined) await file.chown(owner.uid, owner.gid).catch(() => {})
  await file.chmod((mode ?? 0o600) & 0o7777)
}
