/**
 * `encode hosts`: looks at every host from end to end (the way there, the login, ffmpeg, encoders, room, media, clock), all side by
 * side, and says what is wrong and how it is cured. Nothing is changed on any host.
 */

import type { Clock } from '../../core/clock.ts'
import { describeError, type EncodeError, isEncodeError } from '../../core/errors.ts'
import { formatBytes, formatDuration } from '../../core/units.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'
import type { EncoderReport, HostProblem, HostReport } from '../../model/host-report.ts'
import type { TryUsualEncoders } from '../encoders/try-usual-encoders.ts'
import { selectUsualEncoders } from '../encoders/usual-encoders.ts'
import type { HostSpeeds } from '../hosts/host-memory.ts'
import { type AskedHost, askHost } from './ask-host.ts'
import { type ClockDifference, measureClock } from './clock-difference.ts'
import { findMediaSample, type MediaSample } from './media-sample.ts'
import { checkSight, type Sight } from './media-sight.ts'

export interface DoctorOptions {
  /** By cluster; disabled hosts too, which are listed and left alone. */
  readonly hosts: ReadonlyMap<string, readonly HostConfig[]>
  /** Absolute. What mounted hosts are to see; empty = the folders of their path substitutions. */
  readonly paths: readonly string[]
  readonly createHost: (config: HostConfig) => Host
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly speeds: HostSpeeds
  /** Tries encoders for real; without it they are told as listed. */
  readonly tryEncoders?: TryUsualEncoders | undefined
  /** Told as soon as a host is done. */
  readonly onReport?: ((report: HostReport) => void) | undefined
}

/** In the configuration's order. Rejects with the signal's reason. */
export async function examineHosts(options: DoctorOptions): Promise<readonly HostReport[]> {
  const { signal, onReport } = options
  const findSample = createSampler()
  const all = [...options.hosts].flatMap(([cluster, configs]) => configs.map((config) => ({ cluster, config })))
  const reports = await Promise.all(
    all.map(async ({ cluster, config }) => {
      const report = await examineHost(cluster, config, findSample, options)
      signal.throwIfAborted()
      onReport?.(report)
      return report
    }),
  )
  return reports
}

/** Those of the clusters in which no host can be used. */
export function findDeadClusters(clusters: Iterable<string>, reports: readonly HostReport[]): readonly string[] {
  const living = new Set(reports.filter(({ state }) => state === 'usable').map(({ cluster }) => cluster))
  return [...clusters].filter((cluster) => !living.has(cluster))
}

/** Beyond this, times in logs and of files mislead. */
const MAX_CLOCK_SECONDS = 2
/** Media that travels needs room for a source and its result; below the first a film may fail, below the second anything does. */
const SCARCE_BYTES = 5e9
const FULL_BYTES = 100e6

async function examineHost(
  cluster: string,
  config: HostConfig,
  findSample: (path: string) => Promise<MediaSample>,
  options: DoctorOptions,
): Promise<HostReport> {
  const { clock, signal } = options
  if (!config.isEnabled) return toReport(cluster, config, undefined, {})
  const host = options.createHost(config)
  let asked: AskedHost | undefined
  try {
    asked = await askHost(host, signal)
    if (asked.isLoggedIn !== true || asked.errors.some((error) => error.code === 'HOST_UNSUPPORTED')) {
      return toReport(cluster, config, asked, {})
    }
    const speed = options.speeds(cluster, config.name)
    const difference = config.type === 'local' ? undefined : await measureClock(host, clock, signal)
    const samples = await Promise.all(placesToSee(config, options.paths).map(findSample))
    const sights = await Promise.all(samples.map((sample) => checkSight(host, sample, signal)))
    const encoders = await listEncoders(host, asked, options)
    return toReport(cluster, config, asked, { speed, difference, sights, encoders })
  } catch (error) {
    signal.throwIfAborted()
    if (asked === undefined || !isEncodeError(error)) throw error
    // The host was lost on the way.
    return toReport(cluster, config, { ...asked, errors: [...asked.errors, error] }, {})
  } finally {
    await host[Symbol.asyncDispose]().catch(() => {})
  }
}

function placesToSee(config: HostConfig, paths: readonly string[]): readonly string[] {
  if (config.type !== 'mounted') return []
  return paths.length > 0 ? paths : config.pathSubstitutions.map(({ from }) => (from.length > 1 ? from.replace(/\/+$/, '') : from))
}

/** Hosts share the samples: this machine looks into each folder once. */
function createSampler(): (path: string) => Promise<MediaSample> {
  const samples = new Map<string, Promise<MediaSample>>()
  return async (path) => {
    const known = samples.get(path) ?? findMediaSample(path)
    samples.set(path, known)
    return await known
  }
}

