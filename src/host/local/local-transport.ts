/**
 * Commands on the controller itself where that is POSIX, over the same seam as those of remote hosts: /bin/sh reads the command line, and its stdin,
 * a pipe from this process, is the leash. A local ffmpeg therefore ends with a killed controller as a remote one does.
 */

import { EncodeError } from '../../core/errors.ts'
import type { ChannelExit, CommandChannel, CommandTransport } from '../channel.ts'

export interface LocalTransportOptions {
  readonly hostName: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export function createLocalTransport({ hostName, env }: LocalTransportOptions): CommandTransport {
  const closed = new AbortController()
  const open = new Set<CommandChannel>()

  async function openCommand(commandLine: string, signal?: AbortSignal): Promise<CommandChannel> {
    signal?.throwIfAborted()
    closed.signal.throwIfAborted()
    const channel = await startShell(commandLine, hostName, env)
    open.add(channel)
    void channel.exit.then(() => open.delete(channel))
    return channel
  }

  return {
    async connect(signal) {
      signal?.throwIfAborted()
    },
    openCommand,
    lost: closed.signal,
    async [Symbol.asyncDispose]() {
      closed.abort(new EncodeError('HOST_LOST', `Host "${hostName}" was closed`))
      for (const channel of open) channel.stdin.end()
    },
  }
}

async function startShell(
  commandLine: string,
  hostName: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandChannel> {
  const { execa } = await import('execa')
  const shell = execa('/bin/sh', ['-c', commandLine], {
    env,
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    // A group and session of its own: Ctrl-C in the terminal reaches the controller alone, which then asks ffmpeg to end,
    // and a kill reaches the whole tree.
    detached: true,
    cleanup: false,
  })
  const child = shell.nodeChildProcess
  let isClosed = false
  const exit = new Promise<ChannelExit>((resolve) => {
    child.once('close', (status, signal) => {
      isClosed = true
      resolve({ status, signal: toName(signal) })
    })
  })
  if (child.pid === undefined) {
    const { message } = await shell
    throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" cannot start /bin/sh: ${message ?? 'unknown reason'}`)
  }
  const group = -child.pid

  return {
    stdin: shell.stdin,
    stdout: shell.stdout,
    stderr: shell.stderr,
    exit,
    signal(name) {
      // The group can outlive the shell that leads it; as long as somebody holds its output its number is not given away.
      if (isClosed) return
      try {
        // biome-ignore lint/style/noRestrictedGlobals: the one way to signal a process group; it reads and changes nothing of this process
        process.kill(group, `SIG${name}`)
      } catch {
        // The group ended meanwhile.
      }
    },
    destroy() {
      // The end of stdin is what ends a leash that still holds something.
      shell.stdin.destroy()
      shell.stdout.destroy()
      shell.stderr.destroy()
    },
  }
}

/** As SSH names it: `KILL`. */
function toName(signal: string | null): string | null {
  return signal === null ? null : signal.replace(/^SIG/, '')
}
