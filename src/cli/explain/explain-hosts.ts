/** Which hosts could take a job, by what the configuration says of them alone. */

import type { HostConfig } from '../../model/config.ts'
import type { Profile } from '../../model/plan.ts'
import { mapPath } from '../../transfer/map-path.ts'

export interface HostVerdict {
  readonly host: string
  readonly type: HostConfig['type']
  readonly isAble: boolean
  /** Every reason against it; empty where it could. */
  readonly reasons: readonly string[]
  /** Slots of the profile's queue. */
  readonly slots: number
  /** How a mounted host reads the source; undefined for others. */
  readonly sourcePath: string | undefined
}

export interface ExplainHostsOptions {
  readonly hosts: readonly HostConfig[]
  /** `--host`; empty = all. */
  readonly onlyHosts: readonly string[]
}

export function explainHosts(profile: Profile, source: string, { hosts, onlyHosts }: ExplainHostsOptions): readonly HostVerdict[] {
  return hosts.map((host) => {
    const slots = host.queues[profile.queue] ?? 0
    const reasons = [
      ...(host.isEnabled ? [] : ['it is disabled']),
      ...(onlyHosts.length > 0 && !onlyHosts.includes(host.name) ? ['--host names others'] : []),
      ...(host.profiles !== undefined && !host.profiles.includes(profile.name)
        ? [`its list of profiles lacks "${profile.name}": ${host.profiles.join(', ')}`]
        : []),
      ...(slots > 0 ? [] : [`it has no queue "${profile.queue}"; its queues are ${Object.keys(host.queues).join(', ')}`]),
    ]
    return {
      host: host.name,
      type: host.type,
      isAble: reasons.length === 0,
      reasons,
      slots,
      sourcePath: host.type === 'mounted' ? mapPath(source, host.pathSubstitutions) : undefined,
    }
  })
}