async function listEncoders(host: Host, asked: AskedHost, { tryEncoders, signal }: DoctorOptions): Promise<readonly EncoderReport[]> {
  const { facts, answer } = asked
  if (facts !== undefined && tryEncoders !== undefined) return await tryEncoders(host, facts, signal)
  const listed = facts?.encoders ?? answer?.encoders ?? []
  return selectUsualEncoders(listed).map((name) => ({ name, state: 'listed', reason: undefined }))
}

interface Examination {
  readonly speed?: number | undefined
  readonly difference?: ClockDifference | undefined
  readonly sights?: readonly Sight[]
  readonly encoders?: readonly EncoderReport[]
}

function toReport(cluster: string, config: HostConfig, asked: AskedHost | undefined, examination: Examination): HostReport {
  const { difference, speed, sights = [], encoders = [] } = examination
  const said = asked?.facts ?? asked?.answer
  const problems = [
    ...(asked?.errors ?? []).map(toProblem),
    ...findSpaceProblems(config, said?.freeBytes),
    ...judgeSights(sights),
    ...findClockProblems(config, difference),
    ...(asked?.facts === undefined ? [] : findUntold(config, asked.facts, difference)),
  ]
  const isUsable = asked !== undefined && problems.every(({ isFatal }) => !isFatal)
  return {
    cluster,
    host: config.name,
    type: config.type,
    state: config.isEnabled ? (isUsable ? 'usable' : 'unusable') : 'disabled',
    isReachable: asked?.isReachable,
    isLoggedIn: asked?.isLoggedIn,
    os: said?.os,
    arch: said?.arch,
    cores: said?.cores,
    memoryBytes: said?.memoryBytes,
    ffmpegPath: said?.ffmpegPath,
    ffmpegVersion: said?.ffmpegVersion,
    hasFfmpeg: said === undefined ? undefined : said.ffmpegVersion !== undefined,
    hwaccels: said?.hwaccels ?? [],
    encoders,
    workingDir: said?.workingDir,
    isWorkingDirWritable: said === undefined ? undefined : !problems.some(({ code }) => code === 'HOST_FOLDER_UNUSABLE'),
    freeBytes: said?.freeBytes,
    media: sights.map(({ path, hostPath, isSeen }) => ({ path, hostPath, isSeen })),
    clock: difference,
    speedBytesPerSecond: speed,
    problems,
  }
}

function toProblem(error: EncodeError): HostProblem {
  const cure = error.hint ?? (error.cause === undefined ? undefined : describeError(error.cause))
  return { code: error.code, isFatal: true, message: error.message, cure }
}

/** One mount of several may be missing: the host still takes files of the others. */
function judgeSights(sights: readonly Sight[]): readonly HostProblem[] {
  const seesAny = sights.some(({ isSeen }) => isSeen === true)
  return sights.flatMap(({ problem }) => (problem === undefined ? [] : [{ ...problem, isFatal: problem.isFatal && !seesAny }]))
}

function findSpaceProblems({ name, type }: HostConfig, freeBytes: number | undefined): readonly HostProblem[] {
  if (freeBytes === undefined || type === 'local' || freeBytes >= SCARCE_BYTES) return []
  const isFatal = type === 'streaming' && freeBytes < FULL_BYTES
  const message = `Host "${name}" has ${formatBytes(freeBytes)} free in its working folder${type === 'streaming' ? ', where each film and its result must fit' : ''}`
  return [{ code: 'SPACE_LOW', isFatal, message, cure: `Make room there, or set "working_dir:" of host "${name}" to a folder with more` }]
}

function findClockProblems({ name }: HostConfig, difference: ClockDifference | undefined): readonly HostProblem[] {
  if (difference === undefined) return []
  const { differenceSeconds, errorSeconds } = difference
  const apart = Math.abs(differenceSeconds)
  if (apart <= MAX_CLOCK_SECONDS || apart <= errorSeconds) return []
  const message = `The clock of host "${name}" is ${formatDuration(apart)} ${differenceSeconds > 0 ? 'ahead' : 'behind'}`
  return [{ code: 'CLOCK_WRONG', isFatal: false, message, cure: 'Let it follow a time server (NTP), or correct the clock of this machine' }]
}

/** Windows has no tool for either that is always there. */
function findUntold({ name }: HostConfig, { os, memoryBytes }: HostFacts, difference: ClockDifference | undefined): readonly HostProblem[] {
  if (os !== 'windows' || (memoryBytes !== undefined && difference !== undefined)) return []
  const missing = [...(memoryBytes === undefined ? ['its memory'] : []), ...(difference === undefined ? ['its clock'] : [])]
  const message = `Host "${name}" tells nothing of ${missing.join(' and ')}: neither PowerShell nor wmic does that there`
  const cure = 'Let this user run PowerShell there, or add wmic: "DISM /Online /Add-Capability /CapabilityName:WMIC~~~~"'
  return [{ code: 'FACTS_MISSING', isFatal: false, message, cure }]
}
