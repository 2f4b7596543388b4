/**
 * Which encoders work on a host: what the run's jobs could use is tried there for real, a few at a time, and remembered, so that the
 * next run does not try again. What failed is tried again after a while: a driver may have been mended.
 */

import { hostname } from 'node:os'
import { mapConcurrently } from '../../core/map-concurrently.ts'
import { type EncoderTrial, tryEncoder } from '../../host/facts/encoder-trial.ts'
import { describeMissingDevice } from '../../host/facts/missing-device.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { RememberedTrial, TrialPlace } from '../../ledger/encoder-trials.ts'
import { describeFfmpegFailure } from '../../media/describe-ffmpeg-failure.ts'
import { isSessionLimit } from '../../media/judge-encoder-failure.ts'
import type { HostConfig } from '../../model/config.ts'
import { type EncoderNeed, hardwareKindOf, toEncoderKey } from '../../model/encoder.ts'

export interface TrialResult {
  /** Why it does not work; null: it does. */
  readonly failure: string | null
  /** How fast it was in its trial, see there; undefined where nobody knows. */
  readonly pointsPerSecond?: number | undefined
}

/** By encoder, with its device where one is named. */
export type TrialResults = ReadonlyMap<string, TrialResult>

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

/** In hardware, at least: most of the time of a trial that fails is waiting; and at most: a card has few sessions. */
const TRIALS_AT_ONCE = { least: 3, most: 8 }
const FAILURE_HOLDS_MS = 60 * 60 * 1000

/** Rejects with HOST_LOST and the like, never because an encoder does not work. */
export async function tryEncoders(
  host: Host,
  facts: HostFacts,
  needs: readonly EncoderNeed[],
  { memory, now, signal, isFresh = false }: TrialOptions,
): Promise<TrialResults> {
  const place = toPlace(host.config, facts)
  const results = new Map<string, TrialResult>()
  for (const { encoder, failure, pointsPerSecond, triedAtMs } of isFresh ? [] : memory.recallTrials(place)) {
    if (failure === null || now() - triedAtMs < FAILURE_HOLDS_MS) results.set(encoder, { failure, pointsPerSecond })
  }
  for (const need of needs) {
    const failure = isListed(need.encoder, facts) ? describeMissingDevice(need, facts) : undefined
    if (failure !== undefined) results.set(toEncoderKey(need), { failure })
  }
  const missing = needs.filter((need) => !results.has(toEncoderKey(need)) && isListed(need.encoder, facts))
  const learned: RememberedTrial[] = []
  const isSoftware = ({ encoder }: EncoderNeed): boolean => hardwareKindOf(encoder) === undefined
  await Promise.all([
    // One after the other: each fills the cores, and how fast it is can be held against other hosts.
    mapConcurrently(missing.filter(isSoftware), 1, tryOne),
    mapConcurrently(
      missing.filter((need) => !isSoftware(need)),
      Math.min(Math.max(TRIALS_AT_ONCE.least, facts.cores), TRIALS_AT_ONCE.most),
      tryOne,
    ),
  ])
  memory.rememberTrials(place, learned)
  return results

  async function tryOne(need: EncoderNeed): Promise<void> {
    const trial = await tryEncoder(host, facts, need, signal)
    if (trial === undefined) return
    const encoder = toEncoderKey(need)
    const { status, stderr, isTimeout, pointsPerSecond } = trial
    // A card that is busy with other encodes is a card that works; it may be less busy at the next look.
    if (!isTimeout && status !== 0 && isSessionLimit(stderr)) {
      results.set(encoder, { failure: null })
      return
    }
    // A driver that hangs is no use in this run; software that takes so long is only slow.
    const isOnlySlow = isTimeout && isSoftware(need)
    const result = { failure: isOnlySlow ? null : describeFailure(trial), pointsPerSecond }
    results.set(encoder, result)
    if (!isTimeout || isOnlySlow) learned.push({ encoder, ...result, triedAtMs: now() })
  }
}

/** Whether this ffmpeg has an encoder of that name, or one for a codec of that name. */
export function isListed(encoder: string, { encoders, codecs = [] }: HostFacts): boolean {
  return encoders.includes(encoder) || codecs.includes(encoder)
}

/** Where what is learned of a host's ffmpeg holds. */
export function toPlace(config: HostConfig, { ffmpegPath, ffmpegVersion }: HostFacts): TrialPlace {
  return { host: toMachine(config), ffmpegPath, ffmpegVersion }
}

/** What reaches the host. */
export function toMachine({ type, user, address, name, port, env }: HostConfig): string {
  const machine = type === 'local' ? `this machine (${hostname()})` : `${user ?? ''}@${address ?? name}:${port ?? ''}`
  // One machine may be two hosts: CUDA_VISIBLE_DEVICES and the like choose the card.
  const variables = Object.entries(env).map(([variable, value]) => ` ${variable}=${value}`)
  return machine + variables.sort().join('')
}

function describeFailure({ status, stderr, isTimeout }: EncoderTrial): string | null {
  if (isTimeout) return 'it did not encode one second of picture within 30 s'
  return status === 0 ? null : describeFfmpegFailure(stderr, status)
}
