/** Paths of a Windows host in its own form and in its SFTP server's, and the names that no Windows can hold. */

import { EncodeError } from '../../core/errors.ts'
import { toVisible } from '../../core/text.ts'

/** As the SFTP server of Win32-OpenSSH takes them: `C:\a\b` is `/C:/a/b`, `\\server\share` is `//server/share`. */
export function toSftpPath(hostPath: string): string {
  const path = hostPath.replaceAll('\\', '/')
  // `m:Video` begins at the current folder of the drive, which is its root in a session that has just begun.
  const drive = /^\/?([A-Za-z]:)\/?(.*)$/s.exec(path)
  return drive === null ? path : `/${drive[1]}/${drive[2]}`
}

/** The other way round. */
export function fromSftpPath(path: string): string {
  const drive = /^\/?([A-Za-z]:)(.*)$/s.exec(path)
  return (drive === null ? path : `${drive[1]}${drive[2] === '' ? '/' : drive[2]}`).replaceAll('/', '\\')
}

export function joinWindowsPath(folder: string, name: string): string {
  return /[\\/]$/.test(folder) ? `${folder}${name}` : `${folder}\\${name}`
}

/**
 * A path of a program's argument, ours or behind ffmpeg's `file:`, in the form that carries more than 259 characters to programs and machines
 * that know nothing of long paths. It is read as it stands, so only a path without `.` and `..` can be told so.
 * https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation
 */
export function toProgramArgument(argument: string): string {
  const [, scheme = '', path = ''] = /^(file:)?(.*)$/s.exec(argument) ?? []
  if (path.length < LONG_PATH || path.startsWith('\\\\?\\') || path.split(/[\\/]/).some((part) => part === '.' || part === '..'))
    return argument
  const plain = path.replaceAll('/', '\\')
  if (/^[A-Za-z]:\\/.test(plain)) return `${scheme}\\\\?\\${plain}`
  return /^\\\\[^\\]/.test(plain) ? `${scheme}\\\\?\\UNC\\${plain.slice(2)}` : argument
}

/** A folder's, into which a file of a short name is still to go. */
const LONG_PATH = 248

/** With a drive, or a share. */
export function isWindowsPath(path: string): boolean {
  return /^[A-Za-z]:/.test(path) || /^\\\\[^\\]/.test(path)
}

/** Refuses what no temporary file of ours can be called. */
export function assertRemovableOnWindows(hostPath: string): void {
  const rest = /^(?:[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/]+[\\/])(.+)$/s.exec(hostPath)?.[1]
  const parts = rest?.split(/[\\/]/) ?? []
  if (!parts.includes('..') && parts.some((part) => part !== '' && part !== '.') && findUnfitName(hostPath) === undefined) return
  throw new EncodeError('COMMAND_FAILED', `"${toVisible(hostPath)}" is not removed: it is not the absolute path of a file or folder`)
}

/**
 * The first part of a path that Windows cannot hold, and why; undefined where there is none.
 * https://learn.microsoft.com/windows/win32/fileio/naming-a-file
 */
export function findUnfitName(hostPath: string): { readonly name: string; readonly why: string } | undefined {
  for (const name of hostPath.replace(/^[A-Za-z]:/, '').split(/[\\/]/)) {
    const why = name === '' || name === '.' || name === '..' ? undefined : whyUnfit(name)
    if (why !== undefined) return { name, why }
  }
  return undefined
}

/** @throws HOST_SEES_NO_MEDIA: another host may hold it. */
export function assertFitName(hostPath: string, hostName: string): void {
  const unfit = findUnfitName(hostPath)
  if (unfit === undefined) return
  throw new EncodeError(
    'HOST_SEES_NO_MEDIA',
    `Host "${hostName}" runs Windows, which cannot hold "${toVisible(unfit.name)}": ${unfit.why}`,
    {
      hint: 'Rename it, or set "type: streaming" for this host: files that travel bear other names there',
    },
  )
}

function whyUnfit(name: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const forbidden = /[<>:"|?*\u0000-\u001f]/.exec(name)?.[0]
  if (forbidden !== undefined) return `a name has no ${toVisible(forbidden)} there`
  if (/[. ]$/.test(name)) return `a name ends in no ${name.endsWith('.') ? 'dot' : 'space'} there`
  if (/^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i.test(name)) return 'it is the name of a device'
  return undefined
}
