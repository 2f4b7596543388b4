/**
 * One host for as long as a run wants it: opened, watched, opened again after it was lost, closed clean.
 * The scheduler hears of each change; a job borrows what is open. Transfers that the loss has caught wait here for the host to be
 * back, and find what had come over in its new work folder.
 */

import type { Clock } from '../../core/clock.ts'
import { describeError, EncodeError, isEncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'
import type { Emit } from '../../model/events.ts'
import type { Worker } from '../../scheduler/worker.ts'
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
  /** A job found the host gone. What is said of an earlier opening is no news. */
  reportLost(reason: string, lost?: Pick<OpenHost, 'host'>): void
  /**
   * Waits until a host that was lost is open again, with those of the files that it kept, in its new work folder and under their own names.
   * Rejects with HOST_LOST when it is not back in time, or with the signal's reason.
   */
  reconnect(lost: Pick<OpenHost, 'host'>, files: readonly string[], signal: AbortSignal): Promise<OpenHost>
  /** Removes the work folder and closes the host. Never rejects. */
  close(): Promise<void>
}

/**
 * Waits between attempts at a host that was lost: jobs wait for it so long. Then it counts as gone, as one that could not be reached at
 * the start does at once: no job waits for such a host, but it is tried on, and joins in when it is there.
 */
const RETRY_DELAYS_MS = [1_000, 5_000, 10_000, 20_000, 40_000, 80_000, 120_000]
const LAST_RETRY_DELAY_MS = 120_000
/** While a transfer waits for it. */
const AWAITED_RETRY_MS = 1_000
/** For so long a transfer waits; as long as hosts keep its files (see the guard). */
const RECONNECT_LIMIT_MS = 20_000

/** A host that does not answer must not hold up the end of a run; its own guard cleans up then. */
const CLOSE_TIMEOUT_MS = 3_000
const MARK_LENGTH = 8

