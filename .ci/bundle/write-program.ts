/**
 * Puts a bundled program in the place of the one before, which may be running: it loads files later on that a newer one does not have, or
 * that belong together differently. So what is there is never written over, the entry comes last and by a rename, and old files stay for a day.
 */

import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BundledProgram } from './bundle-program.ts'

const KEPT_MS = 24 * 60 * 60 * 1000

export async function writeProgram({ files, entry }: BundledProgram, folder: string, nowMs = Date.now()): Promise<void> {
  for (const path of [...files.keys()].filter((name) => name !== entry)) await place(path)
  await place(entry)
  for (const path of await listFiles(folder)) {
    if (files.has(path) || nowMs - (await stat(join(folder, path))).mtimeMs < KEPT_MS) continue
    await rm(join(folder, path), { force: true })
  }

  async function place(path: string): Promise<void> {
    const file = join(folder, path)
    // The name of such a file says what is in it.
    if (HASHED.test(path) && existsSync(file)) return await utimes(file, nowMs / 1000, nowMs / 1000)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(`${file}.${process.pid}`, files.get(path) ?? '')
    await rename(`${file}.${process.pid}`, file)
  }
}

/** A map is not in the hash: lines may have moved while the code is the same. */
const HASHED = /-[\w-]{8}\.js$/

async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name).slice(folder.length + 1))
}
