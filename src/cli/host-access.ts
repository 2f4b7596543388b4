/** What commands that look at hosts share: an end on signals, and hosts that may ask for a passphrase, once for all of them. */

import type { Host } from '../host/host.ts'
import type { Config, HostConfig } from '../model/config.ts'
import { Interruption } from '../run/run-request.ts'
import { askPassphrase } from './ask-passphrase.ts'
import { createHostMaker } from './host-maker.ts'
import type { Arguments } from './parse-arguments.ts'
import { watchSignals } from './signals.ts'

export interface HostAccess {
  readonly signal: AbortSignal
  readonly createHost: (config: HostConfig) => Host
}

export interface HostAccessOptions {
  readonly config: Pick<Config, 'ssh' | 'ffmpeg' | 'ffprobe'>
  /** Takes what is shown off the terminal, for a question and for the end. */
  readonly hide: () => void
  readonly show: () => void
}

/** Where progress may be shown: a terminal, and nobody asked for quiet. */
export function progressTerminal({ isPlain, verbosity }: Arguments): NodeJS.WriteStream | undefined {
  const isTalkative = process.stderr.isTTY === true && !isPlain && verbosity !== 'quiet' && process.env.TERM !== 'dumb'
  return isTalkative ? process.stderr : undefined
}

/** Resolves to the exit status; 128 + n when signal n ended it. */
export async function withHostAccess(
  { config, hide, show }: HostAccessOptions,
  use: (access: HostAccess) => Promise<number>,
): Promise<number> {
  using signals = watchSignals({ onFirst: () => {}, beforeExit: hide })
  const { signal } = signals
  const prompt = async (question: string): Promise<string | undefined> => {
    hide()
    try {
      return await askPassphrase(question)
    } finally {
      show()
    }
  }
  try {
    return await use({ signal, createHost: createHostMaker(config, { prompt }) })
  } catch (error) {
    if (signal.reason instanceof Interruption) return signal.reason.exitStatus
    throw error
  } finally {
    hide()
  }
}
