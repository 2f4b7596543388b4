/**
 * One file of the controller, read by one program on a host: HTTP/1.1 (RFC 9110) with ranges, over streams that somebody else accepts.
 *
 * Everybody on the host can reach the port. Only who knows the token gets anything; it is asked for as a proxy asks for a password, so
 * that it need not stand in the address, where `ps` would show it to everybody (see `arriving-source.ts`).
 *
 * ffmpeg takes a source that breaks off for one that ends, and ends well. So this side keeps account: `broken` tells what went wrong here,
 * `reachedEnd` whether the reader was given everything up to the end.
 */

import { timingSafeEqual } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { EncodeError } from '../core/errors.ts'
import { toPlainLine } from '../core/text.ts'
import { untilAborted } from '../core/until-aborted.ts'
import type { StreamFlow } from '../host/host.ts'
import type { Turn } from '../host/turn.ts'
import { parseByteRange } from './byte-range.ts'
import { createServedRanges } from './served-ranges.ts'

export interface SourceServerOptions {
  readonly source: { readonly path: string; readonly sizeBytes: number; readonly mtimeMs: number }
  /** The reader has what comes before, and takes the rest for a file. */
  readonly fromByte?: number | undefined
  /** What the reader must say: user name and password, with a colon between. Who asks before they are known waits; where they never are, nobody gets anything. */
  readonly credentials: Promise<string>
  /** A reader that jumps about and so takes more than this in all is better given a file. */
  readonly maxServedBytes: number
  /** Bytes given by now, in all. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Its place among the transfers of the run. */
  readonly turn?: Turn | undefined
}

export interface SourceServer {
  /** Takes over a connection. */
  accept(stream: Duplex, flow?: StreamFlow): void
  /** Aborted once the reader may have been given less than it asked for. */
  readonly broken: AbortSignal
  /** Somebody with the token was given bytes. */
  readonly hasServed: boolean
  /** What was asked for last was given up to the end of the file, as far as it was not given before. */
  reachedEnd(): boolean
  /** Bytes given so far. */
  readonly servedBytes: number
  /** Ends all connections and closes the file. */
  close(): Promise<void>
}

/** Who reads here is better given a file. */
export class UnfitReader extends Error {
  override readonly name = 'UnfitReader'
  /** Whatever the file is: somebody else there is at the port. */
  readonly isOfHost: boolean

  constructor(message: string, { isOfHost }: { readonly isOfHost: boolean }) {
    super(message)
    this.isOfHost = isOfHost
  }
}

const PIECE_BYTES = 1024 * 1024
/** ffmpeg reads a little, jumps to the index, and back: what is on its way then is sent for nothing. So pieces are small at first, and double. */
const FIRST_PIECE_BYTES = 64 * 1024
/** ffmpeg has one open, and another for a moment when it jumps. */
const MAX_CONNECTIONS = 16
/** For a request with the token on a new connection. */
const REQUEST_TIMEOUT_MS = 30_000
const MAX_HEADER_BYTES = 8192
/** A reader that takes nothing at all: nobody measures what it moves. */
const RESTS_AFTER_MS = 2_000

