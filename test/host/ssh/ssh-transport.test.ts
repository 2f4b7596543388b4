import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { toKeepaliveSeconds } from '../../../src/host/ssh/ssh-transport.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { startQuietClock } from '../../quiet-clock.ts'
import { waitUntil } from '../../wait-until.ts'
import { haveConnections } from './have-connections.ts'
import { configOf, createHome, createTransport, run, type TestHome } from './ssh-fixture.ts'
import { close, listen } from './tcp-server.ts'

describe.skipIf(!canStartHosts)('the SSH transport', () => {
  let home: TestHome
  beforeAll(async () => {
    home = await createHome()
  })
  afterAll(async () => {
    await home[Symbol.asyncDispose]()
  })
  describe('with an ordinary host', () => {
    let host: SshdHost
    beforeAll(async () => {
      host = await startSshdHost({ name: 'plain' })
    })
    afterAll(async () => {
      await host.stop()
    })

    test('runs commands over one connection and tells status, output and errors apart', async () => {
      await using transport = createTransport(home, configOf(host))
      await transport.connect()
      const results = await Promise.all([1, 2, 3].map((status) => run(transport, `echo out; echo err >&2; exit ${status}`)))
      expect(results).toEqual([1, 2, 3].map((status) => ({ status, stdout: 'out\n', stderr: 'err\n' })))
      await haveConnections(host, 1)
    })

    test('leaves no connection behind', async () => {
      await using transport = createTransport(home, configOf(host))
      await run(transport, 'true')
      await transport[Symbol.asyncDispose]()
      await waitUntil(async () => (await host.processes()).length === 0, { what: 'sshd has ended its sessions' })
      await expect(run(transport, 'true')).rejects.toMatchObject({ code: 'HOST_LOST' })
      expect(transport.lost.aborted).toBe(false)
    })

    test('carries standard input, and drops what comes after the end', async () => {
      await using transport = createTransport(home, configOf(host))
      const cat = await transport.openCommand('cat')
      const echoed = cat.stdout.toArray()
      cat.stderr.resume()
      cat.stdin.end('through')
      expect(Buffer.concat(await echoed).toString()).toBe('through')
      expect(await cat.exit).toEqual({ status: 0, signal: null })

      const short = await transport.openCommand('true')
      short.stdout.resume()
      short.stderr.resume()
      await short.exit
      await new Promise((resolve) => short.stdin.write('into the void', resolve))
      short.stdin.end()
    })

    test('asks the server to signal a command', async () => {
      await using transport = createTransport(home, configOf(host))
      const sleep = await transport.openCommand('exec sleep 600')
      sleep.signal('TERM')
      // sshd signals for every user but root, whose sessions it does not separate from itself.
      await waitUntil(() => host.log().includes('session signalling requires privilege separation'), { what: 'sshd was asked' })
    })

    test('tells the signal that ended a command', async () => {
      await using transport = createTransport(home, configOf(host))
      const killed = await transport.openCommand('kill -KILL $$')
      killed.stdout.resume()
      killed.stderr.resume()
      expect(await killed.exit).toEqual({ status: null, signal: 'KILL' })
    })

    test('lets go of a command whose output nobody reads', async () => {
      await using transport = createTransport(home, configOf(host))
      const yes = await transport.openCommand('exec yes')
      await once(yes.stdout, 'readable')
      yes.destroy()
      await yes.exit
      await waitUntil(async () => !(await host.processes()).some(({ args }) => args === 'yes'), { what: 'yes has ended' })
    })

    test('rejects a call whose signal is aborted, also while it connects', async () => {
      await using transport = createTransport(home, configOf(host))
      const reason = new Error('no more')
      await expect(transport.connect(AbortSignal.abort(reason))).rejects.toBe(reason)
      await expect(transport.openCommand('true', AbortSignal.abort(reason))).rejects.toBe(reason)
      expect((await run(transport, 'echo still usable')).stdout).toBe('still usable\n')
    })

    test('says in one line that a user is not let in', async () => {
      await using transport = createTransport(home, configOf(host, { user: 'nobody-here' }))
      await expect(transport.connect()).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' })
    })

    test('reaches a host through a proxy command', async () => {
      await home.write(
        '.ssh/config',
        `Host behind\n ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/${host.port}; cat <&3 & cat >&3'\n HostName 127.0.0.1\n`,
      )
      await using transport = createTransport(home, configOf(host, { address: undefined, name: 'behind' }))
      expect((await run(transport, 'echo through')).stdout).toBe('through\n')
      await home.write('.ssh/config', '')
    })
  })

  test('spreads commands over further connections when the server allows two a connection', async () => {
    await using host = await startSshdHost({ name: 'two', sshdOptions: ['MaxSessions 2'] })
    await using transport = createTransport(home, configOf(host))
    const commands = await Promise.all(Array.from({ length: 6 }, () => transport.openCommand('cat')))
    await haveConnections(host, 3)
    for (const { stdout, stderr, stdin, exit } of commands) {
      stdout.resume()
      stderr.resume()
      stdin.end()
      expect(await exit).toEqual({ status: 0, signal: null })
    }
    expect((await run(transport, 'echo again')).stdout).toBe('again\n')
    await haveConnections(host, 3)
  })

  test('opens 24 commands at once within the default limits of sshd', async () => {
    await using host = await startSshdHost({ name: 'many' })
    await using transport = createTransport(home, configOf(host))
    const results = await Promise.all(Array.from({ length: 24 }, (_, index) => run(transport, `sleep 0.1; echo ${index}`)))
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 24 }, (_, index) => index))
    await haveConnections(host, 3)
  })

  test('gets in although the server drops connections while others are at their handshake', async () => {
    await using host = await startSshdHost({ name: 'startups', sshdOptions: ['MaxStartups 1'] })
    const transports = Array.from({ length: 4 }, () => createTransport(home, configOf(host)))
    const results = await Promise.all(transports.map((transport) => run(transport, 'echo in')))
    expect(results.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 4 }, () => 'in\n'))
    await Promise.all(transports.map((transport) => transport[Symbol.asyncDispose]()))
    expect(host.log()).toMatch(/MaxStartups/)
  })

  test('says that a server runs no commands', async () => {
    await using host = await startSshdHost({ name: 'none', sshdOptions: ['MaxSessions 0'] })
    await using transport = createTransport(home, configOf(host))
    await expect(run(transport, 'true')).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining('runs no command'),
    })
  })

  test('loses its commands when the host dies', async () => {
    await using host = await startSshdHost({ name: 'dies' })
    await using transport = createTransport(home, configOf(host))
    const sleep = await transport.openCommand('sleep 600')
    sleep.stdout.resume()
    sleep.stderr.resume()
    await host.kill()
    await expect(sleep.exit).rejects.toMatchObject({ code: 'HOST_LOST' })
    expect(isEncodeError(transport.lost.reason, 'HOST_LOST')).toBe(true)
    await expect(transport.openCommand('true')).rejects.toMatchObject({ code: 'HOST_LOST' })
  })

  test('loses a host that falls silent, within three keepalives', async () => {
    await using host = await startSshdHost({ name: 'silent' })
    const relay = await startRelay(host)
    await using transport = createTransport(home, configOf(host, { port: relay.port, knownHosts: await knownAt(relay.port, host) }), {
      keepaliveSeconds: 0.2,
    })
    const sleep = await transport.openCommand('sleep 600')
    sleep.stdout.resume()
    sleep.stderr.resume()
    relay.freeze()
    const quietMs = startQuietClock()
    await expect(sleep.exit).rejects.toMatchObject({ code: 'HOST_LOST', message: expect.stringContaining('was silent for 0.6') })
    expect(quietMs()).toBeLessThan(3000)
    await relay.close()
  })

  test('loses a host whose every process is frozen, while its kernel still answers, as soon as its own keepalive says', async () => {
    await using host = await startSshdHost({ name: 'frozen' })
    await using transport = createTransport(home, { ...configOf(host), keepaliveSeconds: 0.3 })
    const sleep = await transport.openCommand('sleep 600')
    sleep.stdout.resume()
    sleep.stderr.resume()
    // The channel is open before sshd has started the command on it; a shell that becomes the command has no name for a moment.
    let frozen: readonly number[] = []
    const runs = async (): Promise<boolean> => {
      const processes = await host.processes()
      frozen = processes.map(({ pid }) => pid)
      return frozen.length > 1 && processes.some(({ args }) => args === 'sleep 600')
    }
    await waitUntil(runs, { what: 'the command and its session run' })
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    const quietMs = startQuietClock()
    await expect(sleep.exit).rejects.toMatchObject({ code: 'HOST_LOST', message: expect.stringContaining('was silent for 0.9') })
    expect(quietMs()).toBeLessThan(3000)
    for (const pid of frozen) process.kill(pid, 'SIGCONT')
  })

  test.each([
    [undefined, 5],
    [600, 5],
    [15, 5],
    [6, 2],
  ])(
    'waits three keepalives, and no longer than OpenSSH would: %s s of silence there make %s s between them',
    (silenceLimitSeconds, seconds) => {
      expect(toKeepaliveSeconds({ silenceLimitSeconds })).toBe(seconds)
    },
  )

  test('keeps a quiet connection that answers keepalives', async () => {
    await using host = await startSshdHost({ name: 'quiet' })
    await using transport = createTransport(home, configOf(host), { keepaliveSeconds: 0.1 })
    expect((await run(transport, 'sleep 1; echo alive')).stdout).toBe('alive\n')
  })

  async function knownAt(port: number, host: SshdHost): Promise<string> {
    return await home.write('relay_known_hosts', `[127.0.0.1]:${port} ${host.hostPublicKey}\n`)
  }
})

/** A TCP relay that can swallow everything from one moment on, as a cut cable does. */
async function startRelay(host: SshdHost): Promise<{ port: number; freeze(): void; close(): Promise<void> }> {
  const { connect } = await import('node:net')
  const sockets: Socket[] = []
  const { server, port } = await listen((near) => {
    const far = connect(host.port, host.address)
    sockets.push(near, far)
    near.pipe(far).pipe(near)
    near.on('error', () => undefined)
    far.on('error', () => undefined)
  })
  return {
    port,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await close(server)
    },
  }
}
