/** What a host says of itself and what was tried on it → labels, slots and abilities, as the scheduler weighs them. */

import { isSmallMachine } from '../../host/facts/small-machine.ts'
import type { HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'
import { type HardwareKind, hardwareKindOf } from '../../model/encoder.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import { isListed, type TrialResults } from './encoder-trials.ts'

export interface HostAbilities {
  readonly facts: HostFacts
  readonly trials: TrialResults
}

/** Without abilities the host was never up: it may turn out to have anything. */
export function toWorkerSpec(cluster: string, config: HostConfig, abilities: HostAbilities | undefined): WorkerSpec {
  const { name, profiles, maxJobs, hasAutoQueues = false } = config
  const spec = { cluster, name, profiles, maxJobs, isStreaming: config.type === 'streaming' }
  if (abilities === undefined) return { ...spec, queues: hasAutoQueues ? undefined : config.queues }
  return {
    ...spec,
    // What a person wrote counts.
    maxJobs: hasAutoQueues && isSmallMachine(abilities.facts) ? (maxJobs ?? 1) : maxJobs,
    queues: hasAutoQueues ? toAutoQueues(abilities) : config.queues,
    traits: { labels: new Set(listLabels(config, abilities)), lacks: (need) => describeLack(need, abilities) },
  }
}

/** Words that mean the same machine: Linux and macOS name one architecture differently. */
const ARCHITECTURES: readonly (readonly string[])[] = [
  ['x86_64', 'amd64', 'x64'],
  ['aarch64', 'arm64'],
]

/** The host's own, then those that it has by itself: system, architecture, name, encoders, `gpu`. */
export function listLabels(config: HostConfig, { facts, trials }: HostAbilities): readonly string[] {
  const working = [...trials].filter(([, { failure }]) => failure === null).map(([key]) => toEncoderName(key))
  const tried = new Set([...trials.keys()].map(toEncoderName))
  const untried = facts.encoders.filter((encoder) => !tried.has(encoder))
  const hasGpu = working.some((encoder) => hardwareKindOf(encoder) !== undefined)
  const architectures = ARCHITECTURES.find((words) => words.includes(facts.arch)) ?? [facts.arch]
  return [...config.labels, facts.os, ...architectures, config.name, ...working, ...untried, ...(hasGpu ? ['gpu'] : [])]
}

/** Cores that one encode in software keeps busy, more or less. */
const CORES_A_JOB = 8
/** One encode waits for its source and for decoding; a second one fills the gaps. More would only share. */
const JOBS_A_GPU = 2
const QUEUES_OF: Readonly<Partial<Record<HardwareKind, readonly string[]>>> = { nvenc: ['cuda', 'nvenc'] }

/** `queues: auto`: `_default` by cores, and a queue for each kind of hardware that works. */
export function toAutoQueues({ facts, trials }: HostAbilities): Readonly<Record<string, number>> {
  const queues: Record<string, number> = { _default: Math.max(1, Math.round((facts.fastCores ?? facts.cores) / CORES_A_JOB)) }
  for (const [key, { failure }] of trials) {
    const kind = failure === null ? hardwareKindOf(toEncoderName(key)) : undefined
    for (const queue of kind === undefined ? [] : (QUEUES_OF[kind] ?? [kind])) queues[queue] = JOBS_A_GPU
  }
  return queues
}

/** An encoder that was not tried counts as listed. */
function describeLack(key: string, { facts, trials }: HostAbilities): string | undefined {
  const failure = trials.get(key)?.failure
  if (failure === null) return undefined
  if (!isListed(toEncoderName(key), facts)) return `has no encoder "${toEncoderName(key)}" (ffmpeg ${facts.ffmpegVersion})`
  return failure === undefined ? undefined : `cannot use the encoder "${key}" (${failure})`
}

function toEncoderName(key: string): string {
  return key.split(' ', 1)[0] ?? key
}
