/** The way to a host: over other ones, or not at all. */

import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { haveConnections } from './have-connections.ts'
import { createHome, createTransport, run, type TestHome, toHostConfig } from './ssh-fixture.ts'
import { close, listen } from './tcp-server.ts'

describe.skipIf(!canStartHosts)('the way to a host', () => {
  let home: TestHome
  beforeAll(async () => {
    home = await createHome()
  })
  afterAll(async () => {
    await home[Symbol.asyncDispose]()
  })

  describe('through other hosts', () => {
    let gate: SshdHost
    let inner: SshdHost
    let target: SshdHost
    beforeAll(async () => {
      ;[gate, inner, target] = await Promise.all([
        startSshdHost({ name: 'gate' }),
        startSshdHost({ name: 'inner', address: '127.0.0.2' }),
        startSshdHost({ name: 'target', address: '127.0.0.3' }),
      ])
      const hosts = [gate, inner, target].map(
        ({ name, address, port, identityFile, knownHostsFile }) =>
          `Host ${name}\n HostName ${address}\n Port ${port}\n User root\n IdentityFile ${identityFile}\n UserKnownHostsFile ${knownHostsFile}\n`,
      )
      await home.write('.ssh/config', hosts.join(''))
    })
    afterAll(async () => {
      await Promise.all([gate.stop(), inner.stop(), target.stop()])
      await home.write('.ssh/config', '')
    })

    for (const proxyJump of ['gate', 'gate,inner']) {
      test(`jumps over ${proxyJump}, each with its own key and host key, and leaves nothing there`, async () => {
        await using transport = createTransport(home, toHostConfig({ name: 'target', proxyJump }))
        expect((await run(transport, 'echo "$SSH_CONNECTION"')).stdout).toMatch(/ 127\.0\.0\.3 /)
        await haveConnections(gate, 1)
        await haveConnections(inner, proxyJump.includes('inner') ? 1 : 0)
        await transport[Symbol.asyncDispose]()
        await haveConnections(gate, 0)
        await haveConnections(inner, 0)
      })
    }

    test('says which hop refuses', async () => {
      await using transport = createTransport(home, toHostConfig({ name: 'target', proxyJump: `root@127.0.0.1:${gate.port}` }))
      await expect(transport.connect()).rejects.toMatchObject({
        code: 'HOST_KEY_REFUSED',
        message: expect.stringContaining(`"127.0.0.1:${gate.port}" is not known`),
      })
    })

    test('says that the hop cannot reach the host', async () => {
      await using transport = createTransport(home, toHostConfig({ name: 'target', proxyJump: 'gate', port: 1 }))
      await expect(transport.connect()).rejects.toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: expect.stringMatching(/^"gate" \(127\.0\.0\.1:\d+\) cannot reach "127\.0\.0\.3:1" for this machine/),
      })
    })

    test('refuses a jump that leads back to itself', async () => {
      await home.write('.ssh/loop', '')
      await using loopHome = await createHome()
      await loopHome.write('.ssh/config', 'Host a\n ProxyJump b\nHost b\n ProxyJump a\n')
      await using transport = createTransport(loopHome, toHostConfig({ name: 'a' }))
      await expect(transport.connect()).rejects.toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: expect.stringContaining('more than 8 hosts'),
      })
    })
  })

  describe('says in one line why a host cannot be reached:', () => {
    async function failure(parts: { address: string; port?: number }, config = ''): Promise<unknown> {
      await home.write('.ssh/config', config)
      await using transport = createTransport(home, toHostConfig({ name: 'box', ...parts }))
      return await transport.connect().then(
        () => 'connected',
        (error: unknown) => error,
      )
    }

    test('nothing listens', async () => {
      expect(await failure({ address: '127.0.0.1', port: 1 })).toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: '"127.0.0.1:1" refuses connections',
        hint: 'Start its SSH server, or correct "port"',
      })
    })

    test('the name does not resolve', async () => {
      expect(await failure({ address: 'no-such-host.invalid' })).toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: expect.stringMatching(/resolved/),
      })
    })

    test('another program listens', async () => {
      const { server, port } = await listen((socket) => socket.end('220 smtp.example ESMTP\r\n'.repeat(400)))
      expect(await failure({ address: '127.0.0.1', port })).toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: expect.stringContaining('is no SSH server'),
      })
      await close(server)
    })

    test('it hangs up without a word', async () => {
      let attempts = 0
      const { server, port } = await listen((socket) => {
        attempts += 1
        socket.end()
      })
      expect(await failure({ address: '127.0.0.1', port })).toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: `"127.0.0.1:${port}" closed the connection before it said it is an SSH server`,
      })
      expect(attempts).toBe(5)
      await close(server)
    }, 15_000)

    test('it accepts the connection and stays silent', async () => {
      const sockets: Socket[] = []
      const { server, port } = await listen((socket) => sockets.push(socket))
      expect(await failure({ address: '127.0.0.1', port }, 'ConnectTimeout 1\n')).toMatchObject({
        code: 'HOST_UNREACHABLE',
        message: `"127.0.0.1:${port}" accepts the connection but does not complete the SSH handshake within 1 s`,
      })
      for (const socket of sockets) socket.destroy()
      await close(server)
    })
  })
})