export function openHostSession(options: HostSessionOptions): HostSession {
  const { config, cluster, emit, signal, clock } = options
  let open: OpenHost | undefined
  let folder: Promise<GuardedFolder> | undefined
  let failure: EncodeError | undefined
  let wasUp = false
  let toldDown: string | undefined
  /** A folder for each time it comes up: the guard of a lost connection removes the old one when it likes. */
  let lost = Promise.withResolvers<string>()
  const awaiting = new Set<Awaiting>()
  /** Work folders of earlier openings. */
  const abandoned = new Set<string>()
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
    reportLost,
    async reconnect(from, files, caller) {
      if (open !== undefined && open.host !== from.host) return open
      const { promise, resolve, reject } = Promise.withResolvers<OpenHost>()
      const entry: Awaiting = { files: files.map((path) => ({ mark: from.host.mark, path })), resolve, reject }
      awaiting.add(entry)
      reportLost(`The connection to host "${config.name}" broke`, from)
      const limit = new AbortController()
      void clock.sleep(RECONNECT_LIMIT_MS, limit.signal).then(
        () => reject(new EncodeError('HOST_LOST', `Host "${config.name}" did not come back within ${RECONNECT_LIMIT_MS / 1000} s`)),
        () => {},
      )
      return await untilAborted(promise, AbortSignal.any([caller, wanted])).finally(() => {
        awaiting.delete(entry)
        limit.abort()
      })
    },
    async close() {
      closing.abort()
      await life
      await closeOpen()
    },
  }

  function reportLost(reason: string, from?: Pick<OpenHost, 'host'>): void {
    if (from === undefined || from.host === open?.host) lost.resolve(reason)
    // The scheduler took it for lost, and is in the middle of that.
    else queueMicrotask(() => open !== undefined && options.setState('up'))
  }

  async function live(): Promise<void> {
    for (let attempt = 0; !wanted.aborted; attempt += 1) {
      try {
        await openOnce()
      } catch (error) {
        if (wanted.aborted) return
        if (!(error instanceof EncodeError)) failure = new EncodeError('HOST_UNREACHABLE', describeError(error), { cause: error })
        else failure = error
        tellDown(describeError(failure))
        const mayMend = wasUp ? !isRefusal(failure) : isTransient(failure)
        // What was never there had no connection that may only have broken: it is not tried again at once.
        const delayMs = RETRY_DELAYS_MS[wasUp ? attempt : attempt + 1]
        if (!wasUp || !mayMend || delayMs === undefined) {
          options.setState('gone')
          for (const { reject } of awaiting) reject(failure)
        }
        if (!mayMend) return
        const isAwaited = awaiting.size > 0
        // Tries in haste do not use up the patience with a host that takes its time.
        if (isAwaited) attempt -= 1
        await clock.sleep(isAwaited ? AWAITED_RETRY_MS : (delayMs ?? LAST_RETRY_DELAY_MS), wanted).catch(() => {})
        continue
      }
      attempt = -1
      toldDown = undefined
      const reason = await untilAborted(lost.promise, wanted).catch(() => undefined)
      if (reason === undefined) return
      tellDown(reason)
      options.setState('expected')
      await leaveOpen()
    }
  }

  /** Only what is news: an attempt that fails as the one before tells nothing. */
  function tellDown(reason: string): void {
    if (reason !== toldDown) emit('host.down', { cluster, host: config.name, reason })
    toldDown = reason
  }

  async function openOnce(): Promise<void> {
    const host = options.createHost(config)
    try {
      const facts = await host.open(wanted)
      folder = undefined
      const opened: OpenHost = { host, facts, workFolder: () => ensureWorkFolder(host, facts) }
      // Its first job would wait for it. Failing is told to who wants it.
      if (config.type === 'streaming') void opened.workFolder().catch(() => {})
      await adoptFiles(opened)
      await removeAbandoned(host)
      await options.checkHost(host)
      await options.learn(host, facts)
      lost = Promise.withResolvers()
      open = opened
      wasUp = true
      failure = undefined
      tellHostUp(emit, cluster, config.name, facts)
      options.setState('up')
      for (const { resolve } of awaiting) resolve(opened)
    } catch (error) {
      await abandonFolder()
      await (isEncodeError(error, 'HOST_LOST') ? host.leave() : host[Symbol.asyncDispose]()).catch(() => {})
      throw error
    }
  }

  /** Before anything is removed there. What is not taken over is sent anew. */
  async function adoptFiles({ host, workFolder }: OpenHost): Promise<void> {
    for (const entry of awaiting) {
      const folderPath = await workFolder()
      for (const file of entry.files) {
        const to = host.joinPath(folderPath, file.path.slice(file.path.lastIndexOf('/') + 1))
        if (!(await host.adoptFile(file.mark, file.path, to, wanted))) continue
        file.mark = host.mark
        file.path = to
      }
    }
  }

  async function removeAbandoned(host: Host): Promise<void> {
    if (abandoned.size === 0) return
    const paths = [...abandoned]
    // What cannot be removed is noted for the next run.
    await host.removeFiles(paths, wanted).catch((error: unknown) => {
      if (isEncodeError(error, 'HOST_LOST')) throw error
    })
    for (const path of paths) {
      abandoned.delete(path)
      options.onWorkFolder(path, false)
    }
  }

  async function abandonFolder(): Promise<void> {
    const made = await folder?.catch(() => undefined)
    if (made !== undefined) abandoned.add(made.path)
    folder = undefined
  }

  /** The host was lost: its guard sees to what is there, or the next opening, after it has taken what is still wanted. */
  async function leaveOpen(): Promise<void> {
    const left = open
    open = undefined
    await abandonFolder()
    await left?.host.leave().catch(() => {})
  }

  /** Its name is this connection's own: a machine may be a host under several names, and each removes its folder as a whole. */
  async function ensureWorkFolder(host: Host, facts: HostFacts): Promise<string> {
    folder ??= makeWorkFolder(host, host.joinPath(facts.workingDir, `encode-${options.runId}-${host.mark.slice(-MARK_LENGTH)}`))
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

interface Awaiting {
  /** Where they are, and of which connection; other ones once they were taken over. */
  readonly files: readonly { mark: string; path: string }[]
  readonly resolve: (open: OpenHost) => void
  readonly reject: (reason: unknown) => void
}

interface GuardedFolder {
  readonly path: string
  release(): void
}

/** A host that was up may come back without its mount at first, or with a disk that is full: that may mend, a changed key will not. */
function isRefusal(error: EncodeError): boolean {
  return isEncodeError(error, 'HOST_KEY_REFUSED') || isEncodeError(error, 'HOST_AUTH_FAILED') || isEncodeError(error, 'HOST_UNSUPPORTED')
}

/** Faults that time may mend; a refused key or a missing ffmpeg stays. */
function isTransient(error: EncodeError): boolean {
  return isEncodeError(error, 'HOST_UNREACHABLE') || isEncodeError(error, 'HOST_LOST')
}
