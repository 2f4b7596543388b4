/**
 * Files of a host over SFTP, for hosts whose shell is no way to move bytes (Windows). Each call is one request; many may be on their way at
 * once, and that is what makes transfers fast: ssh2's own streams wait for each answer before they ask again.
 */

import type { SFTPWrapper, Stats } from 'ssh2'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import type { SftpChannel } from './standing-connection.ts'

export interface SftpEntry {
  readonly kind: 'file' | 'folder' | 'other'
  readonly sizeBytes: number
}

/** `gone`: nothing has that name. `busy`: the server refuses it, for a while or for ever, and does not say which (a file that is open, a right that is missing). */
export type SftpFault = 'gone' | 'busy'

/** A file that is open on the host; nobody else may be able to read it until it is closed. */
export interface SftpFile {
  /** Resolves with the number of bytes; 0 = the end. */
  read(target: Buffer, position: number): Promise<number>
  write(bytes: Buffer, position: number): Promise<void>
  close(): Promise<void>
}

/** Paths are in the server's form, `/C:/Users/me`. Calls reject with COMMAND_FAILED (see `toSftpFault`) or HOST_LOST. */
export interface SftpSession {
  readonly isOver: boolean
  /** The absolute path of what may be relative to the user's home folder. */
  realPath(path: string): Promise<string>
  /** Undefined where nothing has that name. */
  stat(path: string): Promise<SftpEntry | undefined>
  list(path: string): Promise<readonly (SftpEntry & { readonly name: string })[]>
  makeFolder(path: string): Promise<void>
  removeFile(path: string): Promise<void>
  removeFolder(path: string): Promise<void>
  /** Over what stands there, where the server can. */
  rename(from: string, to: string): Promise<void>
  /** Undefined where the server does not tell. */
  freeBytes(path: string): Promise<number | undefined>
  /** `w` begins an empty file, `a` goes on with one that exists. */
  open(path: string, mode: 'r' | 'w' | 'a'): Promise<SftpFile>
  end(): void
}

/** A request of so many bytes is carried in one packet by every server. */
export const SFTP_PIECE_BYTES = 32 * 1024

/** What ssh2 says to those that wait when the connection closes, which may be before it says that the channel is closed. */
const UNANSWERED = 'No response from server'

export function toSftpFault(error: unknown): SftpFault | undefined {
  if (!isEncodeError(error, 'COMMAND_FAILED')) return undefined
  const { code } = (error.cause ?? {}) as { readonly code?: unknown }
  return code === NO_SUCH_FILE ? 'gone' : code === FAILURE || code === PERMISSION_DENIED ? 'busy' : undefined
}

/** The user lacks the right to it. */
export function isForbidden(error: unknown): boolean {
  return isEncodeError(error, 'COMMAND_FAILED') && ((error.cause ?? {}) as { readonly code?: unknown }).code === PERMISSION_DENIED
}

