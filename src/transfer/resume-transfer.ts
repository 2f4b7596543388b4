/**
 * A file's way to or from a host that survives a broken connection: what has come over is found again, on the same connection or on the
 * next one, and the transfer goes on behind it. Knows neither how bytes move nor how a host is reached again.
 */

import { rm, stat } from 'node:fs/promises'
import { EncodeError, isEncodeError } from '../core/errors.ts'
import { ChecksumMismatch } from '../host/checked-files.ts'
import { createFileDigest, type FileDigest } from '../host/file-digest.ts'
import type { Host, TransferOptions } from '../host/host.ts'

/** One job's work files on a host that may have to be opened again. */
export interface Errand {
  /** Whichever connection it has. */
  readonly host: Pick<Host, 'mark' | 'putFile' | 'getFile' | 'adoptFile' | 'statFile' | 'removeFiles'>
  /** A work file's path, which changes with the host. */
  readonly path: (name: string) => string
  /** Has a file known before it is made. */
  readonly note: (name: string) => Promise<void>
  /** The host was lost: resolves when it is open again, with those of the named files that it kept; false where it does not come back. */
  readonly regain: (names: readonly string[]) => Promise<boolean>
}

export interface Shipment {
  readonly name: string
  readonly controllerPath: string
  readonly options: Pick<TransferOptions, 'onBytes' | 'stallMs' | 'turn' | 'cut'> & { readonly signal: AbortSignal }
}

/** Breaks in a row without a byte gained between them. */
const MAX_VAIN_TRIES = 3

/** Sends a file. It grows under names of its own and stands under `name` only when it is whole. Rejects with `TransferCut` where it was cut. */
export async function sendResumed(errand: Errand, { name, controllerPath, options }: Shipment): Promise<void> {
  const before = await stat(controllerPath)
  let tries = 1
  let partial = toPartialName(name, tries)

  async function startAnew(): Promise<void> {
    await errand.host.removeFiles([errand.path(partial)], options.signal)
  }

  async function findArrived(): Promise<number | undefined> {
    tries += 1
    const next = toPartialName(name, tries)
    const isLost = await losesHost(async () => {
      // Perhaps only the connection that moved the bytes broke. Whatever may still write there writes to the old name.
      await errand.note(next)
      await errand.host.adoptFile(errand.host.mark, errand.path(partial), errand.path(next), options.signal)
      partial = next
    })
    if (isLost && !(await errand.regain([partial]))) return undefined
    const arrived = await errand.host.statFile(errand.path(partial), options.signal)
    const now = await stat(controllerPath)
    if (now.size !== before.size || now.mtimeMs !== before.mtimeMs) {
      throw new EncodeError('SOURCE_CHANGED', `"${controllerPath}" changed while it was sent`, {
        hint: 'Encode it when nothing writes to it any more',
      })
    }
    if (arrived === undefined || arrived.sizeBytes <= before.size) return arrived?.sizeBytes ?? 0
    await startAnew()
    return 0
  }

  await untilWhole(options.signal, {
    async move(offset, digest) {
      await errand.note(partial)
      const partialPath = errand.path(partial)
      await errand.host.putFile(controllerPath, errand.path(name), { ...options, partialPath, offset, digest, isResumable: true })
    },
    findArrived,
    startAnew,
  })
}

/** Fetches a file into a new one of the controller. */
export async function receiveResumed(errand: Errand, { name, controllerPath, options }: Shipment): Promise<void> {
  const startAnew = async (): Promise<void> => await rm(controllerPath, { force: true })
  const look = async () => await errand.host.statFile(errand.path(name), options.signal)

  await untilWhole(options.signal, {
    async move(offset, digest) {
      await errand.host.getFile(errand.path(name), controllerPath, { ...options, offset, digest, isResumable: true })
    },
    async findArrived() {
      let source: Awaited<ReturnType<typeof look>>
      const isLost = await losesHost(async () => {
        source = await look()
      })
      if (isLost) {
        if (!(await errand.regain([name]))) return undefined
        source = await look()
      }
      if (source === undefined) return undefined
      const arrivedBytes = await stat(controllerPath).then(
        ({ size }) => size,
        () => 0,
      )
      if (arrivedBytes > 0 && arrivedBytes <= source.sizeBytes) return arrivedBytes
      await startAnew()
      return 0
    },
    startAnew,
  })
}

interface Legs {
  move(offset: number, digest: FileDigest): Promise<void>
  /** After a break: bytes that both sides have; undefined where there is no going on. Rejects with HOST_LOST when it broke again. */
  findArrived(): Promise<number | undefined>
  /** Drops what has arrived. */
  startAnew(): Promise<void>
}

async function untilWhole(signal: AbortSignal, { move, findArrived, startAnew }: Legs): Promise<void> {
  let digest = createFileDigest()
  let offset = 0
  let vainTries = 0
  let hasStartedAnew = false
  for (;;) {
    try {
      await move(offset, digest)
      return
    } catch (error) {
      if (signal.aborted) throw error
      if (error instanceof EncodeError && error.cause instanceof ChecksumMismatch && !hasStartedAnew) {
        hasStartedAnew = true
        offset = 0
        digest = createFileDigest()
        await startAnew()
        continue
      }
      if (!isEncodeError(error, 'HOST_LOST')) throw error
      const arrivedBytes = await findThrough(findArrived)
      if (arrivedBytes === undefined) throw error
      vainTries = arrivedBytes > offset ? 0 : vainTries + 1
      if (vainTries > MAX_VAIN_TRIES) throw error
      offset = arrivedBytes
    }
  }
}

/** The way back may break, too. */
async function findThrough(findArrived: () => Promise<number | undefined>): Promise<number | undefined> {
  let found: number | undefined
  for (let tries = 1; tries <= MAX_VAIN_TRIES; tries += 1) {
    const isLost = await losesHost(async () => {
      found = await findArrived()
    })
    if (!isLost) return found
  }
  return undefined
}

async function losesHost(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return false
  } catch (error) {
    if (isEncodeError(error, 'HOST_LOST')) return true
    throw error
  }
}

/** A try's own: what comes late from an earlier one cannot touch it. */
function toPartialName(name: string, tries: number): string {
  return `${name}.${tries}.part`
}
