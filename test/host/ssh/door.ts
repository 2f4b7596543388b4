/** A way to a host's SSH server that can be shut, and whose connections can be broken one by one. */

import { appendFile } from 'node:fs/promises'
import { createServer, connect as dial, type Socket } from 'node:net'
import type { SshdHost } from '../../cluster/sshd-host.ts'

export interface Door extends AsyncDisposable {
  readonly address: string
  readonly port: number
  readonly letIn: () => number
  readonly refused: () => number
  /** Breaks a connection, counted from the first that was let in. */
  cut(index: number): void
  /** Breaks all connections, and lets nobody in any more. */
  close(): void
}

/** What a firewall does with a client that has as many connections as it may have: it ends the next at once. */
export async function openDoor(host: SshdHost, { mostConnections }: { readonly mostConnections: number }): Promise<Door> {
  const passages: (readonly [Socket, Socket])[] = []
  let refused = 0
  let isClosed = false
  const server = createServer((near) => {
    near.on('error', () => undefined)
    if (isClosed || passages.length === mostConnections) {
      refused += 1
      return void near.resetAndDestroy()
    }
    const far = dial(host.port, host.address)
    passages.push([near, far])
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => undefined).once('close', () => into.destroy())
      from.pipe(into)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  await appendFile(host.knownHostsFile, `[127.0.0.1]:${port} ${host.hostPublicKey}\n`)
  const cut = (index: number): void => passages[index]?.forEach((socket) => void socket.destroy())
  const close = (): void => {
    isClosed = true
    for (const index of passages.keys()) cut(index)
  }
  return {
    address: '127.0.0.1',
    port,
    cut,
    close,
    letIn: () => passages.length,
    refused: () => refused,
    async [Symbol.asyncDispose]() {
      close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
