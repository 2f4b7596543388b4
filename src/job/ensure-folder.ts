/**
 * Makes the folder of a result, and takes back what it made when the result never came. Jobs that wait for a folder at the same time
 * know of each other: it goes with the last of them.
 */

import { rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolders } from '../core/make-folders.ts'

export interface EnsuredFolder {
  /** A result stands in it: it stays. */
  keep(): void
  /** Removes the folders made for it, as far as they are empty and nobody else waits for them. To be called once, in the end. */
  removeIfEmpty(): Promise<void>
}

/** Folders that jobs of this process wait for. */
const wanted = new Map<string, { jobs: number; firstMade: string | undefined }>()

/** Rejects with the system's own error. */
export async function ensureFolder(folder: string): Promise<EnsuredFolder> {
  // Before it is made: whoever ends at this moment must not take it away.
  const entry = wanted.get(folder) ?? { jobs: 0, firstMade: undefined }
  entry.jobs += 1
  wanted.set(folder, entry)
  try {
    entry.firstMade = (await makeFolders(folder)) ?? entry.firstMade
  } catch (error) {
    leave()
    throw error
  }

  /** True for the last job. */
  function leave(): boolean {
    entry.jobs -= 1
    return entry.jobs === 0 && wanted.delete(folder)
  }

  return {
    keep() {
      entry.firstMade = undefined
    },
    async removeIfEmpty() {
      if (!leave() || entry.firstMade === undefined) return
      for (let path = folder; path.length >= entry.firstMade.length && !isWanted(path); path = dirname(path)) {
        // Somebody may have put something in: then it is not empty, and it stays.
        const isGone = await rmdir(path).then(
          () => true,
          () => false,
        )
        if (!isGone) return
      }
    },
  }
}

function isWanted(path: string): boolean {
  return [...wanted.keys()].some((folder) => folder === path || folder.startsWith(`${path}/`))
}
