/**
 * How far one gets with a host, and all that is wrong on the way. Opening a host stops at the first fault; here the answer of a host
 * without ffmpeg is read to its end, so that one look tells every fault.
 */

import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { factsCommand } from '../../host/facts/facts-script.ts'
import { toFacts } from '../../host/facts/load-facts.ts'
import { type HostAnswer, parseFacts } from '../../host/facts/parse-facts.ts'
import type { Host, HostFacts } from '../../host/host.ts'

export interface AskedHost {
  readonly isReachable: boolean
  /** Undefined: nobody got so far. */
  readonly isLoggedIn: boolean | undefined
  /** What it said of itself, be it usable or not. */
  readonly answer: HostAnswer | undefined
  /** What a job needs; undefined where something is wrong. */
  readonly facts: HostFacts | undefined
  /** What keeps it from being used. */
  readonly errors: readonly EncodeError[]
}

const PATIENCE_MS = 30_000

/** Opens the host without changing anything there. Rejects with the signal's reason, or for a bug. */
export async function askHost(host: Host, signal: AbortSignal): Promise<AskedHost> {
  try {
    const facts = await host.open(signal, { changesNothing: true })
    return { isReachable: true, isLoggedIn: true, answer: undefined, facts, errors: [] }
  } catch (error) {
    signal.throwIfAborted()
    if (!isEncodeError(error)) throw error
    switch (error.code) {
      case 'HOST_NO_FFMPEG':
      case 'HOST_FOLDER_UNUSABLE':
        return await readOn(host, error, signal)
      case 'HOST_KEY_REFUSED':
      case 'HOST_AUTH_FAILED':
        return { isReachable: true, isLoggedIn: false, answer: undefined, facts: undefined, errors: [error] }
      case 'HOST_UNREACHABLE':
        return { isReachable: false, isLoggedIn: undefined, answer: undefined, facts: undefined, errors: [error] }
      default:
        return { isReachable: true, isLoggedIn: true, answer: undefined, facts: undefined, errors: [error] }
    }
  }
}

async function readOn(host: Host, first: EncodeError, signal: AbortSignal): Promise<AskedHost> {
  const answer = await askAgain(host, signal)
  const more = answer === undefined ? undefined : findNextError(answer, host)
  const errors = more === undefined || more.code === first.code ? [first] : [first, more]
  return { isReachable: true, isLoggedIn: true, answer, facts: undefined, errors }
}

async function askAgain(host: Host, signal: AbortSignal): Promise<HostAnswer | undefined> {
  try {
    const either = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
    return parseFacts((await host.run(factsCommand(host.config, { changesNothing: true }), { signal: either })).stdout)
  } catch {
    // What was found before is told all the same.
    signal.throwIfAborted()
    return undefined
  }
}

/** What would be wrong if there were an ffmpeg. */
function findNextError(answer: HostAnswer, host: Host): EncodeError | undefined {
  try {
    toFacts({ ...answer, ffmpegPath: answer.ffmpegPath ?? 'ffmpeg', ffmpegVersion: answer.ffmpegVersion ?? '0' }, host.config)
    return undefined
  } catch (error) {
    if (error instanceof EncodeError) return error
    throw error
  }
}
