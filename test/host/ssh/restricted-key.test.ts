/** The lines of SECURITY.md for keys that may do little: they are enough, and what they keep away stays away. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHost } from '../../../src/host/create-host.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { configOf, createHome, createTransport, run, type TestHome } from './ssh-fixture.ts'

describe.skipIf(!canStartHosts)('a key with restrictions in authorized_keys', () => {
  let home: TestHome
  let host: SshdHost
  let gate: SshdHost

  beforeAll(async () => {
    home = await createHome()
    ;[host, gate] = await Promise.all([startSshdHost({ name: 'narrow' }), startSshdHost({ name: 'gate' })])
  })
  afterAll(async () => {
    await Promise.all([host.stop(), gate.stop()])
    await home[Symbol.asyncDispose]()
  })

  async function restrict(restricted: SshdHost, options: string): Promise<void> {
    await writeFile(restricted.authorizedKeysFile, `${options} ${await readFile(`${restricted.identityFile}.pub`, 'utf8')}`)
  }

  const open = (config: HostConfig) =>
    createHost({ config, sshProgram: undefined, env: { PATH: process.env.PATH }, homeFolder: home.folder })

  /** Options of the lines in SECURITY.md, in their order, with the addresses of these hosts. */
  async function readOptions(): Promise<readonly string[]> {
    const text = await readFile(join(import.meta.dirname, '../../../SECURITY.md'), 'utf8')
    const lines = [...text.matchAll(/^(restrict\S*) ssh-ed25519 /gm)].map(([, options = '']) => options)
    return lines.map((options) => options.replace('192.168.2.0/24', '127.0.0.0/8').replace('nas.lan:22', `${host.address}:${host.port}`))
  }

  test('are the same in docs/hosts.md', async () => {
    const linesOf = async (file: string) =>
      (await readFile(join(import.meta.dirname, '../../..', file), 'utf8')).match(/^restrict\S* ssh-ed25519 .*$/gm)
    expect(await linesOf('docs/hosts.md')).toEqual(await linesOf('SECURITY.md'))
  })

  test('"restrict" with "from" lets everything be done that a job needs', async () => {
    const [options = ''] = await readOptions()
    expect(options).toBe('restrict,from="127.0.0.0/8"')
    await restrict(host, options)
    await using encoder = open(configOf(host, { workingDir: host.workingFolder }))
    const facts = await encoder.open()
    expect(facts.ffmpegPath).toMatch(/^\//)
    const sent = await home.write('film.mkv', 'film')
    const there = join(host.workingFolder, 'film.mkv')
    const guarded = await encoder.guardFile(there)
    await encoder.putFile(sent, there)
    expect(await encoder.run(['cat', there])).toMatchObject({ status: 0, stdout: 'film' })
    const back = join(home.folder, 'back.mkv')
    await encoder.getFile(there, back)
    expect(await readFile(back, 'utf8')).toBe('film')
    await encoder.removeFiles([there])
    guarded.release()
  })

  test('"from" with another address keeps this machine out, and says so', async () => {
    await restrict(host, 'restrict,from="192.0.2.0/24"')
    await using encoder = open(configOf(host))
    await expect(encoder.open()).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' })
  })

  test('a forced command is no shell to work with, and the message says what to do', async () => {
    await restrict(host, 'restrict,command="/bin/echo no"')
    await using encoder = open(configOf(host))
    await expect(encoder.open()).rejects.toMatchObject({ code: 'HOST_UNSUPPORTED', hint: expect.stringContaining('forced command') })
  })

  test('on a host in between, forwarding to the one behind it is enough, and no command can be run there', async () => {
    await restrict(host, 'restrict')
    const [, options = ''] = await readOptions()
    expect(options).toContain(`permitopen="${host.address}:${host.port}"`)
    await restrict(gate, options)
    await home.write(
      '.ssh/config',
      `Host gate\n HostName ${gate.address}\n Port ${gate.port}\n User ${gate.user}\n IdentityFile ${gate.identityFile}\n UserKnownHostsFile ${gate.knownHostsFile}\n`,
    )
    await using through = open(configOf(host, { proxyJump: 'gate', workingDir: host.workingFolder }))
    expect((await through.open()).ffmpegVersion).not.toBe('')
    await using direct = createTransport(home, configOf(gate))
    expect((await run(direct, 'echo in')).stdout).toBe('')
  })
})
