/** Where the result of a source goes, and under which name. */

import { basename, dirname, extname, join, relative } from 'node:path'
import type { Profile } from '../model/plan.ts'

export interface OutputOptions {
  /** `-k`: the source stays, and the result never takes its name. */
  readonly keepsSource: boolean
  /** `-o`, absolute. The source stays. */
  readonly outputFolder?: string | undefined
  /** Folder argument under which the source was found, absolute: the tree below it is mirrored under `outputFolder`. */
  readonly root?: string | undefined
}

/**
 * The source's name with the profile's extension, in the source's folder or under `outputFolder`. Where the source stays and has that
 * very name, letter case aside (to some filesystems it is none), the profile's name is put in: `film.h264.mkv`.
 * @param source absolute path.
 */
export function toOutputName(source: string, profile: Pick<Profile, 'name' | 'extension'>, options: OutputOptions): string {
  const { keepsSource, outputFolder, root } = options
  const name = basename(source, extname(source))
  const folder =
    outputFolder === undefined ? dirname(source) : join(outputFolder, root === undefined ? '' : relative(root, dirname(source)))
  const output = join(folder, name + profile.extension)
  const staysBeside = keepsSource || outputFolder !== undefined
  return staysBeside && isSameName(output, source) ? join(folder, `${name}.${toFileName(profile.name)}${profile.extension}`) : output
}

function isSameName(a: string, b: string): boolean {
  return a.normalize('NFC').toLowerCase() === b.normalize('NFC').toLowerCase()
}

/** A profile may have any name; a part of a file name may not. */
function toFileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
  return name.replace(/[\u0000-\u001f/\\:*?"<>|]/g, '-')
}
