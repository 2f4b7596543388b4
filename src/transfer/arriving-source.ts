/**
 * A source that a host reads while it travels: ffmpeg asks a port of its own loopback for it, and the connection to the host carries each
 * request to a server here that has this one file open. Nothing of it is staged on the host.
 *
 * The port is open to all users of the host, so a token is wanted. A command line is no place for it, since `ps` shows that to everybody: the
 * shell that becomes ffmpeg makes it, says it on its output, which leads here alone, and gives it to ffmpeg as the password of a proxy, by
 * its environment. Where nobody else sees what a program is started with (Windows), it is put there at once.
 *
 * What the host has of it already, ffmpeg reads from there, and only the rest from the port: its `concat` protocol makes one file of both.
 */

import { randomBytes } from 'node:crypto'
import { isEncodeError } from '../core/errors.ts'
import type { Host, HostListener, TransferOptions } from '../host/host.ts'
import { openSourceServer, type SourceServer, UnfitReader } from './source-server.ts'

export interface ArrivingSource {
  /** What ffmpeg is given to read, and the options that this needs. */
  readonly input: string
  readonly inputOptions: readonly string[]
  /** Goes before ffmpeg and its arguments: gives it the token, and says it in the first line of its output. */
  readonly launcher: readonly string[]
  /** To be told what comes on the output of launcher and ffmpeg: until that line has come, nothing is given. */
  heed(output: Uint8Array): void
  /** Does so, where the host hides it. */
  readonly env: Readonly<Record<string, string>>
  /** Aborted once what ffmpeg reads may not be the whole source: with HOST_LOST, SOURCE_CHANGED, TRANSFER_FAILED, or `ArrivalUnfit`. */
  readonly broken: AbortSignal
  /** ffmpeg was given something to read. */
  readonly hasServed: boolean
  /** To be asked once ffmpeg has ended well: rejects as `broken` does where it was not given the source up to its end. */
  assertWhole(ffmpegSaid: string): Promise<void>
  /** Closes port and file. Never rejects. */
  close(): Promise<void>
}

/** This source is better fetched, or this host has it fetched in any case. */
export class ArrivalUnfit extends Error {
  override readonly name = 'ArrivalUnfit'
  /** No other source need be tried on this host. */
  readonly isOfHost: boolean

  constructor(message: string, options: { readonly isOfHost: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause })
    this.isOfHost = options.isOfHost
  }
}

export interface SourceBeginning {
  readonly hostPath: string
  readonly sizeBytes: number
}

export interface ArrivingSourceRequest {
  readonly host: Pick<Host, 'listen' | 'hidesEnvironment'>
  readonly source: { readonly path: string; readonly sizeBytes: number; readonly mtimeMs: number }
  /** With its full stop; by it ffmpeg guesses at a format. */
  readonly extension: string
  /** The beginning of it, which the host has in a file that does not change any more. */
  readonly beginning?: SourceBeginning | undefined
  /** `onBytes`: bytes that were sent by now, with those of the beginning. */
  readonly options?: Pick<TransferOptions, 'onBytes' | 'turn'> | undefined
  readonly signal: AbortSignal
}

/** Requests may overlap, and what was under way to a reader that jumped is lost; a file that needs more than this jumps too much. */
const MAX_SERVED_RATIO = 1.25
const SPARE_BYTES = 64 * 1024 * 1024
const CLOSE_TIMEOUT_MS = 3_000

/** Rejects with `ArrivalUnfit` where it is of no use to try, else as the server and the host do. */
export async function openArrivingSource(request: ArrivingSourceRequest): Promise<ArrivingSource> {
  const { host, source, beginning, options, signal } = request
  const { listen } = host
  if (listen === undefined) throw new ArrivalUnfit('It has no way for that', { isOfHost: true })
  if (beginning?.hostPath.includes(CONCAT_SEPARATOR))
    throw new ArrivalUnfit('A file name cannot be written for ffmpeg', { isOfHost: false })
  let server: SourceServer | undefined
  const listener = await listen((stream, flow) => (server === undefined ? stream.destroy() : server.accept(stream, flow)), signal).catch(
    (cause: unknown) => {
      throw isEncodeError(cause, 'HOST_UNSUPPORTED') ? new ArrivalUnfit(cause.message, { isOfHost: true, cause }) : cause
    },
  )
  const bearer = host.hidesEnvironment === true ? bearInEnvironment(listener.port) : bearFromShell(listener.port)
  const credentials = bearer.token.then((token) => `${USER}:${token}`)
  credentials.catch(() => undefined)
  try {
    const maxServedBytes = source.sizeBytes * MAX_SERVED_RATIO + SPARE_BYTES
    const fromByte = beginning?.sizeBytes ?? 0
    const onBytes = (bytes: number): void => options?.onBytes?.(fromByte + bytes)
    server = await openSourceServer({ source, fromByte, credentials, maxServedBytes, turn: options?.turn, onBytes })
  } catch (error) {
    await closeListener(listener)
    throw error
  }
  return toArrivingSource(server, listener, bearer, request)
}

