/** A server of this process on loopback, that says what a test has it say. */

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

export async function listen(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume()
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No port was bound')
  return { server, port: address.port }
}

export async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  await closed
}
