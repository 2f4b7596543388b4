/** A planned job as the scheduler sees it. */

import { toEncoderKey } from '../model/encoder.ts'
import type { JobPlan, PlanVariant } from '../model/plan.ts'
import { listEncoders } from '../profile/list-encoders.ts'
import type { JobForm, ScheduledJob } from '../scheduler/job-form.ts'

export interface Ticket extends ScheduledJob {
  readonly plan: JobPlan
}

export function toTicket(plan: JobPlan): Ticket {
  const video = plan.source.streams.find((stream) => stream.kind === 'video' && !stream.isAttachedPicture)
  const pixels = (video?.width ?? 0) * (video?.height ?? 0)
  return {
    id: plan.id,
    cluster: plan.cluster,
    profile: plan.profile.name,
    forms: toForms(toVariants(plan)),
    // Media seconds by picture size: what an encoder's time grows with.
    work: Math.max(1, plan.source.durationSeconds) * Math.max(1, pixels),
    sizeClass: toSizeClass(pixels),
    // Nobody knows the result's size; half is what profiles usually make of a source.
    transferBytes: plan.source.sizeBytes * 1.5,
    plan,
  }
}

/** SD, HD, full HD, UHD and beyond: encoders are not equally fast for the same number of pixels. */
function toSizeClass(pixels: number): string {
  if (pixels <= 1024 * 576) return 'sd'
  if (pixels <= 1280 * 800) return 'hd'
  return pixels <= 2048 * 1200 ? 'full-hd' : 'uhd'
}

/** Never empty. */
export function toVariants({ variants = [], profile, arguments: own }: JobPlan): readonly PlanVariant[] {
  if (variants.length > 0) return variants
  return [{ name: profile.name, arguments: own, queues: [profile.queue], labels: { require: [], any: [], prefer: [] } }]
}

/** The job as it is done in one of its forms. */
export function withForm(plan: JobPlan, { name }: JobForm): JobPlan {
  const variant = toVariants(plan).find((candidate) => candidate.name === name)
  return variant === undefined ? plan : { ...plan, arguments: variant.arguments }
}

/** Plans share their variants, and so their forms. */
const formsOf = new WeakMap<readonly PlanVariant[], readonly JobForm[]>()

function toForms(variants: readonly PlanVariant[]): readonly JobForm[] {
  const known = formsOf.get(variants)
  if (known !== undefined) return known
  const forms = variants.map(toForm)
  formsOf.set(variants, forms)
  return forms
}

function toForm(variant: PlanVariant): JobForm {
  return {
    name: variant.name,
    queues: variant.queues,
    needs: listEncoders(variant.arguments).map(toEncoderKey),
    labels: variant.labels,
  }
}