/** Rejects with SOURCE_UNREADABLE or SOURCE_CHANGED. */
export async function openSourceServer(options: SourceServerOptions): Promise<SourceServer> {
  const { source, fromByte = 0, credentials, maxServedBytes, onBytes, turn } = options
  const { path } = source
  const sizeBytes = source.sizeBytes - fromByte
  // Loading it takes 20 ms, which most runs need not wait for.
  const { createServer } = await import('node:http')
  const file = await openUnchanged(source)
  const wanted = credentials.then((known) => Buffer.from(`Basic ${Buffer.from(known).toString('base64')}`))
  wanted.catch(() => undefined)
  const broken = new AbortController()
  const served = createServedRanges(sizeBytes)
  const streams = new Set<Duplex>()
  const answering = new Set<Promise<void>>()
  let servedBytes = 0
  const closing = new AbortController()

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    response.on('error', () => undefined)
    const work = answer(request, response)
      .catch((error: unknown) => {
        if (!closing.signal.aborted) broken.abort(toReadError(path, error))
        request.socket.destroy()
      })
      .finally(() => {
        answering.delete(work)
        if (answering.size === 0) turn?.rest()
      })
    answering.add(work)
  })
  const authorised = new WeakSet<object>()
  const flows = new WeakMap<object, StreamFlow>()
  server.on('clientError', (_error, stream) => stream.destroy())

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isAuthorised(request, await untilAborted(wanted, closing.signal))) {
      return refuse(response, 407, { 'Proxy-Authenticate': 'Basic realm="encode"' })
    }
    authorised.add(request.socket)
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, { Allow: 'GET, HEAD' })
    const range = parseByteRange(request.headers.range, sizeBytes)
    if (range === 'unsatisfiable') return refuse(response, 416, { 'Content-Range': `bytes */${sizeBytes}` })
    const { start, end } = range ?? { start: 0, end: sizeBytes }
    const headers = { 'Content-Type': 'application/octet-stream', 'Accept-Ranges': 'bytes', 'Content-Length': end - start }
    if (range === undefined) response.writeHead(200, headers)
    else response.writeHead(206, { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${sizeBytes}` })
    if (request.method === 'GET') await give(start, end, response)
    response.end()
  }

  /** Resolves when all was given, or nobody takes more. */
  async function give(start: number, end: number, response: ServerResponse): Promise<void> {
    const account = served.begin(start)
    const gone = new Promise<false>((resolve) => response.once('close', () => resolve(false)))
    // Read into one while the other is on its way.
    let [current, next] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)]
    let pieceBytes = FIRST_PIECE_BYTES
    let piece = await read(current.subarray(0, pieceBytes), start, end)
    while (piece.length > 0 && !response.closed) {
      await Promise.race([untilRoom(piece.length, response), gone])
      await turn?.take(piece.length, closing.signal)
      const at = account.position + piece.length
      pieceBytes = Math.min(2 * pieceBytes, PIECE_BYTES)
      const reading = read(next.subarray(0, pieceBytes), at, end)
      const [isTaken, following] = await Promise.all([Promise.race([write(response, piece), gone]), reading])
      if (!isTaken) return
      account.add(piece.length)
      servedBytes += piece.length
      onBytes?.(servedBytes)
      if (servedBytes > maxServedBytes)
        throw new UnfitReader(`The reader took ${servedBytes} B of a file of ${sizeBytes} B`, { isOfHost: false })
      piece = following
      ;[current, next] = [next, current]
    }
  }

  /** It may be the reader's own: then ffmpeg would take it for the end of the file. */
  function turnAway(stream: Duplex, why: string): void {
    broken.abort(new UnfitReader(why, { isOfHost: true }))
    stream.destroy()
  }

  /** Resolves when it is on its way. */
  async function write(response: ServerResponse, piece: Buffer): Promise<true> {
    await new Promise<void>((resolve) => response.write(piece, () => resolve()))
    return true
  }

  /** Resolves when there is room for it on the way. */
  async function untilRoom(bytes: number, { socket, closed }: ServerResponse): Promise<void> {
    const flow = socket === null || closed ? undefined : flows.get(socket)
    // An encoder that is slower than the line: others need not step back for it.
    const resting = setTimeout(() => turn?.rest(), RESTS_AFTER_MS)
    await flow?.room(bytes, (isStalled) => turn?.stall(isStalled))
    clearTimeout(resting)
  }

  /** Nothing at the end of the range alone. */
  async function read(buffer: Buffer, position: number, end: number): Promise<Buffer> {
    const length = Math.min(turn?.pieceBytes() ?? buffer.length, buffer.length, end - position)
    if (length === 0) return buffer.subarray(0, 0)
    const { bytesRead } = await file.read(buffer, 0, length, fromByte + position)
    if (bytesRead === 0) throw changedError(path)
    return buffer.subarray(0, bytesRead)
  }

  return {
    accept(stream, flow) {
      if (closing.signal.aborted) return void stream.destroy()
      if (streams.size >= MAX_CONNECTIONS) return turnAway(stream, `More than ${MAX_CONNECTIONS} connections at a time`)
      streams.add(stream)
      if (flow !== undefined) flows.set(stream, flow)
      const patience = setTimeout(() => {
        if (!authorised.has(stream)) turnAway(stream, `No request within ${REQUEST_TIMEOUT_MS / 1000} s on a connection`)
      }, REQUEST_TIMEOUT_MS)
      stream.once('close', () => {
        clearTimeout(patience)
        streams.delete(stream)
      })
      stream.on('error', () => stream.destroy())
      // A reader that is done closes both directions; ssh2 says only that of the one.
      stream.once('end', () => stream.destroy())
      server.emit('connection', stream)
    },
    broken: broken.signal,
    get hasServed() {
      return servedBytes > 0
    },
    get servedBytes() {
      return servedBytes
    },
    reachedEnd: served.reachedEnd,
    async close() {
      closing.abort()
      for (const stream of streams) stream.destroy()
      server.close()
      await Promise.allSettled(answering)
      await file.close()
    },
  }
}

async function openUnchanged({ path, sizeBytes, mtimeMs }: SourceServerOptions['source']): Promise<FileHandle> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new EncodeError('SOURCE_UNREADABLE', `"${path}" cannot be read: ${toPlainLine(String(error))}`, {
      hint: 'Check the path and its permissions',
      cause: error,
    })
  })
  const found = await file.stat()
  if (found.isFile() && found.size === sizeBytes && Math.abs(found.mtimeMs - mtimeMs) < 1) return file
  await file.close()
  throw changedError(path)
}

function isAuthorised({ headers }: IncomingMessage, wanted: Buffer): boolean {
  const given = Buffer.from(headers['proxy-authorization'] ?? '')
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { ...headers, 'Content-Length': 0, Connection: 'close' }).end()
}

function changedError(path: string): EncodeError {
  return new EncodeError('SOURCE_CHANGED', `"${path}" changed while it was sent`, {
    hint: 'Encode it when nothing writes to it any more',
  })
}

function toReadError(path: string, error: unknown): unknown {
  if (error instanceof EncodeError || error instanceof UnfitReader) return error
  return new EncodeError('TRANSFER_FAILED', `"${path}" cannot be read: ${toPlainLine(String(error))}`, {
    hint: 'Look at the disk or the network folder that it is on',
    cause: error,
  })
}
