import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import ssh2 from 'ssh2'
import { expect, test } from 'vitest'
import { toTimeoutError } from '../../../src/host/ssh/connect-errors.ts'
import { loadSshSettings, toDestination } from '../../../src/host/ssh/ssh-settings.ts'
import { findMountedSource } from '../../../src/transfer/mounted-route.ts'
import { createHome, createTransport, type TestHome, toHostConfig } from './ssh-fixture.ts'

/** A server of ssh2 that lets nobody in. */
async function startRefusing(home: TestHome, ident: string) {
  const server = new ssh2.Server({ ident, hostKeys: [await readFile(home.makeKey('host'))] }, (client) => {
    client.on('error', () => undefined).on('authentication', (login) => login.reject(['publickey']))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() }
}

const REFUSAL = { code: 'HOST_AUTH_FAILED', message: expect.stringContaining('with any of the keys offered') }

test.each([
  ['OpenSSH_for_Windows_9.5', 'administrators_authorized_keys'],
  ['OpenSSH_9.2p1 Debian-2', 'ssh-copy-id'],
])('a key that %s refuses is told with the cure for such servers', async (ident, cure) => {
  await using home = await createHome()
  using server = await startRefusing(home, ident)
  const config = toHostConfig({
    name: 'gaming',
    address: '127.0.0.1',
    port: server.port,
    user: 'me',
    hostKeyCheck: 'accept-new',
    identityFile: home.makeKey('key'),
    knownHosts: `${home.folder}/known`,
  })
  await using transport = createTransport(home, config)
  await expect(transport.connect()).rejects.toMatchObject({ ...REFUSAL, hint: expect.stringContaining(cure) })
})

test.each([
  ['windows', 'Start-Service sshd'],
  ['linux', 'Start its SSH server'],
] as const)('a refused connection to a host with "os: %s" is told with its cure', async (os, cure) => {
  await using home = await createHome()
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  await using transport = createTransport(home, toHostConfig({ name: 'gaming', address: '127.0.0.1', port, os }))
  await expect(transport.connect()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', hint: expect.stringContaining(cure) })
})

test('a Windows host that does not answer may have a firewall in front of its port', async () => {
  await using home = await createHome()
  const config = toHostConfig({ name: 'gaming', address: '127.0.0.1', port: 2222, os: 'windows' })
  const settings = await loadSshSettings(toDestination(config), { sshProgram: undefined, env: {}, homeFolder: home.folder })
  expect(toTimeoutError(settings, 'connection').hint).toMatch(/New-NetFirewallRule .* -LocalPort 2222 /)
})

test.each(['z:\\films\\a.mkv', '\\\\nas\\films\\a.mkv'])(
  'media that Windows does not show under %s may be mapped for another logon',
  async (path) => {
    const config = toHostConfig({ name: 'gaming', type: 'mounted', pathSubstitutions: [{ from: '/films/a.mkv', to: path }] })
    await expect(
      findMountedSource({ config, statFile: async () => undefined }, { path: '/films/a.mkv', sizeBytes: 1 }),
    ).rejects.toMatchObject({
      code: 'HOST_SEES_NO_MEDIA',
      hint: expect.stringContaining('has none of the mapped drives'),
    })
  },
)

test('media that Windows does not show may have too long a path', async () => {
  const path = `D:\\${'films\\'.repeat(50)}a.mkv`
  const config = toHostConfig({ name: 'gaming', type: 'mounted', pathSubstitutions: [{ from: '/films/a.mkv', to: path }] })
  await expect(
    findMountedSource({ config, statFile: async () => undefined }, { path: '/films/a.mkv', sizeBytes: 1 }),
  ).rejects.toMatchObject({
    hint: expect.stringMatching(/^Of its 308 characters Windows takes 259, unless "LongPathsEnabled"/),
  })
})
