import { execFileSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { configOf, createHome, createTransport, type TestHome } from './ssh-fixture.ts'

describe.skipIf(!canStartHosts)('the host key', () => {
  let host: SshdHost
  let home: TestHome
  let file: string
  let otherKey: string
  beforeAll(async () => {
    home = await createHome()
    const rsa = home.makeKey('rsa_host_key', { type: 'rsa' })
    host = await startSshdHost({ name: 'keys', sshdOptions: [`HostKey ${rsa}`] })
    otherKey = (await readFile(`${home.makeKey('other')}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ')
  })
  beforeEach(() => {
    file = join(home.folder, `known_hosts_${Math.random()}`)
  })
  afterAll(async () => {
    await host.stop()
    await home[Symbol.asyncDispose]()
  })

  const name = (): string => `[${host.address}]:${host.port}`
  async function connect(hostKeyCheck?: 'strict' | 'accept-new'): Promise<void> {
    await using transport = createTransport(home, configOf(host, { knownHosts: file, hostKeyCheck }))
    await transport.connect()
  }
  async function refusal(hostKeyCheck?: 'strict' | 'accept-new'): Promise<unknown> {
    return await connect(hostKeyCheck).then(
      () => 'connected',
      (error: unknown) => error,
    )
  }

  test('is refused when it is unknown, with its fingerprint and the command that accepts it', async () => {
    expect(await refusal()).toMatchObject({
      code: 'HOST_KEY_REFUSED',
      message: `The host key of "${host.address}:${host.port}" is not known: ED25519 ${host.hostKeyFingerprint}`,
      hint: `Compare the fingerprint and accept the key once with "ssh -o UserKnownHostsFile=${file} -p ${host.port} root@${host.address}", or set "host_key_check: accept-new" for this host`,
    })
  })

  test('is refused when it has changed, even with accept-new, with both fingerprints and the line', async () => {
    await writeFile(file, `# mine\n\n${name()} ${otherKey}\n`)
    const known = execFileSync('ssh-keygen', ['-lf', join(home.folder, 'other')], { encoding: 'utf8' }).split(' ')[1]
    for (const check of ['strict', 'accept-new'] as const) {
      expect(await refusal(check)).toMatchObject({
        code: 'HOST_KEY_REFUSED',
        message: `The host key of "${host.address}:${host.port}" has changed: it shows ED25519 ${host.hostKeyFingerprint}, but ${file}:3 knows ED25519 ${known}`,
        hint: expect.stringContaining(`"ssh-keygen -f ${file} -R '${name()}'"`),
      })
    }
  })

  test('is not taken for new when the host is known by a key of another type', async () => {
    await writeFile(file, `${name()} ecdsa-sha2-nistp256 ${Buffer.from('a key').toString('base64')}\n`)
    expect(await refusal('accept-new')).toMatchObject({ code: 'HOST_KEY_REFUSED', message: expect.stringContaining('has changed') })
  })

  test('is refused when it is revoked, whatever else the files say', async () => {
    await writeFile(file, `${name()} ${host.hostPublicKey}\n@revoked * ${host.hostPublicKey}\n`)
    expect(await refusal('accept-new')).toMatchObject({
      code: 'HOST_KEY_REFUSED',
      message: expect.stringContaining(`is revoked by ${file}:2: ED25519 ${host.hostKeyFingerprint}`),
    })
  })

  test('is asked for in the type that is known for this host', async () => {
    const rsa = (await readFile(join(home.folder, 'rsa_host_key.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
    await writeFile(file, `${name()} ${rsa}\n`)
    await connect()
  })

  for (const [how, line] of [
    ['hashed by ssh-keygen', undefined],
    ['by a pattern', '[127.*]:*,!other'],
    ['without a port', '127.0.0.1'],
    ['among others', 'a,b,[127.0.0.1]:PORT'],
  ] as const) {
    test(`is accepted when it is known ${how}`, async () => {
      await writeFile(file, `${(line ?? name()).replace('PORT', String(host.port))} ${host.hostPublicKey} a comment\n`)
      if (line === undefined) {
        execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' })
        expect(await readFile(file, 'utf8')).toMatch(/^\|1\|/)
      }
      await connect()
    })
  }

  test('is refused when a negated pattern takes the host out', async () => {
    await writeFile(file, `[127.*]:*,!${name()} ${host.hostPublicKey}\n`)
    expect(await refusal()).toMatchObject({ message: expect.stringContaining('is not known') })
  })

  test('hints at a certificate authority, which is not understood', async () => {
    await writeFile(file, `@cert-authority * ${otherKey}\n`)
    expect(await refusal()).toMatchObject({ message: expect.stringContaining('host certificates are not understood here') })
  })

  test('is written down once by accept-new, in a private file that ssh accepts, by many connections at once', async () => {
    file = join(home.folder, 'deep/known/hosts')
    await Promise.all([connect('accept-new'), connect('accept-new'), connect('accept-new')])
    expect(await readFile(file, 'utf8')).toContain(`${name()} ${host.hostPublicKey}\n`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(home.folder, 'deep'))).mode & 0o777).toBe(0o700)
    await connect('strict')
    await connect('accept-new')
    expect((await readFile(file, 'utf8')).split('\n').length).toBeLessThanOrEqual(4)
    execFileSync('ssh-keygen', ['-F', name(), '-f', file], { stdio: 'ignore' })
  })

  test('is written behind a last line without an end, and hashed where the configuration wants it', async () => {
    await writeFile(file, `somewhere ${otherKey}`)
    await home.write('.ssh/config', 'HashKnownHosts yes\n')
    await connect('accept-new')
    const lines = (await readFile(file, 'utf8')).split('\n')
    expect(lines[0]).toBe(`somewhere ${otherKey}`)
    expect(lines[1]).toMatch(/^\|1\|[^ ]+ ssh-ed25519 /)
    await connect('strict')
    await home.write('.ssh/config', '')
  })

  test('is checked under its alias', async () => {
    await writeFile(file, `nas-alias ${host.hostPublicKey}\n`)
    await home.write('.ssh/config', `Host ${host.address}\n HostKeyAlias nas-alias\n`)
    await connect()
    await home.write('.ssh/config', '')
  })

  test('is never trusted blindly, whatever StrictHostKeyChecking says', async () => {
    await home.write('.ssh/config', 'StrictHostKeyChecking no\n')
    await writeFile(file, `${name()} ${otherKey}\n`)
    expect(await refusal()).toMatchObject({ message: expect.stringContaining('has changed') })
    await writeFile(file, '')
    expect(await refusal('strict')).toMatchObject({ message: expect.stringContaining('is not known') })
    await connect()
    expect(await readFile(file, 'utf8')).toBe(`${name()} ${host.hostPublicKey}\n`)
    await home.write('.ssh/config', '')
  })
})
