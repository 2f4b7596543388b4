/** `encode [OPTION | PATH]...`: the main job. */

import { existsSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { EncodeError, messageOf } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import type { Config } from '../model/config.ts'
import { runEncode } from '../run/run-encode.ts'
import type { RunRequest } from '../run/run-request.ts'
import { drainCommand } from './drain-command.ts'
import { loadCliConfig } from './load-cli-config.ts'
import { COMMANDS } from './options.ts'
import type { Arguments } from './parse-arguments.ts'
import { withWorld } from './with-world.ts'

export async function runCommand(args: Arguments, argv: readonly string[]): Promise<number> {
  if (args.isDrain) return await drainCommand(args)
  refuseMistypedCommand(args.words[0])
  const config = await loadCliConfig(args.config)
  const request = toRequest(args, argv, config)
  return await withWorld(args, config, (world) => runEncode(request, world))
}

/** `encode histroy`: a word like a command, and no file of that name. */
function refuseMistypedCommand(word: string | undefined): void {
  if (word === undefined || !/^[a-z]+$/.test(word) || existsSync(word)) return
  const guess = nearest(
    word,
    COMMANDS.map(({ name }) => name),
  )
  if (guess === undefined) return
  throw new EncodeError('USAGE_INVALID', `There is no command and no file "${word}"; did you mean "encode ${guess}"?`)
}

function toOutputFolder(path: string): string {
  let found: Stats | undefined
  try {
    found = statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw new EncodeError('USAGE_INVALID', `"${path}", given with -o, cannot be used: ${messageOf(error)}`, {
      hint: 'Mend its permissions, or give another folder',
    })
  }
  if (found?.isDirectory() === false) {
    throw new EncodeError('USAGE_INVALID', `"${path}", given with -o, is a file`, { hint: 'Give a folder; it is made where there is none' })
  }
  // What bytes that are no UTF-8 are read as: a folder of another name would be made.
  if (found === undefined && path.includes('\uFFFD')) {
    throw new EncodeError('USAGE_INVALID', `The name of "${path}", given with -o, seems not to be valid UTF-8`, {
      hint: 'Give a folder whose name is',
    })
  }
  return path
}

function toRequest(args: Arguments, argv: readonly string[], config: Config): RunRequest {
  const queueFile = args.fromFile ?? (args.targets.length === 0 ? config.defaultQueueFile : undefined)
  if (args.targets.length === 0 && queueFile === undefined) {
    throw new EncodeError('USAGE_INVALID', 'There is nothing to encode', {
      hint:
        config.file === undefined
          ? 'Give files or folders, or begin with "encode init", which writes a configuration; see "encode --help"'
          : 'Give files or folders, --from-file FILE, or set "default_queue_file" in the configuration; see "encode --help"',
    })
  }
  if (args.fromFile === undefined && queueFile !== undefined && !existsSync(queueFile)) {
    const message = `There is nothing to encode: no path is given, and "${resolve(queueFile)}", the "default_queue_file", does not exist`
    throw new EncodeError('USAGE_INVALID', message, { hint: 'Give files or folders, or make that file, with one path a line' })
  }
  return {
    config,
    targets: args.targets,
    queueFile: queueFile === undefined ? undefined : resolve(queueFile),
    queueTarget: args.last,
    onlyHosts: args.hosts,
    outputFolder: args.output === undefined ? undefined : toOutputFolder(resolve(args.output)),
    keepsSource: args.keepsSource,
    overwrites: args.overwrites,
    isDryRun: args.isDryRun,
    isSequential: args.isSequential,
    strategy: args.strategy,
    verify: args.verify,
    rateLimitBytes: args.rateLimitBytes,
    argv,
  }
}
