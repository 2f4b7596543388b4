/** What a survey found → the hosts of a first configuration, in words for its reader. */

import type { FirstHost } from '../config/render-first-config.ts'
import { describeError } from '../core/errors.ts'
import { toPlainLine } from '../core/text.ts'
import { formatBytes } from '../core/units.ts'
import type { HostFacts } from '../host/host.ts'
import type { SurveyedHost } from './survey-hosts.ts'
import { selectUsualEncoders } from './usual-encoders.ts'

/** An encoder of today keeps about so many cores busy with one film. */
const CORES_PER_JOB = 8

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
  const { facts, type, reason, substitution } = surveyed
  const slots = toSlots(facts)
  const slotsReason = `jobs at a time: ${facts.cores} cores are kept busy by ${slots === 1 ? 'one' : `${slots}`}`
  return { name, address, port, user, notes: describeFacts(facts), found: { type, typeReason: reason, substitution, slots, slotsReason } }
}

export function toSlots({ cores }: Pick<HostFacts, 'cores'>): number {
  return Math.max(1, Math.floor(cores / CORES_PER_JOB))
}

const SYSTEMS = { linux: 'Linux', macos: 'macOS', windows: 'Windows', freebsd: 'FreeBSD' } as const

function describeFacts(facts: HostFacts): readonly string[] {
  const { os, arch, cores, memoryBytes, ffmpegVersion, ffmpegPath, encoders } = facts
  const memory = memoryBytes === undefined ? [] : [`${formatBytes(memoryBytes)} of memory`]
  const machine = [`${SYSTEMS[os]} ${toPlainLine(arch)}`, `${cores} ${cores === 1 ? 'core' : 'cores'}`, ...memory].join(', ')
  const usual = selectUsualEncoders(encoders)
  return [
    `${machine}; ffmpeg ${toPlainLine(ffmpegVersion)} (${toPlainLine(ffmpegPath)}).`,
    `Encoders that ffmpeg lists (not tried): ${usual.length === 0 ? 'none of the usual ones' : usual.join(', ')}.`,
  ]
}
