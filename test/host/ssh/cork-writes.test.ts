import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { dialTcp } from '../../../src/host/ssh/dial.ts'
import type { SshSettings } from '../../../src/host/ssh/ssh-settings.ts'

test('what is written in one tick on a dialed connection leaves in one call, in order, and the next tick is another', async () => {
  const arrived: Buffer[] = []
  const server = createServer((socket) => socket.on('data', (chunk) => arrived.push(chunk)).on('end', () => socket.end()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const settings = { hostname: '127.0.0.1', port, connectTimeoutMs: 10_000, addressFamily: 0 } as SshSettings
  const socket = (await dialTcp(settings)) as Socket
  let calls = 0
  const { _write: write, _writev: writev } = socket
  socket._write = (...rest) => {
    calls += 1
    write.apply(socket, rest)
  }
  socket._writev = (...rest) => {
    calls += 1
    writev?.apply(socket, rest)
  }

  for (const piece of ['a', 'b', 'c']) socket.write(piece)
  expect(calls).toBe(0)
  await new Promise((resolve) => socket.write('d', resolve))
  expect(calls).toBe(1)
  socket.write(Buffer.from('e'))
  socket.end('f')
  await once(socket.resume(), 'close')
  expect(Buffer.concat(arrived).toString()).toBe('abcdef')
  server.close()
})
