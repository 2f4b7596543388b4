/**
 * SFTP as Microsoft's server has it: paths as `/C:/x`, in whatever case, and no rename over, or removal of, a file that is open. Windows has
 * one drive here, a folder of this machine.
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import ssh2, { type SFTPWrapper } from 'ssh2'

const { OPEN_MODE, STATUS_CODE: STATUS, flagsToString } = ssh2.utils.sftp

export interface WindowsFilesOptions {
  readonly driveC: string
  /** Where a path begins that names no drive: `/C:/home`. */
  readonly home: string
  /** The drive takes no larger files, as one with FAT32. */
  readonly maxFileBytes?: number | undefined
}

interface Handle {
  readonly descriptor?: number
  readonly path: string
  entries?: string[]
}

/** How many have a file open, on all servers: Windows forbids much of what is open. */
const openFiles = new Map<string, number>()

export function serveWindowsFiles(sftp: SFTPWrapper, { driveC, home, maxFileBytes = Number.POSITIVE_INFINITY }: WindowsFilesOptions): void {
  const handles = new Map<number, Handle>()
  let lastHandle = 0

  /** As an absolute path in the server's form. */
  function normalize(path: string): string {
    let slashed = path.replaceAll('\\', '/')
    if (/^[A-Za-z]:/.test(slashed)) slashed = `/${slashed}`
    if (!slashed.startsWith('/')) slashed = `${home}/${slashed}`
    const parts: string[] = []
    for (const part of slashed.split('/')) {
      if (part === '..') parts.pop()
      else if (part !== '' && part !== '.') parts.push(part)
    }
    return `/${parts.join('/')}`
  }

  function toLocal(path: string): string {
    const match = /^\/([A-Za-z]):(.*)$/.exec(normalize(path))
    if (match === null || match[1]?.toLowerCase() !== 'c') throw Object.assign(new Error('No such drive'), { code: 'ENOENT' })
    let found = driveC
    for (const part of (match[2] ?? '').split('/').filter((each) => each !== '')) {
      if (/[<>"|?*:]/.test(part)) throw Object.assign(new Error('Bad name'), { code: 'ENOENT' })
      const exact = join(found, part)
      const names = existsSync(exact) || !existsSync(found) ? [] : readdirSync(found)
      found = join(found, names.find((each) => each.toLowerCase() === part.toLowerCase()) ?? part)
    }
    return found
  }

  function serve<Arguments extends readonly unknown[]>(work: (id: number, ...given: Arguments) => void) {
    return (id: number, ...given: Arguments): void => {
      try {
        work(id, ...given)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const isGone = code === 'ENOENT' || code === 'ENOTDIR'
        sftp.status(id, isGone ? STATUS.NO_SUCH_FILE : code === 'EACCES' ? STATUS.PERMISSION_DENIED : STATUS.FAILURE)
      }
    }
  }

  function hold(handle: Handle): Buffer {
    const id = Buffer.alloc(4)
    lastHandle += 1
    id.writeUInt32BE(lastHandle)
    handles.set(lastHandle, handle)
    return id
  }

  function find(id: Buffer): Handle & { readonly descriptor: number } {
    const handle = handles.get(id.readUInt32BE(0))
    if (handle?.descriptor === undefined) throw new Error('No such handle')
    return handle as Handle & { readonly descriptor: number }
  }

  function close(id: number, handle: Handle): void {
    handles.delete(id)
    if (handle.descriptor === undefined) return
    closeSync(handle.descriptor)
    openFiles.set(handle.path, (openFiles.get(handle.path) ?? 1) - 1)
  }

  const isOpen = (path: string): boolean => (openFiles.get(path) ?? 0) > 0
  const ok = (id: number): void => sftp.status(id, STATUS.OK)
  const toAttributes = (found: Stats) => ({
    mode: found.isDirectory() ? 0o40700 : 0o100600,
    uid: 0,
    gid: 0,
    size: found.size,
    atime: Math.floor(found.atimeMs / 1000),
    mtime: Math.floor(found.mtimeMs / 1000),
  })
  const stat = serve((id: number, path: string) => sftp.attrs(id, toAttributes(statSync(toLocal(path)))))

  sftp.on('error', () => undefined)
  sftp.on('close', () => {
    for (const [id, handle] of handles) close(id, handle)
  })
  sftp.on('REALPATH', (id, path) => {
    const filename = normalize(path)
    sftp.name(id, [{ filename, longname: filename, attrs: toAttributes(statSync(driveC)) }])
  })
  sftp.on('STAT', stat)
  sftp.on('LSTAT', stat)
  sftp.on(
    'OPEN',
    serve((id: number, name: string, flags: number) => {
      const path = toLocal(name)
      // Root may write it all the same.
      if (flags & OPEN_MODE.WRITE && existsSync(path) && (statSync(path).mode & 0o200) === 0) {
        throw Object.assign(new Error('Read-only'), { code: 'EACCES' })
      }
      const descriptor = openSync(path, flagsToString(flags) ?? 'r')
      openFiles.set(path, (openFiles.get(path) ?? 0) + 1)
      sftp.handle(id, hold({ descriptor, path }))
    }),
  )
  sftp.on(
    'READ',
    serve((id: number, handle: Buffer, offset: number, length: number) => {
      const bytes = Buffer.alloc(Math.min(length, 256 * 1024))
      const count = readSync(find(handle).descriptor, bytes, 0, bytes.length, offset)
      if (count === 0) sftp.status(id, STATUS.EOF)
      else sftp.data(id, bytes.subarray(0, count))
    }),
  )
  sftp.on(
    'WRITE',
    serve((id: number, handle: Buffer, offset: number, bytes: Buffer) => {
      if (offset + bytes.length > maxFileBytes) throw new Error('Too large')
      writeSync(find(handle).descriptor, bytes, 0, bytes.length, offset)
      ok(id)
    }),
  )
  sftp.on(
    'FSTAT',
    serve((id: number, handle: Buffer) => sftp.attrs(id, toAttributes(fstatSync(find(handle).descriptor)))),
  )
  sftp.on(
    'CLOSE',
    serve((id: number, handle: Buffer) => {
      const key = handle.readUInt32BE(0)
      const held = handles.get(key)
      if (held !== undefined) close(key, held)
      ok(id)
    }),
  )
  sftp.on(
    'OPENDIR',
    serve((id: number, name: string) => {
      const path = toLocal(name)
      sftp.handle(id, hold({ path, entries: readdirSync(path) }))
    }),
  )
  sftp.on(
    'READDIR',
    serve((id: number, handle: Buffer) => {
      const held = handles.get(handle.readUInt32BE(0))
      const names = held?.entries?.splice(0, 100) ?? []
      if (held === undefined || names.length === 0) return sftp.status(id, STATUS.EOF)
      sftp.name(
        id,
        names.map((filename) => ({ filename, longname: filename, attrs: toAttributes(statSync(join(held.path, filename))) })),
      )
    }),
  )
  sftp.on(
    'MKDIR',
    serve((id: number, path: string) => {
      mkdirSync(toLocal(path))
      ok(id)
    }),
  )
  sftp.on(
    'RMDIR',
    serve((id: number, path: string) => {
      rmdirSync(toLocal(path))
      ok(id)
    }),
  )
  sftp.on(
    'REMOVE',
    serve((id: number, name: string) => {
      const path = toLocal(name)
      if (isOpen(path)) throw new Error(`"${basename(path)}" is open`)
      unlinkSync(path)
      ok(id)
    }),
  )
  sftp.on(
    'RENAME',
    serve((id: number, from: string, to: string) => {
      if (existsSync(toLocal(to)) || isOpen(toLocal(from))) throw new Error('It is there, or open')
      renameSync(toLocal(from), toLocal(to))
      ok(id)
    }),
  )
  sftp.on(
    'EXTENDED',
    serve((id: number, name: string, data: Buffer) => {
      const first = data.toString('utf8', 4, 4 + data.readUInt32BE(0))
      if (name !== 'posix-rename@openssh.com') return sftp.status(id, STATUS.OP_UNSUPPORTED)
      const second = data.toString('utf8', 8 + Buffer.byteLength(first))
      if (isOpen(toLocal(first)) || isOpen(toLocal(second))) throw new Error('It is open')
      renameSync(toLocal(first), toLocal(second))
      ok(id)
    }),
  )
}
