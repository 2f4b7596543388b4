/** Packages whose code is part of the program, with their licences: these demand to be handed on with it. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const PACKAGE_FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/
const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:[.-]|$)/i

/** @throws Error for a package without a licence file. */
export async function describeLicences(moduleIds: readonly string[]): Promise<string> {
  const folders = new Set(moduleIds.flatMap((id) => PACKAGE_FOLDER.exec(id.replaceAll('\\', '/'))?.[0] ?? []))
  const parts = await Promise.all([...folders].sort().map(describeLicence))
  return ['Packages that are part of these files, and the licences under which they are.\n', ...parts].join(`\n${'-'.repeat(80)}\n\n`)
}

async function describeLicence(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Readonly<Record<string, string>>
  const file = (await readdir(folder)).find((entry) => LICENCE_FILE.test(entry))
  if (file === undefined) throw new Error(`Package "${name}" holds no licence: its code cannot become part of the program`)
  return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`
}