function toArrivingSource(
  server: SourceServer,
  listener: HostListener,
  { launcher, env, token, heed }: TokenBearer,
  { extension, beginning }: Pick<ArrivingSourceRequest, 'extension' | 'beginning'>,
): ArrivingSource {
  const broken = new AbortController()
  const stop = (reason: unknown): void => {
    broken.abort(reason instanceof UnfitReader ? new ArrivalUnfit(reason.message, { isOfHost: reason.isOfHost, cause: reason }) : reason)
  }
  token.catch(stop)
  server.broken.addEventListener('abort', () => stop(server.broken.reason), { once: true })
  const onLost = (): void => stop(listener.lost.reason)
  listener.lost.addEventListener('abort', onLost, { once: true })
  if (listener.lost.aborted) onLost()

  // The name of the machine means nothing: the proxy is asked.
  const rest = `http://encode.source/source${extension}`
  return {
    input: beginning === undefined ? rest : `concat:file:${beginning.hostPath}${CONCAT_SEPARATOR}${rest}`,
    // By itself it reads nothing but files behind `concat`.
    inputOptions: beginning === undefined ? [] : ['-protocol_whitelist', 'concat,file,http,httpproxy,tcp'],
    launcher,
    heed,
    env,
    broken: broken.signal,
    get hasServed() {
      return server.hasServed
    },
    async assertWhole(ffmpegSaid) {
      // The answer comes on the connection that carried the source: it stood to the end then, and whoever left off reading chose to.
      await listener.close().catch(stop)
      broken.signal.throwIfAborted()
      if (server.reachedEnd() && !CUT_OFF.test(ffmpegSaid)) return
      throw new ArrivalUnfit(`ffmpeg ended well after ${server.servedBytes} B, and before the end of the source`, { isOfHost: false })
    },
    async close() {
      listener.lost.removeEventListener('abort', onLost)
      await closeListener(listener)
      await server.close()
    },
  }
}

async function closeListener(listener: HostListener): Promise<void> {
  const patience = Promise.withResolvers<void>()
  const timer = setTimeout(patience.resolve, CLOSE_TIMEOUT_MS)
  // A connection that is gone has taken the port with it.
  await Promise.race([listener.close().catch(() => undefined), patience.promise])
  clearTimeout(timer)
}

const CONCAT_SEPARATOR = '|'

const USER = 'encode'
const TOKEN_BYTES = 16
/** What is longer is no token. */
const LONGEST_LINE = 64

/** What ffmpeg says when a source ends before the length that it was told of. */
const CUT_OFF = /Stream ends prematurely/

/**
 * $0 is the port. `echo` is part of every shell, and so on no command line; what it says has digits and letters alone. ffmpeg heeds these two
 * variables, in small letters.
 */
const LAUNCH = [
  't=$(dd if=/dev/urandom bs=16 count=1 2>/dev/null | od -An -v -tx1 | tr -d " \\t\\n");',
  'echo "$t"; [ -n "$t" ] || exit;',
  `http_proxy=http://${USER}:$t@127.0.0.1:$0/; no_proxy=; export http_proxy no_proxy; exec "$@"`,
].join(' ')

/** How ffmpeg gets the token. */
interface TokenBearer {
  /** Rejects with `ArrivalUnfit`. */
  readonly token: Promise<string>
  readonly launcher: readonly string[]
  readonly env: Readonly<Record<string, string>>
  heed(output: Uint8Array): void
}

function bearInEnvironment(port: number): TokenBearer {
  const token = randomBytes(TOKEN_BYTES).toString('hex')
  const env = { http_proxy: `http://${USER}:${token}@127.0.0.1:${port}/`, no_proxy: '' }
  return { token: Promise.resolve(token), launcher: [], env, heed: () => undefined }
}

function bearFromShell(port: number): TokenBearer {
  const { promise: token, resolve, reject } = Promise.withResolvers<string>()
  token.catch(() => undefined)
  let line: string | undefined = ''

  function heed(output: Uint8Array): void {
    if (line === undefined) return
    line += Buffer.from(output.subarray(0, LONGEST_LINE)).toString('latin1')
    if (!line.includes('\n') && line.length < LONGEST_LINE) return
    const [digits] = /^[0-9a-f]{32}(?=\n)/.exec(line) ?? []
    line = undefined
    if (digits === undefined) reject(new ArrivalUnfit('It makes no random numbers with dd and od', { isOfHost: true }))
    else resolve(digits)
  }

  return { token, launcher: ['/bin/sh', '-c', LAUNCH, String(port)], env: {}, heed }
}
