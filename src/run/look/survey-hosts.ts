/** `encode init`: opens the hosts that were chosen, side by side, and finds out how each could take part: mounted, streaming or not at all. */

import { type EncodeError, isEncodeError } from '../../core/errors.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { HostConfig, HostType, PathSubstitution } from '../../model/config.ts'
import type { EncoderReport } from '../../model/host-report.ts'
import type { TryUsualEncoders } from '../encoders/try-usual-encoders.ts'
import { findMediaSample, type MediaSample } from './media-sample.ts'
import { checkSight } from './media-sight.ts'

export type SurveyedHost = HostThatAnswers | HostThatFails

export interface HostThatAnswers {
  readonly kind: 'up'
  readonly config: HostConfig
  readonly facts: HostFacts
  readonly encoders: readonly EncoderReport[]
  readonly type: HostType
  /** For a host that sees the media folder under another path. */
  readonly substitution: PathSubstitution | undefined
  /** How its type was found out, for a comment. */
  readonly reason: string
}

export interface HostThatFails {
  readonly kind: 'down'
  readonly config: HostConfig
  readonly error: EncodeError
}

export interface SurveyOptions {
  readonly hosts: readonly HostConfig[]
  /** Absolute folder of this machine; hosts that see it can do without sending media. */
  readonly mediaFolder: string | undefined
  /** Other paths under which hosts may see it. */
  readonly hostPaths: readonly string[]
  readonly createHost: (config: HostConfig) => Host
  readonly signal: AbortSignal
  readonly tryEncoders: TryUsualEncoders
  readonly onAnswer: (host: string) => void
  /** Asked for each host that does not see the folder under a known path, one after the other; undefined = it does not see it. */
  readonly askHostPath?: ((host: string, mediaFolder: string) => Promise<string | undefined>) | undefined
}

/** In the order given. Rejects with the signal's reason. */
export async function surveyHosts(options: SurveyOptions): Promise<readonly SurveyedHost[]> {
  const { mediaFolder, signal, askHostPath } = options
  const sample = mediaFolder === undefined ? undefined : await findMediaSample(mediaFolder)
  const hosts = options.hosts.map((config) => ({ config, host: options.createHost(config) }))
  try {
    const surveyed = await Promise.all(
      hosts.map(async ({ config, host }) => {
        const found = await surveyHost(host, config, sample, options)
        options.onAnswer(config.name)
        return { host, found }
      }),
    )
    const results: SurveyedHost[] = []
    for (const { host, found } of surveyed) {
      if (
        askHostPath === undefined ||
        mediaFolder === undefined ||
        sample?.kind !== 'file' ||
        found.kind === 'down' ||
        found.type !== 'streaming'
      ) {
        results.push(found)
      } else {
        const asked = await askHostPath(host.config.name, mediaFolder)
        results.push(asked === undefined ? found : await lookAgain(host, found, { from: mediaFolder, to: asked }, sample, signal))
      }
    }
    return results
  } finally {
    await Promise.all(hosts.map(({ host }) => host[Symbol.asyncDispose]().catch(() => {})))
  }
}

async function surveyHost(
  host: Host,
  config: HostConfig,
  sample: MediaSample | undefined,
  { mediaFolder, hostPaths, signal, tryEncoders }: SurveyOptions,
): Promise<SurveyedHost> {
  try {
    const facts = await host.open(signal, { changesNothing: true })
    const encoders = await tryEncoders(host, facts, signal)
    const up = { kind: 'up', config, facts, encoders, substitution: undefined } as const
    if (config.type === 'local') return { ...up, type: 'local', reason: 'this machine' }
    if (mediaFolder === undefined || sample === undefined) {
      return { ...up, type: 'streaming', reason: 'media travels over SSH; "mounted" if this host sees it itself' }
    }
    if (sample.kind !== 'file') {
      return { ...up, type: 'streaming', reason: `${mediaFolder} holds no file by which it could be told whether this host sees it` }
    }
    let nearMiss: string | undefined
    for (const to of [mediaFolder, ...hostPaths]) {
      const sight = await look(host, { from: mediaFolder, to }, sample, signal)
      if (sight.isMounted) return { ...up, type: 'mounted', ...describeMount(mediaFolder, to) }
      nearMiss ??= sight.nearMiss
    }
    return { ...up, type: 'streaming', reason: nearMiss ?? `does not see ${mediaFolder}` }
  } catch (error) {
    signal.throwIfAborted()
    if (isEncodeError(error)) return { kind: 'down', config, error }
    throw error
  }
}

async function lookAgain(
  host: Host,
  found: HostThatAnswers,
  substitution: PathSubstitution,
  sample: MediaSample,
  signal: AbortSignal,
): Promise<SurveyedHost> {
  const { isMounted, nearMiss } = await look(host, substitution, sample, signal)
  const { from, to } = substitution
  if (isMounted) return { ...found, type: 'mounted', ...describeMount(from, to) }
  return { ...found, reason: nearMiss ?? `does not see ${from}, nor is it ${to} there` }
}

async function look(
  host: Host,
  substitution: PathSubstitution,
  sample: MediaSample,
  signal: AbortSignal,
): Promise<{ readonly isMounted: boolean; readonly nearMiss: string | undefined }> {
  const config = { ...host.config, pathSubstitutions: [substitution] }
  const { isSeen, problem } = await checkSight({ config, statFile: host.statFile, run: host.run }, sample, signal)
  // Results are written beside their sources.
  if (isSeen === true && problem !== undefined) return { isMounted: false, nearMiss: `sees ${substitution.to} but cannot write there` }
  return { isMounted: isSeen === true, nearMiss: undefined }
}

function describeMount(from: string, to: string): Pick<HostThatAnswers, 'substitution' | 'reason'> {
  return from === to
    ? { substitution: undefined, reason: `sees ${from} itself` }
    : { substitution: { from, to }, reason: `sees ${from} as ${to}` }
}
