/**
 * The Host port: the only thing that can run commands and hold files.
 * Implementations: `ssh/` (ssh2) and `local/` (execa). `test/contract/host.ts` is the suite that each of them passes.
 *
 * Contract
 * - Every wait takes an AbortSignal; an aborted call rejects with the signal's reason after what it started has ended
 *   (or, when the host cannot be asked any more, is bound to end by itself within the heartbeat limit).
 * - `EncodeError` HOST_LOST means: the connection is gone, nothing is known of what was under way there, another host may try.
 *   All other EncodeErrors are about the one call.
 * - Paths are absolute host paths in the host's own form. Names are data: no byte of one is read as shell syntax.
 */

import type { Duplex } from 'node:stream'
import type { HostConfig, HostOs } from '../model/config.ts'
import type { FileDigest } from './file-digest.ts'
import type { PathTool } from './shell/windows-program.ts'
import type { Turn } from './turn.ts'

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  /** Each piece of standard output as it comes. Without it the output is collected (bounded) into the result. */
  readonly onStdout?: ((chunk: Buffer) => void) | undefined
  /** Each piece of standard error as it comes; it is collected (its tail) all the same. */
  readonly onStderr?: ((chunk: Buffer) => void) | undefined
  /** Added to the host's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** `nice -n` value. */
  readonly nice?: number | undefined
  /** The command does not begin before this has resolved; what it needs is made ready meanwhile. Its rejection is the call's. */
  readonly mayBegin?: Promise<void> | undefined
  /** Told when the command itself has ended, before the last of its output has come, and before what it left running is ended. */
  readonly onExit?: (() => void) | undefined
  /** Keeps the machine from falling asleep for as long as the command runs, where the platform has a way (caffeinate). */
  readonly keepsAwake?: boolean | undefined
}

export interface RunResult {
  /** The command's own exit status; 128 + n when signal n ended it. */
  readonly status: number
  /** Collected standard output, empty with `onStdout`; at most 4 MiB are kept. */
  readonly stdout: string
  /** The last 64 KiB of standard error. */
  readonly stderr: string
}

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined
  /** Bytes moved so far, with those of `offset`. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Fails when no byte has moved for so long, where bytes travel; 5 minutes unless told, 0 = never. */
  readonly stallMs?: number | undefined
  /** Bytes that an earlier try has brought over: this one begins behind them. */
  readonly offset?: number | undefined
  /** Should the connection break (HOST_LOST), what has come over stays on both sides, for a while, to go on with `offset`. */
  readonly isResumable?: boolean | undefined
  /** Carries a hash from one try to the next, so that no byte is read twice; where none is given, the host makes its own. */
  readonly digest?: FileDigest | undefined
  /** Of a file that comes here: what the host said that it has. Nothing beyond it is taken. */
  readonly maxBytes?: number | undefined
  /**
   * Of a file that goes there: once aborted, the transfer leaves off where it can. It rejects with `TransferCut` then, and what has arrived stays.
   * It may as well go on to its end.
   */
  readonly cut?: AbortSignal | undefined
  /** Its place among the transfers of the run, which whatever moves its bytes over a network asks. */
  readonly turn?: Turn | undefined
}

/** A file of a host that grows while it is copied. */
export interface Growth {
  /** Resolves once it has more than so many bytes, or all that it will have; may tell of more than is asked for, never of less than there is. */
  more(thanBytes: number): Promise<{ readonly sizeBytes: number; readonly isWhole: boolean }>
}

export interface PutOptions extends TransferOptions {
  /** Where the file grows until it is whole, in the folder of its name; the name with `.part` unless told. */
  readonly partialPath?: string | undefined
}

export interface HostFileStat {
  readonly sizeBytes: number
  readonly kind: 'file' | 'folder' | 'other'
}

/** What is found out about a host once, when it comes up. */
export interface HostFacts {
  readonly os: HostOs
  /** Machine architecture as the host names it: `x86_64`, `arm64`. */
  readonly arch: string
  readonly cores: number
  /** How many of them are for performance, where the processor has two kinds (Apple's). */
  readonly fastCores?: number | undefined
  readonly memoryBytes: number | undefined
  /** Absolute path of ffmpeg on the host, or the configured one. */
  readonly ffmpegPath: string
  /** What the host calls the file that it is: another or a newer one has another name. Undefined where it cannot tell, and for one that is believed. */
  readonly ffmpegFile?: string | undefined
  /** As ffmpeg's first line says it: `5.1.6-0+deb12u1`. */
  readonly ffmpegVersion: string
  /** This ffmpeg is a Windows program on a POSIX host: what turns the host's paths into those that it understands. */
  readonly pathTool?: PathTool | undefined
  readonly ffprobePath: string | undefined
  /** Names of the video and audio encoders that this ffmpeg lists. */
  readonly encoders: readonly string[]
  /** Names of the codecs that these encoders make: what `-c:v h264` may name instead of an encoder. */
  readonly codecs?: readonly string[] | undefined
  /** Ways of decoding in hardware that this ffmpeg was built with (`-hwaccel`); whether a device is there is another matter. */
  readonly hwaccels?: readonly string[] | undefined
  /**
   * Which devices of hardware encoders are there: `dri`, `nvidia`, `dxg`, `video`. Undefined where that cannot be told: on all systems but
   * Linux, and where ffmpeg is a script, which may have its devices elsewhere.
   */
  readonly devices?: readonly string[] | undefined
  /** Folder for work files, absolute, exists, writable. */
  readonly workingDir: string
  /** Free space there; undefined where it cannot be told. */
  readonly freeBytes: number | undefined
}

export interface HostLoad {
  /** One-minute load average divided by the number of cores. */
  readonly cpuRatio: number
}

