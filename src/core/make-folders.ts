/**
 * Folders made with all that is missing above them. Node's own `recursive` never returns where the system says "no such folder" of a
 * name whose parent is there (below /proc, or in a folder that was removed while somebody stands in it).
 */

import { mkdirSync, statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Resolves to the topmost folder that was made; undefined where all were there. Rejects with the system's own error. */
export async function makeFolders(path: string, mode = 0o777): Promise<string | undefined> {
  if (await isFolder(path)) return undefined
  const missing = [path]
  for (let above = dirname(path); !(await isFolder(above)) && above !== missing[0]; above = dirname(above)) missing.unshift(above)
  let first: string | undefined
  for (const folder of missing) {
    const isMade = await mkdir(folder, { mode }).then(
      () => true,
      async (error: unknown) => ((await isFolder(folder)) ? false : Promise.reject(error)),
    )
    if (isMade) first ??= folder
  }
  return first
}

/** The same for those who cannot wait. */
export function makeFoldersSync(path: string, mode = 0o777): void {
  const missing = [path]
  for (let above = dirname(path); !isFolderSync(above) && above !== missing[0]; above = dirname(above)) missing.unshift(above)
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode })
    } catch (error) {
      if (!isFolderSync(folder)) throw error
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

function isFolderSync(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
