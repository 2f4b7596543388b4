/** Scripts on the controller itself, run by the Node that runs this program: the one interpreter that is there on every Windows. */

import { spawn } from 'node:child_process'
import { EncodeError } from '../../core/errors.ts'
import type { ChannelExit, CommandChannel, CommandTransport } from '../channel.ts'

export interface NodeTransportOptions {
  readonly hostName: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A command line is a script here, as for `node -e`. What it runs outlives a killed controller; the end of its stdin is the sign. */
export function createNodeTransport({ hostName, env }: NodeTransportOptions): CommandTransport {
  const closed = new AbortController()

  return {
    async connect(signal) {
      signal?.throwIfAborted()
    },
    async openCommand(script, signal) {
      signal?.throwIfAborted()
      closed.signal.throwIfAborted()
      return await startScript(script, hostName, env)
    },
    lost: closed.signal,
    async [Symbol.asyncDispose]() {
      closed.abort(new EncodeError('HOST_LOST', `Host "${hostName}" was closed`))
    },
  }
}

async function startScript(script: string, hostName: string, env: NodeTransportOptions['env']): Promise<CommandChannel> {
  // biome-ignore lint/style/noRestrictedGlobals: the path of the running Node, which nothing else tells
  const node = process.execPath
  // What is detached is not in the job object that ends with this process.
  const child = spawn(node, ['-e', script], { env: { ...env, NODE_OPTIONS: '' }, detached: true, windowsHide: true, stdio: 'pipe' })
  const exit = new Promise<ChannelExit>((resolve) => {
    child.once('close', (status, signal) => resolve({ status, signal: signal?.replace(/^SIG/, '') ?? null }))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve).once('error', (error) => {
      reject(new EncodeError('COMMAND_FAILED', `Host "${hostName}" cannot start "${node}": ${error.message}`, { cause: error }))
    })
  })
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exit,
    signal: () => void child.kill('SIGKILL'),
    destroy() {
      for (const stream of child.stdio) stream?.destroy()
    },
  }
}
