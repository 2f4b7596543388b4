/** The byte stream below an SSH connection: TCP, a proxy command, or a channel through another host. */

import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { platform } from 'node:os'
import { Duplex } from 'node:stream'
import { toSocketError, toTimeoutError } from './connect-errors.ts'
import { corkWrites } from './cork-writes.ts'
import type { SshSettings } from './ssh-settings.ts'

/** Rejects with HOST_UNREACHABLE, or with the signal's reason. */
export async function dialTcp(settings: SshSettings, signal?: AbortSignal): Promise<Duplex> {
  signal?.throwIfAborted()
  const socket = new Socket()
  socket.setNoDelay(true)
  return await new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      settle()
      socket.on('error', () => undefined)
      socket.destroy()
      reject(error)
    }
    const onError = (error: Error): void => fail(toSocketError(firstOf(error), settings))
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(() => fail(toTimeoutError(settings, 'connection')), settings.connectTimeoutMs)
    const settle = (): void => {
      clearTimeout(timer)
      socket.off('error', onError)
      signal?.removeEventListener('abort', onAbort)
    }
    socket.on('error', onError)
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.connect({ host: settings.hostname, port: settings.port, family: settings.addressFamily }, () => {
      settle()
      resolve(corkWrites(socket))
    })
  })
}

/** A line of the user's own ssh configuration: like ssh, it is given to the user's shell, on Windows to cmd.exe. */
export function dialCommand(command: string, env: Readonly<Record<string, string | undefined>>): Duplex {
  const [shell, ...argv] =
    platform() === 'win32'
      ? [env.ComSpec ?? 'cmd.exe', '/d', '/s', '/c', `"${command}"`]
      : [env.SHELL ?? '/bin/sh', '-c', `exec ${command}`]
  const child = spawn(shell, argv, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...env },
    windowsHide: true,
    windowsVerbatimArguments: true,
  })
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  child.once('error', (error) => stream.destroy(error))
  child.once('exit', (status) => {
    if (status !== 0 && !stream.destroyed) stream.destroy(new Error(`The proxy command "${command}" ended with status ${status}`))
  })
  stream.once('close', () => child.kill())
  return stream
}

/** With several addresses Node reports one error that holds those of all of them. */
function firstOf(error: Error): Error {
  return error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error
}
