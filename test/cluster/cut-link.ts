/**
 * A link to a host that can be cut as a cable is: bytes stop in both directions, nobody is told. What was sent meanwhile is
 * delivered when it is mended, as TCP does.
 */

import { createServer, connect as dial, type Socket } from 'node:net'

export interface CutLink extends AsyncDisposable {
  readonly port: number
  /** From now on nothing gets through, on old connections and new ones. */
  cut(): void
  mend(): void
}

export async function openCutLink(to: { readonly address: string; readonly port: number }): Promise<CutLink> {
  const sockets = new Set<Socket>()
  /** Whose other end has gone while the link was cut. */
  const unheard = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = dial(to.port, to.address)
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk) => {
        if (!into.write(chunk)) {
          from.pause()
          into.once('drain', () => isCut || from.resume())
        }
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        if (isCut) unheard.add(into)
        else into.destroy()
      })
      if (isCut) from.pause()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    cut() {
      isCut = true
      for (const socket of sockets) socket.pause()
    },
    mend() {
      isCut = false
      for (const socket of unheard) socket.destroy()
      unheard.clear()
      for (const socket of sockets) socket.resume()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}
