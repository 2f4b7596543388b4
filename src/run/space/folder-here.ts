/** A folder of the controller as a place for bytes: on which filesystem it is, and what is free there. */

import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface FolderHere {
  /** The folder itself or, where it is not made yet, the nearest one above it. */
  readonly path: string
  /** The same for all folders of one filesystem. */
  readonly device: number
}

/** Undefined where nothing can be told of it. */
export async function findFolderHere(folder: string): Promise<FolderHere | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined)
    if (found?.isDirectory() === true) return { path, device: found.dev }
    if (path === dirname(path)) return undefined
  }
}

/** What a user who is not root may still write; undefined where the filesystem does not tell. */
export async function freeBytesHere(folder: string): Promise<number | undefined> {
  const space = await statfs(folder).catch(() => undefined)
  // Some of FUSE have no figures, and give naughts.
  if (space === undefined || space.blocks === 0) return undefined
  // "Less than nothing" of a filesystem with reserved blocks comes as an unsigned number.
  return space.bavail > space.blocks ? 0 : space.bavail * space.bsize
}
