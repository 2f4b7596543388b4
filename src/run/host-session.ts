/**
 * One host for as long as a run wants it: opened, watched, opened again after it was lost, closed clean.
 * The scheduler hears of each change; a job borrows what is open.
 */

import type { Clock } from '../core/clock.ts'
import { describeError, EncodeError, isEncodeError } from '../core/errors.ts'
import type { Host, HostFacts } from '../host/host.ts'
import type { HostConfig } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { Worker } from '../scheduler/worker.ts'
import { tellHostUp } from './tell-host-up.ts'

export interface HostSessionOptions {
  readonly cluster: string
  readonly config: HostConfig
  readonly createHost: (config: HostConfig) => Host
  readonly emit: Emit
  readonly clock: Clock
  /** Aborted when no new work is wanted: a host that is still being opened is given up. */
  readonly signal: AbortSignal
  readonly setState: (state: Worker['state']) => void
  /** A last look before the first job: rejects when the host cannot do this run's work. */
  readonly checkHost: (host: Host) => Promise<void>
  /** Finds out what it can do, after it has passed. */
  readonly learn: (host: Host, facts: HostFacts) => Promise<void>
  readonly runId: string
  readonly onWorkFolder: (path: string, isThere: boolean) => void
}

export interface OpenHost {
  readonly host: Host
  readonly facts: HostFacts
  /** The run's own folder on the host, made and guarded at the first call. */
  readonly workFolder: () => Promise<string>
}

export interface HostSession {
  readonly cluster: string
  readonly config: HostConfig
  /** Undefined while it is down. */
  current(): OpenHost | undefined
  /** Why the last attempt to open it failed. */
  readonly failure: EncodeError | undefined
  /** True once it was up in this run. */
  readonly wasUp: boolean
  /** A job found the host gone. */
  reportLost(reason: string): void
  /** Removes the work folder and closes the host. Never rejects. */
  close(): Promise<void>
}

/** Waits between attempts at a host that was lost; after the last one it counts as gone. */
const RETRY_DELAYS_MS = [1_000, 5_000, 10_000, 20_000, 40_000, 80_000, 120_000]

/** A host that does not answer must not hold up the end of a run; its own guard cleans up then. */
const CLOSE_TIMEOUT_MS = 3_000

export function openHostSession(options: HostSessionOptions): HostSession {
  const { config, cluster, emit, signal, clock } = options
  let open: OpenHost | undefined
  let folder: Promise<GuardedFolder> | undefined
  let failure: EncodeError | undefined
  let wasUp = false
  /** A folder for each time it comes up: the guard of a lost connection removes the old one when it likes. */
  let openings = 0
  let lost = Promise.withResolvers<string>()
  const closing = new AbortController()
  const wanted = AbortSignal.any([signal, closing.signal])
  const life = live()

  return {
    cluster,
    config,
    current: () => open,
    get failure() {
      return failure
    },
    get wasUp() {
      return wasUp
    },
    reportLost: (reason) => lost.resolve(reason),
    async close() {
      closing.abort()
      await life
      await closeOpen()
    },
  }

  async function live(): Promise<void> {
    for (let attempt = 0; !wanted.aborted; attempt += 1) {
      try {
        await openOnce()
      } catch (error) {
        if (wanted.aborted) return
        if (!(error instanceof EncodeError)) failure = new EncodeError('HOST_UNREACHABLE', describeError(error), { cause: error })
        else failure = error
        emit('host.down', { cluster, host: config.name, reason: describeError(failure) })
        const delayMs = wasUp && isTransient(failure) ? RETRY_DELAYS_MS[attempt] : undefined
        if (delayMs === undefined) {
          options.setState('gone')
          return
        }
        await clock.sleep(delayMs, wanted).catch(() => {})
        continue
      }
      attempt = -1
      const reason = await Promise.race([lost.promise, aborted(wanted)])
      if (reason === undefined) return
      emit('host.down', { cluster, host: config.name, reason })
      options.setState('expected')
      await closeOpen()
    }
  }

  async function openOnce(): Promise<void> {
    const host = options.createHost(config)
    try {
      const facts = await host.open(wanted)
      await options.checkHost(host)
      await options.learn(host, facts)
      lost = Promise.withResolvers()
      folder = undefined
      open = { host, facts, workFolder: () => ensureWorkFolder(host, facts) }
      wasUp = true
      openings += 1
      failure = undefined
      tellHostUp(emit, cluster, config.name, facts)
      options.setState('up')
    } catch (error) {
      await host[Symbol.asyncDispose]().catch(() => {})
      throw error
    }
  }

  async function ensureWorkFolder(host: Host, facts: HostFacts): Promise<string> {
    folder ??= makeWorkFolder(host, host.joinPath(facts.workingDir, `encode-${options.runId}-${openings}`))
    return (await folder).path
  }

  async function makeWorkFolder(host: Host, path: string): Promise<GuardedFolder> {
    options.onWorkFolder(path, true)
    const guard = await host.guardFile(path)
    await host.makeFolder(path, signal)
    return { path, release: () => guard.release() }
  }

  async function closeOpen(): Promise<void> {
    const closed = open
    open = undefined
    if (closed === undefined) return
    await removeWorkFolder(closed.host).catch(() => {})
    await closed.host[Symbol.asyncDispose]().catch(() => {})
  }

  async function removeWorkFolder(host: Host): Promise<void> {
    const made = await folder?.catch(() => undefined)
    if (made === undefined) return
    await host.removeFiles([made.path], AbortSignal.timeout(CLOSE_TIMEOUT_MS))
    made.release()
    options.onWorkFolder(made.path, false)
  }
}

interface GuardedFolder {
  readonly path: string
  release(): void
}

/** Faults that time may mend; a refused key or a missing ffmpeg stays. */
function isTransient(error: EncodeError): boolean {
  return isEncodeError(error, 'HOST_UNREACHABLE') || isEncodeError(error, 'HOST_LOST')
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
