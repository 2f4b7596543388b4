/** Which hosts could take a job, by what the configuration says of them alone. */

import { quoteAll } from '../../core/text.ts'
import type { HostConfig } from '../../model/config.ts'
import type { PlanVariant, Profile } from '../../model/plan.ts'
import { mapPath } from '../../transfer/map-path.ts'

export interface HostVerdict {
  readonly host: string
  readonly type: HostConfig['type']
  /** `perhaps`: it depends on what the host says of itself when it is asked. */
  readonly verdict: 'could' | 'perhaps' | 'could not'
  /** Every reason against it; for `perhaps` what is not known. */
  readonly reasons: readonly string[]
  /** In the order of the profile; the host takes the first that works there. */
  readonly variants: readonly HostVariant[]
  /** How a mounted host reads the source; undefined for others. */
  readonly sourcePath: string | undefined
}

export interface HostVariant {
  readonly name: string
  /** Undefined where the host finds its queues for itself. */
  readonly queue: string | undefined
  readonly slots: number | undefined
}

export interface ExplainHostsOptions {
  readonly hosts: readonly HostConfig[]
  /** `--host`; empty = all. */
  readonly onlyHosts: readonly string[]
}

/** Each is one a host has by its system alone. */
const SYSTEM_LABELS: readonly string[] = ['linux', 'macos', 'windows', 'freebsd', 'openbsd', 'netbsd'] satisfies readonly HostConfig['os'][]

export function explainHosts(
  profile: Profile,
  variants: readonly PlanVariant[],
  source: string,
  { hosts, onlyHosts }: ExplainHostsOptions,
): readonly HostVerdict[] {
  return hosts.map((host) => {
    const against = [
      ...(host.isEnabled ? [] : ['it is disabled']),
      ...(onlyHosts.length > 0 && !onlyHosts.includes(host.name) ? ['--host names others'] : []),
      ...(host.profiles !== undefined && !host.profiles.includes(profile.name)
        ? [`its list of profiles lacks "${profile.name}" (${host.profiles.join(', ')})`]
        : []),
    ]
    const judged = variants.map((variant) => ({ variant, ...judgeVariant(variant, host) }))
    const possible = judged.filter(({ obstacles }) => obstacles.length === 0)
    const certain = possible.filter(({ doubts }) => doubts.length === 0)
    // Of several variants the last one asks for least.
    const reasons = [...against, ...(possible.length > 0 ? [] : (judged.at(-1)?.obstacles ?? []))]
    const doubts = certain.length > 0 ? [] : (possible.at(-1)?.doubts ?? [])
    return {
      host: host.name,
      type: host.type,
      verdict: reasons.length > 0 ? 'could not' : doubts.length > 0 ? 'perhaps' : 'could',
      reasons: reasons.length > 0 ? reasons : doubts,
      variants: reasons.length > 0 ? [] : possible.map(({ variant }) => toHostVariant(variant, host)),
      sourcePath: host.type === 'mounted' ? mapPath(source, host.pathSubstitutions) : undefined,
    }
  })
}

interface Judgement {
  readonly obstacles: readonly string[]
  readonly doubts: readonly string[]
}

function judgeVariant(variant: PlanVariant, host: HostConfig): Judgement {
  const { require, any } = variant.labels
  const lacking = require.filter((label) => !hasLabel(host, label))
  const isAnyLacking = any.length > 0 && !any.some((label) => hasLabel(host, label))
  const cannotHave = (label: string): boolean => host.os !== undefined && SYSTEM_LABELS.includes(label)
  const queue = findQueue(variant, host)
  const obstacles = [
    ...(queue === undefined && host.hasAutoQueues !== true
      ? [`it has no queue ${quoteAll(variant.queues, 'or')}, only ${quoteAll(Object.keys(host.queues), 'and')}`]
      : []),
    ...(lacking.some(cannotHave) ? [`it is no ${lacking.filter(cannotHave).join(' and no ')} host`] : []),
  ]
  const doubts = [
    ...(lacking.length > 0 ? [`whether it has ${quoteAll(lacking, 'and')}, as the profile requires, only it can tell`] : []),
    ...(isAnyLacking ? [`whether it has one of ${quoteAll(any, 'and')}, as the profile wants, only it can tell`] : []),
  ]
  return { obstacles, doubts }
}

/** Those that are written or follow from what is written; a host has more by itself: architecture, encoders, `gpu`. */
function hasLabel({ labels, name, os }: HostConfig, label: string): boolean {
  return labels.includes(label) || name === label || os === label
}

function findQueue({ queues }: PlanVariant, host: HostConfig): string | undefined {
  return queues.find((queue) => (host.queues[queue] ?? 0) > 0)
}

function toHostVariant(variant: PlanVariant, host: HostConfig): HostVariant {
  const queue = host.hasAutoQueues === true ? undefined : findQueue(variant, host)
  return { name: variant.name, queue, slots: queue === undefined ? undefined : host.queues[queue] }
}
