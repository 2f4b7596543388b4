/**
 * Files of a Windows host, over SFTP. A file that any program there holds open can be neither removed nor renamed, and who held it may
 * still be about to end: what is refused is tried again for a while.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { toPlainLine, toVisible } from '../../core/text.ts'
import type { RunOptions, RunResult } from '../host.ts'
import type { HostFiles, MoveOptions } from '../host-files.ts'
import type { Guard } from '../shell/guard.ts'
import { isForbidden, type SftpSession, toSftpFault } from '../ssh/sftp-session.ts'
import type { SshTransport } from '../ssh/ssh-transport.ts'
import { getOverSftp, putOverSftp } from './sftp-transfer.ts'
import { assertFitName, assertRemovableOnWindows, joinWindowsPath, toSftpPath } from './windows-paths.ts'
import type { WindowsSystem } from './windows-system.ts'

export interface WindowsFilesOptions {
  readonly hostName: string
  readonly transport: Pick<SshTransport, 'openSftp'>
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<RunResult>
  /** Gives a session for questions; opened anew when the last one ended. */
  readonly session: (signal?: AbortSignal) => Promise<SftpSession>
  readonly guard: () => Pick<Guard, 'hold' | 'letGo'>
  readonly system: Pick<WindowsSystem, 'load'>
  /** What the host has its system in: `C:\Windows`. */
  readonly systemFolder: () => string
}

const BUSY_TRIES = 15
const BUSY_PAUSE_MS = 200
const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export interface WindowsFiles extends HostFiles {
  /** Undefined where it cannot be told. */
  canWriteFile(hostPath: string, signal?: AbortSignal): Promise<boolean | undefined>
}

export function createWindowsFiles({ hostName, transport, run, session, guard, system, systemFolder }: WindowsFilesOptions): WindowsFiles {
  const openBulk = (signal?: AbortSignal): Promise<SftpSession> => transport.openSftp('bulk', signal)

  async function statPath(hostPath: string, signal?: AbortSignal) {
    assertFitName(hostPath, hostName)
    return await (await session(signal)).stat(toSftpPath(hostPath))
  }

  async function removeTree(files: SftpSession, hostPath: string, signal: AbortSignal | undefined): Promise<void> {
    const path = toSftpPath(hostPath)
    const found = await files.stat(path)
    if (found === undefined) return
    if (found.kind !== 'folder') return await remove(hostPath, () => files.removeFile(path), signal)
    for (const { name, kind } of await files.list(path)) {
      const inner = joinWindowsPath(hostPath, name)
      if (kind === 'folder') await removeTree(files, inner, signal)
      else await remove(inner, () => files.removeFile(toSftpPath(inner)), signal)
    }
    await remove(hostPath, () => files.removeFolder(path), signal)
  }

  /** The guard goes on trying, should the connection end before somebody lets go of it. */
  async function remove(hostPath: string, work: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    await untilFree(work, signal).catch((error: unknown) => {
      if (toSftpFault(error) !== 'busy') throw error
      const why = isForbidden(error) ? 'its user may not, or a program there holds it open' : 'a program there holds it open'
      throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" cannot remove "${toVisible(hostPath)}": ${why}`, {
        hint: 'Close what plays, previews or scans it there, or have the virus scanner leave the working folder out',
        cause: error,
      })
    })
  }

  /** What a broken connection leaves of it stays for a while. */
  async function move({ isResumable, key = '' }: MoveOptions, work: () => Promise<void>): Promise<void> {
    if (isResumable === true) guard().hold(key)
    try {
      await work()
    } catch (error) {
      if (!isEncodeError(error, 'HOST_LOST')) guard().letGo(key)
      throw error
    }
    guard().letGo(key)
  }

  return {
    async putFile(controllerPath, hostPath, options = {}) {
      await move(options, async () => await putOverSftp(openBulk, controllerPath, toSftpPath(hostPath), options))
    },

    async getFile(hostPath, controllerPath, options = {}) {
      const maxBytes = options.maxBytes ?? (await statPath(hostPath, options.signal))?.sizeBytes ?? 0
      await move(options, async () => await getOverSftp(openBulk, toSftpPath(hostPath), controllerPath, { ...options, maxBytes }))
    },

    async renameFile(from, to, signal) {
      const files = await session(signal)
      await untilFree(() => files.rename(toSftpPath(from), toSftpPath(to)), signal, 'must be there')
    },

    async hashFile(hostPath, signal) {
      // Asked for before the first transfer: is there a program for it? certutil can hash itself.
      const certutil = `${systemFolder()}\\System32\\certutil.exe`
      const path = hostPath === '/dev/null' ? certutil : hostPath
      if ((await statPath(certutil, signal)) === undefined) return undefined
      // It refuses an empty file.
      if ((await statPath(path, signal))?.sizeBytes === 0) return SHA256_OF_NOTHING
      const { status, stdout, stderr } = await run([certutil, '-hashfile', path, 'SHA256'], { signal })
      // Older ones put spaces between the bytes.
      const digits = /^(?:[0-9a-f]{2} ?){32}\s*$/im.exec(stdout)?.[0].replaceAll(/\s/g, '').toLowerCase()
      if (status === 0 && digits !== undefined) return digits
      throw new EncodeError(
        'COMMAND_FAILED',
        `Host "${hostName}" cannot hash "${toVisible(path)}": ${toPlainLine(stderr || stdout) || `status ${status}`}`,
      )
    },

    statFile: statPath,

    async makeFolder(hostPath, signal) {
      assertFitName(hostPath, hostName)
      await makeFolders(await session(signal), toSftpPath(hostPath))
    },

    async removeFiles(hostPaths, signal) {
      hostPaths.forEach(assertRemovableOnWindows)
      const files = await session(signal)
      for (const path of hostPaths) await removeTree(files, path, signal)
    },

    async freeBytes(hostFolder, signal) {
      return await (await session(signal)).freeBytes(toSftpPath(hostFolder))
    },

    async load(_cores, signal) {
      return { cpuRatio: (await system.load(signal)) ?? 0 }
    },

    async canWriteFile(hostPath, signal) {
      try {
        // To open it for writing changes nothing of it.
        const file = await (await session(signal)).open(toSftpPath(hostPath), 'a')
        await file.close()
        return true
      } catch (error) {
        if (toSftpFault(error) === undefined) throw error
        return isForbidden(error) ? false : undefined
      }
    },
  }
}

/** With its parents. */
export async function makeFolders(files: SftpSession, path: string): Promise<void> {
  if ((await files.stat(path))?.kind === 'folder') return
  const parent = path.replace(/\/[^/]+\/*$/, '')
  if (parent !== path && !/^\/?[A-Za-z]:?$/.test(parent) && parent !== '') await makeFolders(files, parent)
  await files.makeFolder(path).catch(async (error: unknown) => {
    // Somebody else made it meanwhile.
    if ((await files.stat(path))?.kind !== 'folder') throw error
  })
}

/** Unless told that it must be there, what is gone already is done. */
async function untilFree(work: () => Promise<void>, signal: AbortSignal | undefined, gone?: 'must be there'): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      const fault = toSftpFault(error)
      if (fault === 'gone' && gone === undefined) return
      if (fault !== 'busy' || tries >= BUSY_TRIES) throw error
      await sleep(BUSY_PAUSE_MS, undefined, { signal })
    }
  }
}
