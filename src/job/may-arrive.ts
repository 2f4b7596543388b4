/** Whether ffmpeg may read a source while it still travels: once, from a port, instead of from a file. */

import { listCopied } from '../media/expect-picture.ts'
import { expectResult } from '../media/expect-result.ts'
import type { JobPlan } from '../model/plan.ts'

/** ffmpeg's names of containers that were seen to give the same packets this way; one file each, no other beside it. */
const CONTAINERS: ReadonlySet<string> = new Set(['matroska', 'mov', 'mpegts', 'mpeg', 'avi', 'flv'])

/** Options of a source that are about how it is reached, or have it read twice. */
const READING_OPTIONS =
  /^-(?:f|i|stream_loop|protocol_whitelist|protocol_blacklist|safe|pattern_type|seekable|multiple_requests|headers|http_proxy|user_agent|enable_drefs|use_absolute_path|pass|passlogfile)(?::.*)?$/

export function mayArrive({ source, profile, arguments: args, covers = [] }: JobPlan): boolean {
  if (!source.container.split(',').some((name) => CONTAINERS.has(name))) return false
  // Both read the source on their own.
  if (covers.length > 0 || (profile.verify === 'full' && listCopied(args).size > 0)) return false
  if (args.input.some((option) => READING_OPTIONS.test(option)) || args.output.some((option) => /^-pass(?:logfile)?(?::|$)/.test(option))) {
    return false
  }
  // A source that broke off must show in its result, whatever else may fail to notice it; and what wants a part alone stops before the end.
  return profile.verify !== 'off' && expectResult(source, args, profile.extension).durationSeconds !== undefined
}
