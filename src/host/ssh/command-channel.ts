/** An ssh2 channel as the CommandChannel that the rest of the program knows. */

import { Writable } from 'node:stream'
import type { ClientChannel } from 'ssh2'
import type { ChannelExit, CommandChannel } from '../channel.ts'

export function toCommandChannel(channel: ClientChannel, exit: Promise<ChannelExit>): CommandChannel {
  return {
    stdin: toStdin(channel),
    stdout: channel,
    stderr: channel.stderr,
    exit,
    // ssh2 sends signals only while the standard input is open.
    signal: (name) => channel.signal(name),
    destroy: () => closeChannel(channel),
  }
}

/** Gives a channel up: what still comes is dropped, so that its end is not held up by output that nobody reads. */
export function closeChannel(channel: ClientChannel): void {
  channel.removeAllListeners('data').resume()
  channel.stderr.removeAllListeners('data').resume()
  channel.destroy()
}

/** @param lost the connection's: aborted before its channels end when it breaks. */
export async function waitForExit(channel: ClientChannel, lost: AbortSignal): Promise<ChannelExit> {
  let exit: ChannelExit | undefined
  channel.once('exit', (status: number | null, signal?: string) => {
    exit = { status, signal: signal?.replace(/^SIG/, '') ?? null }
  })
  const ends = [
    new Promise<void>((resolve) => channel.once('close', () => resolve())),
    new Promise<void>((resolve) => channel.stderr.once('end', () => resolve()).once('close', () => resolve())),
  ]
  await Promise.all(ends)
  if (exit === undefined && lost.aborted) throw lost.reason
  return exit ?? { status: null, signal: null }
}

/** ssh2 never answers a write to a channel that is closed. Here such bytes vanish, as those in flight do; the exit tells the story. */
function toStdin(channel: ClientChannel): Writable {
  let isClosed = false
  let pending: (() => void) | undefined
  const release = (): void => {
    const done = pending
    pending = undefined
    done?.()
  }
  channel.once('close', () => {
    isClosed = true
    release()
  })
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (isClosed || !channel.writable) return done()
      pending = done
      channel.write(chunk, release)
    },
    final(done) {
      if (!isClosed) channel.end()
      done()
    },
  })
}
