/** Reads the shipped profiles and the person's configuration file into one Config. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EncodeError, messageOf } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import type { Config, ProfileDefinition } from '../model/config.ts'
import { createDefaultConfig, type ExaminedConfig, examineConfig, parseShippedProfiles, readShippedFile, toConfig } from './parse-config.ts'

export interface LoadConfigOptions {
  /** Undefined = none, all is default. */
  readonly file: string | undefined
  /** Folder whose `*.yml` hold the shipped profiles; they are read in the order of their names. */
  readonly shippedFolder: string
  /** What `~/` means in paths of this machine; undefined leaves them as written. */
  readonly homeFolder?: string | undefined
}

/** @throws EncodeError CONFIG_INVALID: a file is missing, cannot be read, or does not hold what it should. */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  if (options.file === undefined) return createDefaultConfig(await loadShippedProfiles(options.shippedFolder))
  return toConfig(await loadExaminedConfig(options))
}

/**
 * The file, and all that can be said of it; without one, a file that says nothing.
 * @throws EncodeError CONFIG_INVALID: a file is missing or cannot be read. What is wrong inside is part of the answer.
 */
export async function loadExaminedConfig(options: LoadConfigOptions): Promise<ExaminedConfig> {
  const { file, homeFolder } = options
  const shipped = await loadShippedProfiles(options.shippedFolder)
  return examineConfig(file === undefined ? '' : await readText(file), file ?? '', shipped, { homeFolder })
}

/** The shipped profiles with where everything in them stands. */
export async function loadShippedFiles(folder: string): Promise<readonly Pick<ExaminedConfig, 'source' | 'root'>[]> {
  return (await readShippedFolder(folder)).map(({ file, text }) => readShippedFile(text, file))
}

async function loadShippedProfiles(folder: string): Promise<readonly ProfileDefinition[]> {
  return (await readShippedFolder(folder)).flatMap(({ file, text }) => parseShippedProfiles(text, file))
}

async function readShippedFolder(folder: string): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw unreadable('The folder of shipped profiles', folder, error)
  })
  const files = names
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) => join(folder, name))
  return await Promise.all(files.map(async (file) => ({ file, text: await readText(file) })))
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw unreadable('Configuration file', file, error)
  }
}

function unreadable(what: string, path: string, cause: unknown): EncodeError {
  const name = `${what} "${toVisible(path)}"`
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT') return new EncodeError('CONFIG_INVALID', `${name} does not exist`, { cause, hint: 'Give its path with -y FILE' })
  if (code === 'EISDIR')
    return new EncodeError('CONFIG_INVALID', `${name} is a folder`, { cause, hint: 'Give the path of a YAML file with -y FILE' })
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return new EncodeError('CONFIG_INVALID', `${name} is not UTF-8 text`, { cause, hint: 'Save it as UTF-8' })
  }
  const reason = code === 'EACCES' ? 'permission denied' : messageOf(cause)
  return new EncodeError('CONFIG_INVALID', `${name} cannot be read: ${reason}`, { cause })
}
