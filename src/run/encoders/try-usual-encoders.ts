/** Tries the encoders that people choose hosts for, for real and anew: whoever asks wants to know what works now. */

import type { Host, HostFacts } from '../../host/host.ts'
import type { EncoderReport } from '../../model/host-report.ts'
import { type TrialMemory, tryEncoders } from './encoder-trials.ts'
import { selectUsualEncoders } from './usual-encoders.ts'

export type TryUsualEncoders = (host: Host, facts: HostFacts, signal: AbortSignal) => Promise<readonly EncoderReport[]>

/** @param memory where the next run finds what was learned. */
export function createEncoderTrial(options: { readonly memory: TrialMemory; readonly now: () => number }): TryUsualEncoders {
  return async (host, facts, signal) => {
    const names = selectUsualEncoders(facts.encoders)
    const needs = names.map((encoder) => ({ encoder, kind: 'video' }) as const)
    const results = await tryEncoders(host, facts, needs, { ...options, signal, isFresh: true })
    return names.map((name) => {
      const failure = results.get(name)?.failure
      if (failure === undefined) return { name, state: 'listed', reason: undefined }
      return failure === null ? { name, state: 'works', reason: undefined } : { name, state: 'fails', reason: failure }
    })
  }
}

/** For those who have no ledger. */
export const NO_MEMORY: TrialMemory = { recallTrials: () => [], rememberTrials: () => {} }