/** @param lost the host's: its reason is what calls on a broken connection reject with. */
export function createSftpSession({ sftp, exit }: SftpChannel, lost: AbortSignal): SftpSession {
  let isOver = false
  const over = exit.then(() => {
    isOver = true
  })
  sftp.on('error', () => undefined)

  const toEnded = (): unknown => (lost.aborted ? lost.reason : new EncodeError('HOST_LOST', 'The SFTP server ended before it answered'))

  /** One question and its answer, or the end of the channel, which ssh2 does not tell to all who wait. */
  async function ask<T>(what: string, request: (answer: (error: Error | undefined | null, value?: T) => void) => void): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      if (isOver) return
      request((error, value) => (error instanceof Error ? reject(error) : resolve(value as T)))
    })
    answer.catch(() => undefined)
    const ended = over.then(() => {
      throw toEnded()
    })
    ended.catch(() => undefined)
    return await Promise.race([answer, ended]).catch((error: unknown) => {
      if (isEncodeError(error)) throw error
      const said = error instanceof Error ? toPlainLine(error.message) : ''
      if (said === UNANSWERED) throw toEnded()
      throw new EncodeError('COMMAND_FAILED', `The host cannot ${what}: ${said || 'no reason given'}`, { cause: error })
    })
  }

  return {
    get isOver() {
      return isOver
    },
    realPath: async (path) => await ask<string>('tell a path', (answer) => sftp.realpath(path, answer)),
    async stat(path) {
      try {
        return toEntry(await ask<Stats>('look at a file', (answer) => sftp.stat(path, answer)))
      } catch (error) {
        if (toSftpFault(error) === 'gone') return undefined
        throw error
      }
    },
    async list(path) {
      const entries = await ask<readonly { filename: string; attrs: Stats }[]>('list a folder', (answer) => sftp.readdir(path, answer))
      return entries
        .map(({ filename, attrs }) => ({ name: filename, ...toEntry(attrs) }))
        .filter(({ name }) => name !== '.' && name !== '..')
    },
    makeFolder: async (path) => await ask<void>('make a folder', (answer) => sftp.mkdir(path, answer)),
    removeFile: async (path) => await ask<void>('remove a file', (answer) => sftp.unlink(path, answer)),
    removeFolder: async (path) => await ask<void>('remove a folder', (answer) => sftp.rmdir(path, answer)),
    rename: async (from, to) => await ask<void>('rename a file', (answer) => renameOver(sftp, from, to, answer)),
    async freeBytes(path) {
      const space = await ask<{ f_bavail?: unknown; f_frsize?: unknown }>('tell its free space', (answer) =>
        askSpace(sftp, path, answer),
      ).catch((error: unknown) => {
        if (isEncodeError(error, 'COMMAND_FAILED')) return undefined
        throw error
      })
      const bytes = Number(space?.f_bavail) * Number(space?.f_frsize)
      return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined
    },
    async open(path, mode) {
      const flags = mode === 'a' ? 'r+' : mode
      const handle = await ask<Buffer>('open a file', (answer) => sftp.open(path, flags, answer))
      return {
        read: (target, position) =>
          ask<number>('read a file', (answer) => {
            // ssh2 tells the end as an error.
            sftp.read(handle, target, 0, target.length, position, (error: Error | undefined, bytes: number) => {
              if (error !== undefined && (error as { code?: unknown }).code === END_OF_FILE) answer(undefined, 0)
              else answer(error, bytes)
            })
          }),
        write: (bytes, position) => ask<void>('write a file', (answer) => sftp.write(handle, bytes, 0, bytes.length, position, answer)),
        close: () => ask<void>('close a file', (answer) => sftp.close(handle, answer)),
      }
    },
    end() {
      sftp.end()
    },
  }
}

// draft-ietf-secsh-filexfer-02, section 7
const END_OF_FILE = 1
const NO_SUCH_FILE = 2
const PERMISSION_DENIED = 3
const FAILURE = 4

/** SFTP's own rename refuses to replace; OpenSSH's extension does what rename(2) does. ssh2 throws where a server has it not. */
function renameOver(sftp: SFTPWrapper, from: string, to: string, answer: (error: Error | undefined | null) => void): void {
  try {
    sftp.ext_openssh_rename(from, to, answer)
  } catch {
    sftp.rename(from, to, answer)
  }
}

function askSpace(sftp: SFTPWrapper, path: string, answer: (error: Error | undefined, value?: Record<string, unknown>) => void): void {
  try {
    sftp.ext_openssh_statvfs(path, answer)
  } catch (error) {
    answer(error instanceof Error ? error : new Error(String(error)))
  }
}

function toEntry(attributes: Stats): SftpEntry {
  const kind = attributes.isFile() ? 'file' : attributes.isDirectory() ? 'folder' : 'other'
  return { kind, sizeBytes: kind === 'other' ? 0 : attributes.size }
}
