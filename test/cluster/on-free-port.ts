/** A port of this machine for a server that cannot be told to take any that is free, and cannot hand on one that is open. */

import { createServer } from 'node:net'

const MAX_TRIES = 5
/** sshd's words and Docker's. */
const TAKEN = /address already in use|port is already allocated/i

/** @param start is called again, with another port, when it rejects as that one is taken: another process can be faster. */
export async function onFreePort<Server>(address: string, start: (port: number) => Promise<Server>): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    const port = await findFreePort(address)
    try {
      return await start(port)
    } catch (error) {
      if (tries === MAX_TRIES || !TAKEN.test(String(error))) throw error
    }
  }
}

async function findFreePort(address: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, address, () => {
      const bound = server.address()
      server.close(() => (bound !== null && typeof bound === 'object' ? resolve(bound.port) : reject(new Error('No port was bound'))))
    })
  })
}
