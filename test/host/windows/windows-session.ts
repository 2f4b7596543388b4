/** One command of a client, as a session of Microsoft's server: in a shell of Windows, in a job object (session.c). */

import { spawn } from 'node:child_process'
import type { ServerChannel } from 'ssh2'
import type { Wine } from './wine.ts'
import { endProcess } from './wine-processes.ts'

export interface SessionOptions {
  readonly wine: Wine
  readonly defaultShell: 'cmd' | 'powershell'
  readonly hasPowerShell: boolean
  /** All that runs for the server bears it on its command line. */
  readonly name: string
}

/** @returns what a signal does: the shell is terminated, and its status is 0. */
export function runSession(
  channel: ServerChannel,
  command: string,
  { wine, defaultShell, hasPowerShell, name }: SessionOptions,
): () => void {
  const paths = ['C:\\ffmpeg\\bin', ...(hasPowerShell ? ['C:\\powershell'] : [])]
  const argv = ['C:\\tools\\session.exe', defaultShell, Buffer.from(command).toString('hex'), name]
  const env = { ...wine.env, WINEPATH: paths.join(';') }
  const child = spawn('/usr/bin/wine', argv, { env, cwd: wine.driveC, detached: true, stdio: 'pipe' })
  let isKilled = false
  channel.on('error', () => undefined)
  channel.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  channel.on('close', () => {
    child.stdin.end()
    child.stdout.destroy()
    child.stderr.destroy()
  })
  child.on('close', (status) => {
    if (!channel.writable) return
    channel.exit(isKilled ? 0 : (status ?? 0))
    channel.end()
  })
  return () => {
    isKilled = true
    if (child.pid !== undefined) endProcess(-child.pid)
  }
}
