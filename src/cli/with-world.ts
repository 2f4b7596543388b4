/** What one run happens in: this process's signals, terminal, clock and hosts. All of it is closed again when the run is over. */

import { writeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { countBuffersWithHeap } from '../core/count-buffers.ts'
import { describeSshCrypto } from '../host/ssh/ssh-crypto.ts'
import type { Config } from '../model/config.ts'
import type { ConfigSource } from '../run/hosts/watch-config.ts'
import type { RunWorld } from '../run/run-request.ts'
import { createBroadcast } from '../view/broadcast.ts'
import { quoteCommand } from '../view/quote-argument.ts'
import { askPassphrase } from './ask-passphrase.ts'
import { chooseView } from './choose-view.ts'
import { createHostMaker } from './host-maker.ts'
import { loadCliConfig } from './load-cli-config.ts'
import type { Arguments } from './parse-arguments.ts'
import { watchSignals } from './signals.ts'
import { stateFolder } from './state-folder.ts'
import { watchStopAndGo } from './stop-and-go.ts'

/** A reader that is stuck (`| less`, Ctrl-S) is waited for, but an interrupted run must end. */
const CLOSE_PATIENCE_MS = 60_000

export async function withWorld(args: Arguments, config: Config, run: (world: RunWorld) => Promise<number>): Promise<number> {
  countBuffersWithHeap(process.versions.v8)
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

function describeEnding(signalName: string): string {
  const again = signalName === 'SIGINT' ? ' (Ctrl-C again to stop at once)' : ''
  return `${signalName}: ending what runs and cleaning up${again}`
}

/** At once, as the process ends with it; a terminal that takes nothing does not hold that up. */
function tellStopped({ config }: Arguments): void {
  const resume = quoteCommand(['encode', 'resume', ...(config === undefined ? [] : ['-y', config])])
  try {
    writeSync(2, `encode: Stopped at once; the hosts end what they do and clean up by themselves, and "${resume}" goes on\n`)
  } catch {}
}
