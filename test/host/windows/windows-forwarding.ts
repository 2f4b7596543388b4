/** Ports of a Windows host's own loopback that a client asks its server for. */

import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Connection } from 'ssh2'

/** Ports on the loopback whose connections go to the client. */
export function serveForwarding(client: Connection): void {
  const listeners = new Map<number, Server>()
  client.on('request', (accept, reject, name, { bindAddr, bindPort }) => {
    if (name === 'cancel-tcpip-forward') {
      listeners.get(bindPort)?.close()
      accept?.()
      return
    }
    const listener = createServer((socket) => {
      const { remoteAddress = '', remotePort = 0 } = socket
      socket.on('error', () => undefined)
      client.forwardOut(bindAddr, (listener.address() as AddressInfo).port, remoteAddress, remotePort, (error, channel) => {
        if (error !== undefined) {
          socket.destroy()
          return
        }
        channel.on('error', () => undefined)
        socket.pipe(channel).pipe(socket)
      })
    })
    listener.once('error', () => reject?.())
    listener.listen(bindPort, bindAddr, () => {
      const { port } = listener.address() as AddressInfo
      listeners.set(port, listener)
      accept?.(port)
    })
  })
  client.on('close', () => {
    for (const listener of listeners.values()) listener.close()
  })
}
