/** Files of a host: the part of the Host port that differs between this machine (node:fs) and one that only takes commands. */

import type { Growth, HostFileStat, HostLoad, TransferOptions } from './host.ts'

export interface MoveOptions extends TransferOptions {
  /** Names the transfer for as long as it may be gone on with. */
  readonly key?: string | undefined
  /** The file comes as it grows; `maxBytes` does not matter then. */
  readonly growth?: Growth | undefined
}

/** As the Host port's methods of the same names; sizes and hashes are compared by the caller, names are final. */
export interface HostFiles {
  putFile(controllerPath: string, hostPath: string, options?: MoveOptions): Promise<void>
  getFile(hostPath: string, controllerPath: string, options?: MoveOptions): Promise<void>
  /** Over what stands there. */
  renameFile(from: string, to: string, signal?: AbortSignal): Promise<void>
  /** Its first bytes, at most so many. Missing where files cannot be copied while they grow. */
  readonly readHead?: ((hostPath: string, maxBytes: number, signal?: AbortSignal) => Promise<Buffer>) | undefined
  /** SHA-256 in hexadecimal digits; undefined where the host has no program for it. */
  hashFile(hostPath: string, signal?: AbortSignal): Promise<string | undefined>
  statFile(hostPath: string, signal?: AbortSignal): Promise<HostFileStat | undefined>
  makeFolder(hostPath: string, signal?: AbortSignal): Promise<void>
  removeFiles(hostPaths: readonly string[], signal?: AbortSignal): Promise<void>
  freeBytes(hostFolder: string, signal?: AbortSignal): Promise<number | undefined>
  load(cores: number, signal?: AbortSignal): Promise<HostLoad>
}
