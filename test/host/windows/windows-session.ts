/** One command of a client, as a session of Microsoft's server: in a shell of Windows, in a job object (session.c). */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
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

/** What session.exe says first. */
const STANDS = 6
const MAX_STARTS = 3

/** @returns what a signal does: the shell is terminated, and its status is 0. */
export function runSession(
  channel: ServerChannel,
  command: string,
  { wine, defaultShell, hasPowerShell, name }: SessionOptions,
): () => void {
  const paths = ['C:\\ffmpeg\\bin', ...(hasPowerShell ? ['C:\\powershell'] : [])]
  const argv = ['C:\\tools\\session.exe', defaultShell, Buffer.from(command).toString('hex'), name, 'told']
  const env = { ...wine.env, WINEPATH: paths.join(';') }
  let isKilled = false
  let child = start(1)
  channel.on('error', () => undefined)
  channel.on('close', () => {
    child.stdin.end()
    child.stdout.destroy()
    child.stderr.destroy()
  })

  /** Nothing is given to a shell that does not stand yet: another one may take its place. */
  function start(attempt: number): ChildProcessWithoutNullStreams {
    const started = spawn('/usr/bin/wine', argv, { env, cwd: wine.driveC, detached: true, stdio: 'pipe' })
    let stands = false
    started.stdin.on('error', () => undefined)
    started.stdout.once('data', (first: Buffer) => {
      stands = first[0] === STANDS
      channel.write(first.subarray(stands ? 1 : 0))
      channel.pipe(started.stdin)
      started.stdout.pipe(channel, { end: false })
    })
    started.stderr.pipe(channel.stderr, { end: false })
    started.on('close', (status) => {
      if (!channel.writable) return
      if (!stands && !isKilled && attempt < MAX_STARTS) {
        child = start(attempt + 1)
        return
      }
      channel.exit(isKilled ? 0 : (status ?? 0))
      channel.end()
    })
    return started
  }

  return () => {
    isKilled = true
    if (child.pid !== undefined) endProcess(-child.pid)
  }
}
