/** `encode [OPTION | PATH]...`: the main job. */

import { existsSync, type Stats, statSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { EncodeError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { describeSshCrypto } from '../host/ssh/ssh-crypto.ts'
import type { Config } from '../model/config.ts'
import type { ConfigSource } from '../run/hosts/watch-config.ts'
import { runEncode } from '../run/run-encode.ts'
import type { RunRequest, RunWorld } from '../run/run-request.ts'
import { createBroadcast } from '../view/broadcast.ts'
import { quoteCommand } from '../view/quote-argument.ts'
import { askPassphrase } from './ask-passphrase.ts'
import { chooseView } from './choose-view.ts'
import { drainCommand } from './drain-command.ts'
import { createHostMaker } from './host-maker.ts'
import { loadCliConfig } from './load-cli-config.ts'
import { COMMANDS } from './options.ts'
import type { Arguments } from './parse-arguments.ts'
import { watchSignals } from './signals.ts'
import { stateFolder } from './state-folder.ts'
import { watchStopAndGo } from './stop-and-go.ts'

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
    throw new EncodeError('USAGE_INVALID', `"${path}", given with -o, cannot be used: ${error instanceof Error ? error.message : error}`, {
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
      hint: 'Give files or folders, --from-file FILE, or set "default_queue_file" in the configuration; see "encode --help"',
    })
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

/** At once, as the process ends with it; a terminal that takes nothing does not hold that up. */
function tellStopped({ config }: Arguments): void {
  const resume = quoteCommand(['encode', 'resume', ...(config === undefined ? [] : ['-y', config])])
  try {
    writeSync(2, `encode: Stopped at once; the hosts end what they do and clean up by themselves, and "${resume}" goes on\n`)
  } catch {}
}

/** Signals, views and hosts for one run; everything is closed again when it returns. */
export async function withWorld(args: Arguments, config: Config, run: (world: RunWorld) => Promise<number>): Promise<number> {
  const giveUp = new AbortController()
  const chosen = await chooseView(args, config.colorize, giveUp.signal)
  const broadcast = createBroadcast([chosen.view], { clock: systemClock })
  // One function for all hosts: a key that they share is unlocked once.
  const prompt = (question: string) => chosen.pausedFor(() => askPassphrase(question))
  const reloads = new Set<() => void>()
  using signals = watchSignals({
    onFirst: (name) => broadcast.emit('warning', { message: describeEnding(name), momentary: true }),
    beforeExit() {
      chosen.restoreTerminal()
      tellStopped(args)
    },
    onReload: () => {
      for (const reload of reloads) reload()
    },
  })
  using _suspension = chosen.stopAndGo === undefined ? undefined : watchStopAndGo(chosen.stopAndGo)
  process.once('exit', chosen.restoreTerminal)
  for (const { message, place } of config.warnings) {
    broadcast.emit('warning', { message: `${place.file}:${place.line}:${place.column}: ${message}` })
  }
  if (args.verbosity === 'verbose') {
    const { description, isNative } = describeSshCrypto()
    if (!isNative) broadcast.emit('warning', { message: description })
  }
  const onNote = args.verbosity === 'verbose' ? (message: string) => broadcast.emit('warning', { message }) : undefined
  try {
    return await run({
      cwd: process.cwd(),
      stateFolder: stateFolder(process.env),
      pid: process.pid,
      warner: process,
      clock: systemClock,
      emit: broadcast.emit,
      signal: signals.signal,
      draining: signals.draining,
      configSource: toConfigSource(args, config, reloads),
      onNote,
      createHost: createHostMaker(config, { writesKnownHosts: !args.isDryRun, prompt, onNote }),
    })
  } finally {
    const patience = setTimeout(() => giveUp.abort(), CLOSE_PATIENCE_MS)
    await broadcast.close()
    clearTimeout(patience)
    process.off('exit', chosen.restoreTerminal)
  }
}

function toConfigSource(args: Arguments, { file }: Config, reloads: Set<() => void>): ConfigSource | undefined {
  if (file === undefined) return undefined
  return {
    file,
    // Another file that turns up meanwhile is not the one that this run was called with.
    load: () => loadCliConfig(args.config ?? file),
    onDemand(listener) {
      reloads.add(listener)
      return { [Symbol.dispose]: () => void reloads.delete(listener) }
    },
  }
}

/** A reader that is stuck (`| less`, Ctrl-S) is waited for, but an interrupted run must end. */
const CLOSE_PATIENCE_MS = 60_000

function describeEnding(signalName: string): string {
  const again = signalName === 'SIGINT' ? ' (Ctrl-C again to stop at once)' : ''
  return `${signalName}: ending what runs and cleaning up${again}`
}
