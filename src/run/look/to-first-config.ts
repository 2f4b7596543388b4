/** What a survey found → the hosts of a first configuration, in words for its reader. */

import type { FirstHost } from '../../config/render-first-config.ts'
import { describeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import { formatBytes } from '../../core/units.ts'
import type { HostFacts } from '../../host/host.ts'
import type { EncoderReport } from '../../model/host-report.ts'
import { toAutoQueues } from '../encoders/worker-spec.ts'
import type { SurveyedHost } from './survey-hosts.ts'

export function toFirstHost(surveyed: SurveyedHost): FirstHost {
  const { name, address, port, user } = surveyed.config
  if (surveyed.kind === 'down') {
    const reason = toPlainLine(describeError(surveyed.error), 1000)
    const notes = [
      `"${name}" cannot be used now: ${reason}.`,
      'When it can, take the "# " of the lines below away; "encode hosts" tells how it is.',
    ]
    return { name, address, port, user, notes, found: undefined }
  }
  const { facts, encoders, type, reason, substitution } = surveyed
  const slots = toAutoQueues({ facts, trials: new Map() })._default ?? 1
  const slotsReason = `jobs at a time: ${facts.cores} cores are kept busy by ${slots === 1 ? 'one' : `${slots}`}`
  return {
    name,
    address,
    port,
    user,
    notes: [describeMachine(facts), ...describeEncoders(encoders)],
    found: { type, typeReason: reason, substitution, slots, slotsReason },
  }
}

const SYSTEMS = { linux: 'Linux', macos: 'macOS', windows: 'Windows', freebsd: 'FreeBSD', openbsd: 'OpenBSD', netbsd: 'NetBSD' } as const

function describeMachine({ os, arch, cores, memoryBytes, ffmpegVersion, ffmpegPath }: HostFacts): string {
  const memory = memoryBytes === undefined ? [] : [`${formatBytes(memoryBytes)} of memory`]
  const machine = [`${SYSTEMS[os]} ${toPlainLine(arch)}`, `${cores} ${cores === 1 ? 'core' : 'cores'}`, ...memory].join(', ')
  return `${machine}; ffmpeg ${toPlainLine(ffmpegVersion)} (${toPlainLine(ffmpegPath)}).`
}

/** Those that fail on hardware that is not there are no news. */
function describeEncoders(encoders: readonly EncoderReport[]): readonly string[] {
  const named = (state: EncoderReport['state']): string =>
    encoders.flatMap((encoder) => (encoder.state === state ? [encoder.name] : [])).join(', ')
  const [working, untried] = [named('works'), named('listed')]
  return [
    `Encoders that work: ${working === '' ? 'none of the usual ones' : working}.`,
    ...(untried === '' ? [] : [`Encoders that ffmpeg lists, not tried: ${untried}.`]),
  ]
}
