/**
 * Which process is meant, for longer than its number lasts: numbers are given out again, so a process is its number and the moment
 * it started. Locks and runs are held by such an identity, and so die with their owner, however it ended.
 */

import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { getPriority, hostname, platform } from 'node:os'
import { isLifeLockHeld } from './life-lock.ts'

export interface ProcessIdentity {
  readonly pid: number
  /** Linux: clock ticks since boot. Elsewhere: milliseconds since 1970. Empty where it cannot be told. */
  readonly startedAt: string
  /** Linux: the kernel's name for this boot; elsewhere empty, the start time says enough. */
  readonly bootId: string
  /** Linux: the namespace that `pid` counts in (containers have their own); elsewhere empty. */
  readonly pidNamespace: string
  readonly machine: string
  /** Path of a lock that it holds for as long as it lives. */
  readonly lifeLock?: string | undefined
}

/** `unknown`: it is, or was, a process of another machine or container, or one of Windows, and holds no lock that tells. Hold it for alive. */
export type Liveness = 'alive' | 'dead' | 'unknown'

/** `pid` is a living process of this machine, usually the own one. */
export function identifyProcess(pid: number): ProcessIdentity {
  const isLinux = hasProc()
  return {
    pid,
    startedAt: (isLinux ? readLinuxStart(pid) : askForStart(pid)) ?? '',
    bootId: isLinux ? readBootId() : '',
    pidNamespace: isLinux ? readPidNamespace() : '',
    machine: hostname(),
  }
}

export function findLiveness(identity: ProcessIdentity): Liveness {
  const liveness = askKernel(identity)
  if (liveness !== 'unknown' || identity.lifeLock === undefined) return liveness
  const isHeld = isLifeLockHeld(identity.lifeLock)
  return isHeld === undefined ? 'unknown' : isHeld ? 'alive' : 'dead'
}

function askKernel(identity: ProcessIdentity): Liveness {
  const isLinux = hasProc()
  const isThisBoot = isLinux && identity.bootId !== '' && identity.bootId === readBootId()
  // One kernel, another namespace: the number means another process here, or none.
  if (isThisBoot && identity.pidNamespace !== readPidNamespace()) return 'unknown'
  if (!isThisBoot && identity.machine !== hostname()) return 'unknown'
  if (isLinux && !isThisBoot) return 'dead'
  const startedAt = isLinux ? readLinuxStart(identity.pid) : askForStart(identity.pid)
  if (startedAt === undefined) return 'dead'
  // Windows gives a number out again within minutes.
  if (startedAt === '' || identity.startedAt === '') return 'unknown'
  return isSameStart(startedAt, identity.startedAt, isLinux) ? 'alive' : 'dead'
}

/** Asks about each process once: for a list whose rows name the same few. */
export function createLivenessFinder(): (identity: ProcessIdentity) => Liveness {
  const known = new Map<string, Liveness>()
  return (identity) => {
    const key = JSON.stringify(identity)
    const liveness = known.get(key) ?? findLiveness(identity)
    known.set(key, liveness)
    return liveness
  }
}

/** Alive, or not known to be dead. */
export function isAlive(identity: ProcessIdentity): boolean {
  return findLiveness(identity) !== 'dead'
}

/** `process 4711`, with its machine where that is another one. */
export function describeProcess(identity: ProcessIdentity): string {
  return identity.machine === hostname() ? `process ${identity.pid}` : `process ${identity.pid} on "${identity.machine}"`
}

/** What a lock file or the ledger held, checked, since anybody may have written it. */
export function parseProcessIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, startedAt, bootId, pidNamespace, machine, lifeLock } = value as Partial<Record<keyof ProcessIdentity, unknown>>
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  if (typeof startedAt !== 'string' || typeof bootId !== 'string' || typeof pidNamespace !== 'string' || typeof machine !== 'string') {
    return undefined
  }
  return { pid, startedAt, bootId, pidNamespace, machine, ...(typeof lifeLock === 'string' ? { lifeLock } : {}) }
}

function hasProc(): boolean {
  // On Windows that would be a folder of the current drive.
  return platform() !== 'win32' && readBootId() !== ''
}

function readBootId(): string {
  return readOrUndefined('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

function readPidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined when there is no such process or it only waits to be reaped. */
function readLinuxStart(pid: number): string | undefined {
  const stat = readOrUndefined(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // Field 2 is the program's name in brackets and may hold spaces and brackets itself; what follows the last bracket is field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  return state === 'Z' || state === 'X' ? undefined : fields[22 - 3]
}

/** Undefined when there is no such process, empty when nobody here can tell when it started (Windows, no `ps`). */
function askForStart(pid: number): string | undefined {
  if (!exists(pid)) return undefined
  if (platform() === 'win32') return ''
  try {
    const text = execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], {
      // The text is made for people; these two make it the same whoever asks.
      env: { LC_ALL: 'C', TZ: 'UTC' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5_000,
    })
    return String(Date.parse(`${text.trim()} UTC`) || '')
  } catch {
    return exists(pid) ? '' : undefined
  }
}

function exists(pid: number): boolean {
  try {
    getPriority(pid)
    return true
  } catch (error) {
    return !(error instanceof Error && 'info' in error && (error.info as { code?: unknown }).code === 'ESRCH')
  }
}

/** BSD kernels work a start time out from the time since boot: it may move by a second when the clock is set. */
function isSameStart(startedAt: string, known: string, isExact: boolean): boolean {
  if (startedAt === known) return true
  return !isExact && Math.abs(Number(startedAt) - Number(known)) <= 2_000
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
