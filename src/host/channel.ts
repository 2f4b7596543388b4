/**
 * A byte channel to one command on a host, and what opens it: the seam between how a host is reached
 * (`ssh/`, `local/`) and what is said there (`shell/`, `facts/`).
 */

import type { Readable, Writable } from 'node:stream'
import type { HostListener, OnConnection } from './host.ts'

export interface ChannelExit {
  /** Null when a signal ended the command, or nobody told. */
  readonly status: number | null
  readonly signal: string | null
}

export interface CommandChannel {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when the channel is closed and all its output has been handed out; rejects with HOST_LOST when the connection broke first. */
  readonly exit: Promise<ChannelExit>
  /** Asks the far side to signal the command (`TERM`, `KILL`), where the transport can. */
  signal(name: 'TERM' | 'KILL'): void
  /** Gives the channel up without waiting. */
  destroy(): void
}

export interface CommandTransport extends AsyncDisposable {
  /** Connects and authenticates. Rejects with HOST_UNREACHABLE, HOST_AUTH_FAILED or HOST_KEY_REFUSED. */
  connect(signal?: AbortSignal): Promise<void>
  /** Starts a command line, read by the host's login shell (the local transport: by /bin/sh). Rejects with HOST_LOST when the connection is gone. */
  openCommand(commandLine: string, signal?: AbortSignal): Promise<CommandChannel>
  /** Whether one more command needs no further connection. Missing where it never does. */
  readonly hasRoom?: (() => boolean) | undefined
  /** Begins to connect what transfers will want, beside whatever else goes on. Failing is left to the transfer that meets it again. */
  readonly prepareTransfers?: (() => void) | undefined
  /** As the Host port's method. */
  readonly listen?: ((onConnection: OnConnection, signal?: AbortSignal) => Promise<HostListener>) | undefined
  /** Aborted, with an EncodeError HOST_LOST as reason, when the host is gone for good. */
  readonly lost: AbortSignal
}
