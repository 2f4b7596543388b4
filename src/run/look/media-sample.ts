/** Something of a folder that two machines can compare: a file with a size, best a media file, found without walking a whole library. */

import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, messageOf } from '../../core/errors.ts'
import { isMediaName, OWN_PREFIX } from '../../plan/find-sources.ts'

export type MediaSample =
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  /** A folder in which no file was found. */
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'missing'; readonly path: string; readonly reason: string }

/** Entries that are looked at before a folder counts as empty. */
const MAX_ENTRIES = 5000

/** Never rejects. @param path absolute. */
export async function findMediaSample(path: string): Promise<MediaSample> {
  try {
    const found = await stat(path)
    if (found.isFile()) return { kind: 'file', path, sizeBytes: found.size }
    if (!found.isDirectory()) return { kind: 'missing', path, reason: 'is neither a file nor a folder' }
    return (await findFileBelow(path)) ?? { kind: 'folder', path }
  } catch (error) {
    return { kind: 'missing', path, reason: codeOf(error) === 'ENOENT' ? 'does not exist' : messageOf(error) }
  }
}

/** The nearest media file, else the first other file of the first folders. Empty files tell nothing. */
async function findFileBelow(root: string): Promise<MediaSample | undefined> {
  const folders = [root]
  let other: MediaSample | undefined
  let seen = 0
  for (const folder of folders) {
    // What cannot be entered here is passed over, but for the root.
    const entries = await opendir(folder).catch((error: unknown) => {
      if (folder === root) throw error
      return undefined
    })
    for await (const entry of entries ?? []) {
      seen += 1
      if (seen > MAX_ENTRIES) return other
      const path = join(folder, entry.name)
      if (entry.name.startsWith(OWN_PREFIX) || entry.name.includes('\uFFFD')) continue
      if (entry.isDirectory() && !entry.name.startsWith('.')) folders.push(path)
      if (!entry.isFile() || (other !== undefined && !isMediaName(entry.name))) continue
      const size = (await stat(path).catch(() => undefined))?.size ?? 0
      if (size === 0) continue
      const sample = { kind: 'file', path, sizeBytes: size } as const
      if (isMediaName(entry.name)) return sample
      other = sample
    }
  }
  return other
}
