/**
 * Which encoders work on a host: what the run's jobs could use is tried there for real, a few at a time, and remembered, so that the
 * next run does not try again. What failed is tried again after a while: a driver may have been mended.
 */

import { hostname } from 'node:os'
import { mapConcurrently } from '../core/map-concurrently.ts'
import { tryEncoder } from '../host/facts/encoder-trial.ts'
import type { Host, HostFacts } from '../host/host.ts'
import type { RememberedTrial, TrialPlace } from '../ledger/encoder-trials.ts'
import { describeFfmpegFailure } from '../media/describe-ffmpeg-failure.ts'
import { isSessionLimit } from '../media/judge-encoder-failure.ts'
import type { HostConfig } from '../model/config.ts'
import { type EncoderNeed, hardwareKindOf, toEncoderKey } from '../model/encoder.ts'

/** Encoder, with its device where one is named → why it does not work; null: it does. */
export type TrialResults = ReadonlyMap<string, string | null>

export interface TrialMemory {
  recallTrials(place: TrialPlace): readonly RememberedTrial[]
  rememberTrials(place: TrialPlace, trials: readonly RememberedTrial[]): void
}

export interface TrialOptions {
  readonly memory: TrialMemory
  readonly now: () => number
  readonly signal?: AbortSignal | undefined
  /** What is remembered does not count. */
  readonly isFresh?: boolean
}

/** A few: each keeps some of the host's cores or one of its few GPU sessions busy. */
const TRIALS_AT_ONCE = 3
const FAILURE_HOLDS_MS = 60 * 60 * 1000

/** Rejects with HOST_LOST and the like, never because an encoder does not work. */
export async function tryEncoders(
  host: Host,
  facts: HostFacts,
  needs: readonly EncoderNeed[],
  { memory, now, signal, isFresh = false }: TrialOptions,
): Promise<TrialResults> {
  const place = toPlace(host.config, facts)
  const results = new Map<string, string | null>()
  for (const { encoder, failure, triedAtMs } of isFresh ? [] : memory.recallTrials(place)) {
    if (failure === null || now() - triedAtMs < FAILURE_HOLDS_MS) results.set(encoder, failure)
  }
  const missing = needs.filter((need) => !results.has(toEncoderKey(need)) && isListed(need.encoder, facts))
  const learned: RememberedTrial[] = []
  await mapConcurrently(missing, TRIALS_AT_ONCE, async (need) => {
    const trial = await tryEncoder(host, facts, need, signal)
    if (trial === undefined) return
    const encoder = toEncoderKey(need)
    // A driver that hangs is no use; software that takes so long is only slow, and counts as it is listed.
    if (trial.isTimeout && hardwareKindOf(need.encoder) === undefined) return
    if (trial.isTimeout) results.set(encoder, 'it did not encode one second of picture within 30 s')
    // A card that is busy with other encodes is a card that works; it may be less busy at the next look.
    else if (trial.status !== 0 && isSessionLimit(trial.stderr)) results.set(encoder, null)
    else {
      const failure = trial.status === 0 ? null : describeFfmpegFailure(trial.stderr, trial.status)
      results.set(encoder, failure)
      learned.push({ encoder, failure, triedAtMs: now() })
    }
  })
  memory.rememberTrials(place, learned)
  return results
}

/** Whether this ffmpeg has an encoder of that name, or one for a codec of that name. */
export function isListed(encoder: string, { encoders, codecs = [] }: HostFacts): boolean {
  return encoders.includes(encoder) || codecs.includes(encoder)
}

/** Where what is learned of a host's ffmpeg holds. */
export function toPlace(config: HostConfig, { ffmpegPath, ffmpegVersion }: HostFacts): TrialPlace {
  const { type, user, address, name, port, env } = config
  const machine = type === 'local' ? `this machine (${hostname()})` : `${user ?? ''}@${address ?? name}:${port ?? ''}`
  // One machine may be two hosts: CUDA_VISIBLE_DEVICES and the like choose the card.
  const variables = Object.entries(env).map(([variable, value]) => ` ${variable}=${value}`)
  return { host: machine + variables.sort().join(''), ffmpegPath, ffmpegVersion }
}
