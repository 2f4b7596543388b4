/** What has to be known of a host's encoders before its first job: those that the jobs name, and those that labels and slots hang on. */

import type { HostFacts } from '../host/host.ts'
import type { HostConfig } from '../model/config.ts'
import { type EncoderNeed, hardwareKindOf, toEncoderKey } from '../model/encoder.ts'
import type { JobPlan, PlanVariant } from '../model/plan.ts'
import { listEncoders } from '../profile/list-encoders.ts'
import { toVariants } from './to-ticket.ts'

export interface WantedEncoders {
  readonly needs: readonly EncoderNeed[]
  /** Every label that some job asks for. */
  readonly labels: ReadonlySet<string>
}

/** One of each kind of hardware; where it works, so do its siblings for older codecs. */
const SAMPLES: readonly string[] = ['nvenc', 'qsv', 'vaapi', 'videotoolbox', 'amf', 'v4l2m2m', 'rkmpp'].map((kind) => `h264_${kind}`)

/** What is wanted so far, a run's jobs added as they turn up; the jobs themselves are not kept. */
export interface WantedCollector extends WantedEncoders {
  /** False where it wants nothing that was not wanted before. */
  add(plan: JobPlan): boolean
}

export function collectWanted(): WantedCollector {
  const needs = new Map<string, EncoderNeed>()
  const labels = new Set<string>()
  /** Plans share their variants: most have nothing new. */
  const seen = new WeakSet<readonly PlanVariant[]>()
  return {
    labels,
    get needs() {
      return [...needs.values()]
    },
    add(plan) {
      const variants = toVariants(plan)
      if (seen.has(variants)) return false
      seen.add(variants)
      const before = needs.size + labels.size
      for (const variant of variants) {
        for (const need of listEncoders(variant.arguments)) needs.set(toEncoderKey(need), need)
        for (const label of [...variant.labels.require, ...variant.labels.any, ...variant.labels.prefer]) labels.add(label)
      }
      return needs.size + labels.size > before
    },
  }
}

/** For one host: `gpu` and `queues: auto` want to know of all its hardware. */
export function toNeeds({ needs, labels }: WantedEncoders, config: HostConfig, facts: HostFacts): readonly EncoderNeed[] {
  const named = facts.encoders.filter((encoder) => labels.has(encoder) && hardwareKindOf(encoder) !== undefined)
  const samples = config.hasAutoQueues === true || labels.has('gpu') ? SAMPLES.filter((encoder) => facts.encoders.includes(encoder)) : []
  const more = [...new Set([...named, ...samples])].map((encoder): EncoderNeed => ({ encoder, kind: 'video' }))
  return [...needs, ...more.filter(({ encoder }) => !needs.some((need) => toEncoderKey(need) === encoder))]
}
