/** Answers of a host's tools → values. Pure; `test/cases/facts/` holds answers in the form that each system gives. */

import { toPlainLine } from '../../core/text.ts'
import type { HostOs } from '../../model/config.ts'
import type { KnownFfmpeg } from '../host.ts'
import type { PathTool } from '../shell/windows-program.ts'

/** What the facts command said, before anything is demanded of it. */
export interface HostAnswer {
  /** Undefined for a system that is not known here; `systemName` is what it calls itself, empty where it does not. */
  readonly os: HostOs | undefined
  readonly systemName: string
  readonly arch: string
  readonly cores: number
  readonly fastCores: number | undefined
  readonly memoryBytes: number | undefined
  readonly home: string | undefined
  readonly ffmpegPath: string | undefined
  readonly pathTool: PathTool | undefined
  readonly ffmpegFile: string | undefined
  /** Undefined when ffmpeg did not say one; `ffmpegFirstLine` is what it said instead. */
  readonly ffmpegVersion: string | undefined
  readonly ffmpegFirstLine: string
  readonly ffprobePath: string | undefined
  readonly devices: readonly string[] | undefined
  readonly encoders: readonly string[]
  readonly codecs: readonly string[]
  readonly hwaccels: readonly string[]
  readonly workingDir: string
  /** Why the working folder cannot be used. */
  readonly workingDirError: string | undefined
  readonly freeBytes: number | undefined
}

/** What a host says of itself is shown, stored and handed on: words, names and numbers of a size that a host can have. */
const MAX_WORD = 80
const MAX_NAMES = 2000
const MAX_CORES = 65_536

/** Undefined when the answer is not whole. */
export function parseFacts(stdout: string): HostAnswer | undefined {
  const [head, list] = splitOnce(stdout, '\nencoders:\n')
  if (list === undefined || !/^end:$/m.test(list)) return undefined
  const values = new Map(head.split('\n').map((line) => splitOnce(line.trim(), '=')))
  const value = (name: string): string | undefined => values.get(name)?.trim() || undefined
  // With its release behind it.
  const systemName = value('os')?.split(' ', 1)[0] ?? ''
  const memoryKb = toWhole(value('memory_kb'))
  const ffmpegFirstLine = value('version') ?? ''
  return {
    os: toHostOs(systemName),
    systemName,
    arch: toPlainLine(value('arch') ?? '', MAX_WORD) || 'unknown',
    cores: Math.min(MAX_CORES, Math.max(1, toWhole(value('cores')) ?? 1)),
    fastCores: toWhole(value('fast_cores')) || undefined,
    memoryBytes: memoryKb === undefined ? toWhole(value('memory_bytes')) : memoryKb * 1024,
    home: value('home'),
    ffmpegPath: value('ffmpeg'),
    ffmpegFile: value('ffmpeg_file'),
    pathTool: toPathTool(value('path_tool')),
    ffmpegVersion: toPlainLine(/^ffmpeg version ([^\s,]+)/.exec(ffmpegFirstLine)?.[1] ?? '', MAX_WORD) || undefined,
    ffmpegFirstLine,
    ffprobePath: value('ffprobe'),
    devices: parseDevices(value('devices')),
    encoders: parseEncoders(list),
    codecs: parseCodecs(list),
    hwaccels: parseHwaccels(list),
    workingDir: value('folder') ?? '',
    workingDirError: value('folder_error'),
    freeBytes: parseFreeBytes(value('df') ?? ''),
  }
}

/** What is said before an ffmpeg that is known is asked again; undefined while it is not whole, or where another one is there. */
export function parseReady(stdout: string, known: KnownFfmpeg): HostAnswer | undefined {
  const [head, rest] = splitOnce(stdout, '\nready:\n')
  const answer = rest === undefined ? undefined : parseFacts(`${head}\nencoders:\nend:\n`)
  if (answer === undefined || answer.ffmpegFile !== known.ffmpegFile) return undefined
  const { ffmpegVersion, encoders, codecs = [], hwaccels = [] } = known
  return { ...answer, ffmpegVersion, encoders, codecs, hwaccels }
}

/** Names from `ffmpeg -encoders`: ` V....D libx264   libx264 H.264 …`, video and audio only. */
export function parseEncoders(text: string): readonly string[] {
  return [...text.matchAll(/^ [VA][A-Z.]{5} ([\w.+-]{1,64})\s/gm)].slice(0, MAX_NAMES).map(([, name = '']) => name)
}

/** `known dri nvidia`: without the first word, nobody could tell. */
function parseDevices(words: string | undefined): readonly string[] | undefined {
  const [first, ...names] = words?.split(' ') ?? []
  return first === 'known' ? names.slice(0, MAX_NAMES) : undefined
}

/** Names behind the heading of `ffmpeg -hwaccels`, one a line. */
export function parseHwaccels(text: string): readonly string[] {
  const [, list = ''] = splitOnce(text, '\nhwaccels:\n')
  return [...list.matchAll(/^([a-z0-9_]{1,64})$/gm)].slice(0, MAX_NAMES).map(([, name = '']) => name)
}

/** Codecs of these encoders, where they bear another name: `libx264 … (codec h264)`. */
export function parseCodecs(text: string): readonly string[] {
  const codecs = [...text.matchAll(/^ [VA][A-Z.]{5} .*\(codec ([\w.+-]{1,64})\)\s*$/gm)].slice(0, MAX_NAMES)
  return [...new Set(codecs.map(([, name = '']) => name))]
}

/**
 * Free bytes from the last line of `df -Pk`. Names of filesystems and mount points may hold spaces, and some BSDs put inode columns
 * behind the capacity: the columns are found from the one with the percent sign.
 */
export function parseFreeBytes(dfOutput: string): number | undefined {
  const line = dfOutput.trimEnd().split('\n').at(-1) ?? ''
  const match = /\s\d+\s+-?\d+\s+(-?\d+)\s+(?:\d+%|-)(?:\s|$)/.exec(line)
  const kib = match === null ? Number.NaN : Math.max(0, Number(match[1]))
  return Number.isSafeInteger(kib * 1024) ? kib * 1024 : undefined
}

/** One-minute load from `/proc/loadavg`, `sysctl -n vm.loadavg` (`{ 1.52 1.40 1.31 }`) or `uptime` (`load average(s): 1,52, 1,40`). */
export function parseLoad(text: string): number | undefined {
  const averages = /load averages?:?\s*(.*)/i.exec(text)?.[1] ?? text
  const match = /^\s*\{?\s*(\d+)[.,](\d+)/.exec(averages)
  return match === null ? undefined : Number(`${match[1]}.${match[2]}`)
}

function toHostOs(systemName: string): HostOs | undefined {
  if (systemName === 'Linux') return 'linux'
  if (systemName === 'Darwin') return 'macos'
  if (systemName === 'FreeBSD') return 'freebsd'
  if (systemName === 'OpenBSD') return 'openbsd'
  if (systemName === 'NetBSD') return 'netbsd'
  // What uname says in the shells that come with Git, MSYS2 and Cygwin.
  return /^(?:MINGW|MSYS|CYGWIN|Windows)/i.test(systemName) ? 'windows' : undefined
}

function toPathTool(name: string | undefined): PathTool | undefined {
  return name === 'wslpath' || name === 'cygpath' ? name : undefined
}

function toWhole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}
