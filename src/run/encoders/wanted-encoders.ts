/** What has to be known of a host's encoders before its first job: those that the jobs name, and those that labels and slots hang on. */

import type { HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'
import { type EncoderNeed, hardwareKindOf, toEncoderKey } from '../../model/encoder.ts'
import type { JobPlan, PlanVariant } from '../../model/plan.ts'
import { listEncoders } from '../../profile/list-encoders.ts'
import { toVariants } from '../to-ticket.ts'

export interface WantedEncoders {
  readonly needs: readonly EncoderNeed[]
  /** Every label that some job asks for. */
  readonly labels: ReadonlySet<string>
  /** A job of each profile. */
  readonly samples: readonly JobPlan[]
}

/** One of each kind of hardware; where it works, so do its siblings for older codecs. */
const SAMPLES: readonly string[] = ['nvenc', 'qsv', 'vaapi', 'videotoolbox', 'amf', 'v4l2m2m', 'rkmpp'].map((kind) => `h264_${kind}`)

/** What is wanted so far, a run's jobs added as they turn up. */
export interface WantedCollector extends WantedEncoders {
  /** False where it wants nothing that was not wanted before. */
  add(plan: JobPlan): boolean
}

export function collectWanted(): WantedCollector {
  const needs = new Map<string, EncoderNeed>()
  const labels = new Set<string>()
  const samples = new Map<string, JobPlan>()
  /** Plans share their variants: most have nothing new. */
  const seen = new WeakSet<readonly PlanVariant[]>()
  return {
    labels,
    get needs() {
      return [...needs.values()]
    },
    get samples() {
      return [...samples.values()]
    },
    add(plan) {
      const variants = toVariants(plan)
      if (seen.has(variants)) return false
      seen.add(variants)
      const before = needs.size + labels.size + samples.size
      if (!samples.has(plan.profile.name)) samples.set(plan.profile.name, plan)
      for (const variant of variants) {
        for (const need of listEncoders(variant.arguments)) needs.set(toEncoderKey(need), need)
        for (const label of [...variant.labels.require, ...variant.labels.any, ...variant.labels.prefer]) labels.add(label)
      }
      return needs.size + labels.size + samples.size > before
    },
  }
}

/**
 * For one host: `gpu` and `queues: auto` want to know of all its hardware. Software works where it is listed: its trial tells how fast
 * the host is, for whoever has a choice of hosts.
 */
export function toNeeds(
  { needs, labels }: WantedEncoders,
  config: HostConfig,
  facts: HostFacts,
  wantsSpeed: boolean,
): readonly EncoderNeed[] {
  const own = needs.filter(({ encoder, kind }) => hardwareKindOf(encoder) !== undefined || (wantsSpeed && kind === 'video'))
  const named = facts.encoders.filter((encoder) => labels.has(encoder) && hardwareKindOf(encoder) !== undefined)
  const samples = config.hasAutoQueues === true || labels.has('gpu') ? SAMPLES.filter((encoder) => facts.encoders.includes(encoder)) : []
  const more = [...new Set([...named, ...samples])].map((encoder): EncoderNeed => ({ encoder, kind: 'video' }))
  return [...own, ...more.filter(({ encoder }) => !own.some((need) => toEncoderKey(need) === encoder))]
}
