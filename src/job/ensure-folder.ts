/** Makes the folder of a result, and takes back what it made when the result never came. */

import { mkdir, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface EnsuredFolder {
  /** A result stands in it: it stays. */
  keep(): void
  /** Removes the folders made here, as far as they are empty. */
  removeIfEmpty(): Promise<void>
}

export async function ensureFolder(folder: string): Promise<EnsuredFolder> {
  const firstMade = await mkdir(folder, { recursive: true })
  let isKept = firstMade === undefined
  return {
    keep() {
      isKept = true
    },
    async removeIfEmpty() {
      if (isKept || firstMade === undefined) return
      for (let path = folder; path.length >= firstMade.length; path = dirname(path)) {
        // Another job may have put something in: then it is not empty, and it stays.
        const isGone = await rmdir(path).then(
          () => true,
          () => false,
        )
        if (!isGone) return
      }
    },
  }
}
