/** Files of a host: the part of the Host port that differs between this machine (node:fs) and one that only takes commands. */

import type { HostFileStat, HostLoad, TransferOptions } from './host.ts'

/** As the Host port's methods of the same names; sizes are compared by the caller. */
export interface HostFiles {
  putFile(controllerPath: string, hostPath: string, options?: TransferOptions): Promise<void>
  getFile(hostPath: string, controllerPath: string, options?: TransferOptions): Promise<void>
  statFile(hostPath: string, signal?: AbortSignal): Promise<HostFileStat | undefined>
  makeFolder(hostPath: string, signal?: AbortSignal): Promise<void>
  removeFiles(hostPaths: readonly string[], signal?: AbortSignal): Promise<void>
  freeBytes(hostFolder: string, signal?: AbortSignal): Promise<number | undefined>
  load(cores: number, signal?: AbortSignal): Promise<HostLoad>
}