/** Tells who writes many bytes to a stream of a host when there is room for more of them on the way. */
export interface StreamFlow {
  /** Resolves when so many bytes may be written, which then are. `onStall` is told when that takes its time, and always when it is over. */
  room(bytes: number, onStall: (isStalled: boolean) => void): Promise<void>
}

export type OnConnection = (stream: Duplex, flow: StreamFlow) => void

/** A port on a host's own loopback, open to every user there. */
export interface HostListener {
  readonly port: number
  /** Aborted with HOST_LOST when the connection that carries it broke: before any of its streams ends because of that. */
  readonly lost: AbortSignal
  /** Closes the port; streams that are open stay so. The host has answered when it resolves: until then nothing was lost. Rejects with HOST_LOST. */
  close(): Promise<void>
}

/** What an ffmpeg was found to be. */
export interface KnownFfmpeg extends Pick<HostFacts, 'ffmpegVersion' | 'encoders' | 'codecs' | 'hwaccels'> {
  /** As the host names it: inode, size, time and path. */
  readonly ffmpegFile: string
}

export interface OpenOptions {
  /** Nothing is made on the host: a working folder that is missing is judged by the folder it would be made in. */
  readonly changesNothing?: boolean | undefined
  /**
   * An ffmpeg that was found there earlier. Where the same file is there, it is believed, and asked meanwhile: should it turn out to be
   * otherwise, `onOther` is called, and the host counts as lost, to be opened anew without it.
   */
  readonly known?: { readonly ffmpeg: KnownFfmpeg; readonly onOther: () => void } | undefined
}

export interface Host extends AsyncDisposable {
  readonly config: HostConfig
  /** Random; what this connection has on the host bears it. */
  readonly mark: string
  /**
   * Opens the host and finds out about it. Called once before anything else; rejects with HOST_UNREACHABLE, HOST_AUTH_FAILED,
   * HOST_KEY_REFUSED, HOST_NO_FFMPEG, HOST_FOLDER_UNUSABLE or HOST_UNSUPPORTED.
   */
  open(signal?: AbortSignal, options?: OpenOptions): Promise<HostFacts>
  /** Runs a program on a leash: it ends when it ends, when the signal is aborted (asked, then killed), or when this controller is gone. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>
  /**
   * Copies a file of the controller to the host; complete, or rejected. Until it is complete nothing stands under its name.
   * With `checksum` in the host's configuration both sides' SHA-256 are compared.
   */
  putFile(controllerPath: string, hostPath: string, options?: PutOptions): Promise<void>
  /** Copies a file of the host to the controller (made anew, mode 0600); complete, compared and fsynced, or rejected. */
  getFile(hostPath: string, controllerPath: string, options?: TransferOptions): Promise<void>
  /**
   * Copies a file of the host to the controller (made anew, mode 0600) while a program there still writes to it. When it is whole, all that was
   * read too early is read again, and both sides' SHA-256 are compared: equal and fsynced, or rejected; then nothing is left of it here.
   * Rejects at once with HOST_UNSUPPORTED where nothing there makes a hash. Missing where a host has no such thing.
   */
  readonly followFile?: ((hostPath: string, controllerPath: string, growth: Growth, options?: TransferOptions) => Promise<void>) | undefined
  /**
   * Takes over a file that a broken transfer left, of this connection or an earlier one (by its mark), which writes to it no more then.
   * `to` may be `from` for what this connection only reads. False: it cannot be relied on, or is gone.
   */
  adoptFile(mark: string, from: string, to: string, signal?: AbortSignal): Promise<boolean>
  /** Undefined where nothing of that name exists. */
  statFile(hostPath: string, signal?: AbortSignal): Promise<HostFileStat | undefined>
  /** Makes a folder that only its owner can enter, with its parents; no error where it exists. */
  makeFolder(hostPath: string, signal?: AbortSignal): Promise<void>
  /** Removes files and whole folders; no error where nothing is there. */
  removeFiles(hostPaths: readonly string[], signal?: AbortSignal): Promise<void>
  /**
   * Names a file or folder that the host removes by itself should this controller vanish (killed, cut off) before `release` is called.
   * `release` only forgets; it removes nothing.
   */
  guardFile(hostPath: string): Promise<{ release(): void }>
  /**
   * Opens a port there, of the host's choice; each connection that one of its programs makes to it is handed over. The port goes with this
   * connection. Rejects with HOST_UNSUPPORTED where the host does not want that. Missing where a host has no such thing.
   */
  readonly listen?: ((onConnection: OnConnection, signal?: AbortSignal) => Promise<HostListener>) | undefined
  /** What a program gets as its environment, none but its user and the administrators there can see. */
  readonly hidesEnvironment?: boolean | undefined
  freeBytes(hostFolder: string, signal?: AbortSignal): Promise<number | undefined>
  /** Whether the user may write to a file that is there, which stays as it is; undefined where it cannot be told. Missing where `test -w` tells. */
  readonly canWriteFile?: ((hostPath: string, signal?: AbortSignal) => Promise<boolean | undefined>) | undefined
  /** What its clock says, in seconds since 1970; undefined where nothing there tells. Missing where `date` does. */
  readonly readClock?: ((signal?: AbortSignal) => Promise<number | undefined>) | undefined
  load(signal?: AbortSignal): Promise<HostLoad>
  /** Joins a folder and a name in the host's own form. */
  joinPath(hostFolder: string, name: string): string
  /** For a host that was lost: rejects what is under way with HOST_LOST, and gives the connection up as if this controller had vanished. */
  leave(): Promise<void>
  /** Ends what still runs there, leaves what is still guarded to the guard (it removes it), then ends the connection. */
  [Symbol.asyncDispose](): Promise<void>
}
