import { execFileSync } from 'node:child_process'
import { appendFile, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { configOf, createHome, createTransport, run, startAgent, type TestHome } from './ssh-fixture.ts'

describe.skipIf(!canStartHosts)('authentication', () => {
  let host: SshdHost
  beforeAll(async () => {
    host = await startSshdHost({ name: 'auth' })
  })
  afterAll(async () => {
    await host.stop()
  })

  async function authorize(keyFile: string): Promise<void> {
    await appendFile(host.authorizedKeysFile, await readFile(`${keyFile}.pub`))
  }
  const byDefault = (): ReturnType<typeof configOf> => configOf(host, { identityFile: undefined })

  for (const [type, extra] of [
    ['ed25519', []],
    ['ecdsa', ['-b', '384']],
    ['rsa', ['-b', '2048']],
    ['rsa', ['-b', '2048', '-m', 'PEM']],
    ['rsa', ['-b', '2048', '-m', 'PKCS8']],
    ['ecdsa', ['-m', 'PKCS8']],
  ] as const) {
    test(`succeeds with an identity file of type ${type} ${extra.join(' ')}, and with the same key in the agent`, async () => {
      await using home = await createHome()
      const key = home.makeKey('key', { type, extra })
      await authorize(key)
      await using direct = createTransport(home, configOf(host, { identityFile: key }))
      expect((await run(direct, 'echo in')).stdout).toBe('in\n')
      await using agent = await startAgent(home)
      agent.add(key)
      await using throughAgent = createTransport(home, byDefault(), { env: { SSH_AUTH_SOCK: agent.socket } })
      expect((await run(throughAgent, 'echo in')).stdout).toBe('in\n')
    })
  }

  test('tries the default identities of the home folder', async () => {
    await using home = await createHome()
    await authorize(home.makeKey('.ssh/id_rsa', { type: 'rsa' }))
    await using transport = createTransport(home, byDefault())
    expect((await run(transport, 'echo in')).stdout).toBe('in\n')
  })

  for (const extra of [[], ['-m', 'PEM']]) {
    test(`asks for the passphrase of an encrypted key once for all connections of a run ${extra.join(' ')}`, async () => {
      await using home = await createHome()
      const key = home.makeKey('key', { type: 'rsa', passphrase: 'open sesame', extra })
      await authorize(key)
      const questions: string[] = []
      const prompt = async (question: string): Promise<string> => {
        questions.push(question)
        return questions.length === 1 ? 'wrong' : 'open sesame'
      }
      await using first = createTransport(home, configOf(host, { identityFile: key }), { prompt })
      await using second = createTransport(home, configOf(host, { identityFile: key }), { prompt })
      await Promise.all([first.connect(), second.connect()])
      expect(questions).toEqual([`Passphrase of the key "${key}"`, `Wrong passphrase. Passphrase of the key "${key}"`])
    })
  }

  test('does not ask for the passphrase of a key that the host does not want', async () => {
    await using home = await createHome()
    const key = home.makeKey('key', { passphrase: 'secret' })
    const prompt = async (): Promise<string> => {
      throw new Error('asked')
    }
    await using transport = createTransport(home, configOf(host, { identityFile: key }), { prompt })
    await expect(transport.connect()).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' })
  })

  test('takes an encrypted key from the agent', async () => {
    await using home = await createHome()
    await using agent = await startAgent(home)
    const key = home.makeKey('key')
    await authorize(key)
    agent.add(key)
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', key])
    await using transport = createTransport(home, configOf(host, { identityFile: key }), { env: { SSH_AUTH_SOCK: agent.socket } })
    await transport.connect()
  })

  test('does not blame its passphrase where the host refuses an encrypted key, nor asks for it', async () => {
    await using home = await createHome()
    const key = home.makeKey('key', { type: 'ed25519', passphrase: 'open sesame' })
    const questions: string[] = []
    const prompt = async (question: string): Promise<string> => {
      questions.push(question)
      return 'open sesame'
    }
    await using transport = createTransport(home, configOf(host, { identityFile: key }), { prompt })
    await expect(run(transport, 'true')).rejects.toMatchObject({ message: expect.stringContaining('with any of the keys offered') })
    expect(questions).toEqual([])
  })

  test('names the encrypted key and ssh-add when there is nobody to ask', async () => {
    await using home = await createHome()
    const key = home.makeKey('key', { passphrase: 'secret' })
    await authorize(key)
    await using transport = createTransport(home, configOf(host, { identityFile: key }))
    await expect(transport.connect()).rejects.toMatchObject({
      code: 'HOST_AUTH_FAILED',
      message: `"127.0.0.1:${host.port}" does not let "root" in: the key "${key}" is encrypted and not in the agent`,
      hint: `Add it to the agent with "ssh-add ${key}"`,
    })
  })

  test('lists the keys that were offered in vain', async () => {
    await using home = await createHome()
    const key = home.makeKey('key')
    const fingerprint = execFileSync('ssh-keygen', ['-lf', key], { encoding: 'utf8' }).split(' ')[1]
    await using transport = createTransport(home, configOf(host, { identityFile: key }))
    await expect(transport.connect()).rejects.toMatchObject({
      code: 'HOST_AUTH_FAILED',
      message: `"127.0.0.1:${host.port}" does not let "root" in with any of the keys offered: ${key} (ED25519 ${fingerprint})`,
    })
  })

  test('says which identity file cannot be read, and that there is no key at all', async () => {
    await using home = await createHome()
    await using named = createTransport(home, configOf(host, { identityFile: '~/none' }))
    await expect(named.connect()).rejects.toThrow(
      `there is no key to offer; the identity file "${home.folder}/none" cannot be read (ENOENT)`,
    )
    await using nothing = createTransport(home, byDefault())
    await expect(nothing.connect()).rejects.toThrow(/there is no key to offer$/)
  })

  describe('with a full agent', () => {
    let home: TestHome
    let agent: Awaited<ReturnType<typeof startAgent>>
    let keys: string[]
    beforeAll(async () => {
      home = await createHome()
      agent = await startAgent(home)
      keys = Array.from({ length: 8 }, (_, index) => home.makeKey(`key${index}`))
      for (const key of keys) agent.add(key)
      await authorize(keys[7] ?? '')
    })
    afterAll(async () => {
      await agent[Symbol.asyncDispose]()
      await home[Symbol.asyncDispose]()
    })
    const env = (): Record<string, string> => ({ SSH_AUTH_SOCK: agent.socket })

    test('says what to do when the server has seen too many keys', async () => {
      await using transport = createTransport(home, byDefault(), { env: env() })
      await expect(transport.connect()).rejects.toMatchObject({
        code: 'HOST_AUTH_FAILED',
        message: expect.stringMatching(/gave up on "root" after 6 keys: agent key "key0"/),
        hint: expect.stringContaining('identity_file'),
      })
    })

    test('offers the agent key that is named by its public half alone first', async () => {
      await rename(keys[7] ?? '', join(home.folder, 'away'))
      await using transport = createTransport(home, configOf(host, { identityFile: keys[7] }), { env: env() })
      await transport.connect()
      await rename(join(home.folder, 'away'), keys[7] ?? '')
    })

    test('offers only the named keys with IdentitiesOnly', async () => {
      const config = await home.write(
        '.ssh/config',
        `Host only\n HostName ${host.address}\n IdentitiesOnly yes\n IdentityFile ${keys[0]}\n IdentityFile ${keys[7]}\n`,
      )
      await using transport = createTransport(home, { ...byDefault(), name: 'only', address: undefined }, { env: env() })
      await transport.connect()
      await rm(config)
    })
  })

  test('says that a server takes no keys', async () => {
    await using home = await createHome()
    await using other = await startSshdHost({ name: 'pw', sshdOptions: ['PubkeyAuthentication no', 'PasswordAuthentication yes'] })
    await using transport = createTransport(home, configOf(other))
    await expect(transport.connect()).rejects.toThrow('does not let "root" in with a key; it takes password only')
  })

  test('goes on without an agent that does not answer', async () => {
    await using home = await createHome()
    await using transport = createTransport(home, configOf(host), { env: { SSH_AUTH_SOCK: join(home.folder, 'no.sock') } })
    await transport.connect()
  })
})
