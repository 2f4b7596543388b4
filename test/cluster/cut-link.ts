/** A link to a host that can be cut as a cable is: bytes stop in both directions, nobody is told. */

import { createServer, connect as dial, type Socket } from 'node:net'

export interface CutLink extends AsyncDisposable {
  readonly port: number
  /** From now on nothing gets through, on old connections and new ones. */
  cut(): void
  mend(): void
}

export async function openCutLink(to: { readonly address: string; readonly port: number }): Promise<CutLink> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = dial(to.port, to.address)
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk) => {
        if (!isCut) into.write(chunk)
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        if (!isCut) into.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    cut() {
      isCut = true
    },
    mend() {
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}
