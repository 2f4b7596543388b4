/**
 * Transfers that are believed only when both ends agree: on the size always, on the SHA-256 with `checksum`. A file on its way to a host
 * stands there under another name until then, so that nobody takes half a source for a source.
 */

import { open, stat, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import { formatBytes } from '../core/units.ts'
import { createFileDigest } from './file-digest.ts'
import type { Growth, PutOptions, TransferOptions } from './host.ts'
import type { HostFiles } from './host-files.ts'
import { TransferCut } from './transfer-cut.ts'

export interface CheckedFilesOptions {
  readonly hostName: string
  readonly files: HostFiles
  readonly comparesHashes: boolean
}

export interface CheckedFiles {
  /** Rejects with HOST_UNSUPPORTED where nothing can make a hash. */
  assertHashes(signal: AbortSignal): Promise<void>
  /** As the Host port's methods. */
  putFile(controllerPath: string, hostPath: string, options: PutOptions & { readonly signal: AbortSignal }): Promise<void>
  getFile(hostPath: string, controllerPath: string, options: TransferOptions & { readonly signal: AbortSignal }): Promise<void>
  followFile(
    hostPath: string,
    controllerPath: string,
    growth: Growth,
    options: TransferOptions & { readonly signal: AbortSignal },
  ): Promise<void>
}

/** What a muxer writes again when all else is written stands in here: length, seek heads, sizes. Else all is fetched anew. */
const MOST_HEAD_BYTES = 1024 * 1024
/** Of a short file it is a smaller part of what would be fetched otherwise. */
const HEAD_SHARE = 1 / 16
const LEAST_HEAD_BYTES = 64 * 1024

/** The cause of a TRANSFER_FAILED for a file of which all bytes arrived, and not all as they were. */
export class ChecksumMismatch extends Error {
  override readonly name = 'ChecksumMismatch'
}

export function createCheckedFiles({ hostName, files, comparesHashes }: CheckedFilesOptions): CheckedFiles {
  const there = `on host "${hostName}"`

  async function hashFile(hostPath: string, signal: AbortSignal): Promise<string> {
    const hash = await files.hashFile(hostPath, signal)
    if (hash !== undefined) return hash
    throw new EncodeError('HOST_UNSUPPORTED', `Host "${hostName}" has no program for SHA-256, which "checksum" asks for`, {
      hint: 'Install one of sha256sum, shasum, sha256 and openssl there, or set "checksum: false" for this host',
    })
  }

  let hasHashed = false

  return {
    async assertHashes(signal) {
      await hashFile('/dev/null', signal)
    },

    async putFile(controllerPath, hostPath, options) {
      const { signal, partialPath = `${hostPath}.part` } = options
      const digest = comparesHashes ? (options.digest ?? createFileDigest()) : undefined
      await files.putFile(controllerPath, partialPath, { ...options, digest, key: partialPath })
      const [sent, arrived] = await Promise.all([stat(controllerPath), files.statFile(partialPath, signal)])
      const arrivedBytes = arrived?.sizeBytes ?? 0
      if (options.cut?.aborted === true && arrivedBytes < sent.size) throw new TransferCut(partialPath, arrivedBytes)
      assertWhole(controllerPath, sent.size, arrived?.sizeBytes, there)
      if (digest !== undefined) {
        const [own, other] = await Promise.all([digest.finish(controllerPath, signal), hashFile(partialPath, signal)])
        assertSame(controllerPath, own, other, there)
      }
      await files.renameFile(partialPath, hostPath, signal)
    },

    async getFile(hostPath, controllerPath, options) {
      const { signal, offset = 0 } = options
      const source = await files.statFile(hostPath, signal)
      if (source?.kind !== 'file') throw new EncodeError('TRANSFER_FAILED', `"${toVisible(hostPath)}" is not a file ${there}`)
      await assertRoom(hostPath, source.sizeBytes - offset, controllerPath)
      const digest = comparesHashes ? (options.digest ?? createFileDigest()) : undefined
      await files.getFile(hostPath, controllerPath, { ...options, digest, key: hostPath, maxBytes: source.sizeBytes })
      assertWhole(hostPath, source.sizeBytes, (await stat(controllerPath)).size, 'here')
      if (digest === undefined) return
      const [other, own] = await Promise.all([hashFile(hostPath, signal), digest.finish(controllerPath, signal)])
      assertSame(hostPath, other, own, 'here')
    },

    async followFile(hostPath, controllerPath, growth, options) {
      const { signal } = options
      // Before anything moves; once is enough.
      if (!hasHashed) await hashFile('/dev/null', signal)
      hasHashed = true
      await files.getFile(hostPath, controllerPath, { ...options, digest: undefined, growth, key: hostPath })
      try {
        const arrived = await stat(controllerPath)
        const [source, head, other] = await Promise.all([
          files.statFile(hostPath, signal),
          files.readHead?.(hostPath, toHeadBytes(arrived.size), signal),
          hashFile(hostPath, signal),
        ])
        assertWhole(hostPath, source?.sizeBytes ?? 0, arrived.size, 'here')
        if (head !== undefined) await writeHead(controllerPath, head)
        assertSame(hostPath, other, await createFileDigest().finish(controllerPath, signal), 'here')
      } catch (error) {
        await unlink(controllerPath).catch(() => undefined)
        throw error
      }
    },
  }
}

function toHeadBytes(sizeBytes: number): number {
  return Math.min(MOST_HEAD_BYTES, Math.max(LEAST_HEAD_BYTES, Math.ceil(sizeBytes * HEAD_SHARE)))
}

async function writeHead(path: string, head: Buffer): Promise<void> {
  await using file = await open(path, 'r+')
  await file.write(head, 0, head.length, 0)
  await file.sync()
}

/** A host may say any size: what cannot fit is not begun. */
async function assertRoom(hostPath: string, sizeBytes: number, controllerPath: string): Promise<void> {
  const space = await statfs(dirname(controllerPath)).catch(() => undefined)
  // Some of FUSE have no figures, and give naughts.
  if (space === undefined || space.blocks === 0 || sizeBytes <= space.bavail * space.bsize) return
  const [size, free] = [formatBytes(sizeBytes), formatBytes(space.bavail * space.bsize)]
  throw new EncodeError('TRANSFER_FAILED', `"${toVisible(hostPath)}" has ${size}, and "${dirname(controllerPath)}" has room for ${free}`, {
    hint: 'Make room there, or choose another folder with -o',
  })
}

function assertWhole(path: string, expectedBytes: number, foundBytes: number | undefined, where: string): void {
  if (foundBytes === expectedBytes) return
  const found = foundBytes === undefined ? 'nothing' : `${foundBytes} B (${formatBytes(foundBytes)})`
  throw new EncodeError('TRANSFER_FAILED', `Of the ${expectedBytes} B of "${toVisible(path)}", ${found} arrived ${where}`, {
    hint: 'Look at the free space there, and whether something else writes the file',
  })
}

function assertSame(path: string, expected: string, found: string, where: string): void {
  if (found === expected) return
  throw new EncodeError('TRANSFER_FAILED', `"${toVisible(path)}" arrived changed ${where}: its SHA-256 is ${found}, not ${expected}`, {
    hint: 'Look at the memory and the disks of both machines',
    cause: new ChecksumMismatch('The hashes differ'),
  })
}
