import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CreateHostOptions, createHost } from '../../../src/host/create-host.ts'
import { toClientArguments } from '../../../src/host/ssh/client-arguments.ts'
import { getThroughClient } from '../../../src/host/ssh/client-transfer.ts'
import { loadSshSettings, type SshSettings, toDestination } from '../../../src/host/ssh/ssh-settings.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { NASTY_NAMES } from '../../contract/nasty-names.ts'
import type { MoveBytesTask } from '../../fixtures/move-bytes.ts'
import { waitUntil } from '../../wait-until.ts'
import { createSlowTurn } from './slow-turn.ts'
import { configOf, createClient, createHome, startAgent, type TestHome } from './ssh-fixture.ts'

const MOVE_BYTES = fileURLToPath(new URL('../../fixtures/move-bytes.ts', import.meta.url))

describe.skipIf(!canStartHosts)("the system's OpenSSH client", () => {
  let home: TestHome
  let server: SshdHost
  beforeAll(async () => {
    home = await createHome()
    server = await startSshdHost({ name: 'client' })
  })
  afterAll(async () => {
    await server.stop()
    await home[Symbol.asyncDispose]()
  })
  const here = (name: string): string => join(home.folder, name)
  const optionsFor = (to: SshdHost, parts: Parameters<typeof configOf>[1] = {}) => {
    const notes: string[] = []
    const options = {
      config: configOf(to, { workingDir: to.workingFolder, ...parts }),
      sshProgram: undefined,
      env: { PATH: process.env.PATH },
      homeFolder: home.folder,
      clientFromBytes: 0,
      clientFromBusyRatio: 0,
      onNote: (note: string) => notes.push(note),
    }
    return { notes, options }
  }
  /** Files there and back, of these names, on one host. */
  async function expectMoved(options: CreateHostOptions, ...names: readonly string[]): Promise<void> {
    await using host = createHost(options)
    await host.open()
    for (const name of names) {
      const [there, source, back] = [host.joinPath(server.workingFolder, name), here(`source-${host.mark}`), here(`back-${host.mark}`)]
      const content = `of ${name} `.repeat(20_000)
      await writeFile(source, content)
      const turn = createSlowTurn()
      await host.putFile(source, there, { turn })
      await host.getFile(there, back, { turn })
      expect((await readFile(back, 'utf8')) === content).toBe(true)
      await rm(back)
    }
  }
  const settingsOf = async (parts: Partial<SshSettings> = {}): Promise<SshSettings> => ({
    ...(await loadSshSettings(toDestination(configOf(server)), { sshProgram: undefined, env: {}, homeFolder: home.folder })),
    ...parts,
  })
  const place = { keepaliveSeconds: 5, keepalivesUnanswered: 3 }

  test('moves files whatever their names, on connections of its own', async () => {
    const before = countLogins(server)
    const [first = 'a', second = 'b'] = NASTY_NAMES.filter((name) => name.includes('\n') || name.includes("'"))
    const { notes, options } = optionsFor(server)
    await expectMoved(options, first, second)
    expect(notes).toEqual([])
    // Three of ssh2: for commands, and two that stand ready for transfers there and back; two for the bytes of each file.
    expect(countLogins(server) - before).toBe(7)
  })

  test('takes no machine but the one that ssh2 found to be the right one', async () => {
    const other = await readFile(`${server.identityFile}.pub`, 'utf8')
    const client = await createClient(home, server, other)
    const direct = { commandLine: 'echo begun >&2; echo bytes', mark: 'begun', endCommandLine: '' }
    const unfit = Promise.withResolvers<string>()
    const begin = async (): Promise<number> => {
      throw new Error(await unfit.promise)
    }
    const get = getThroughClient(client, here('never'), begin, { direct, maxBytes: 100, onUnfit: unfit.resolve, onFaltered: unfit.resolve })
    await expect(get).rejects.toThrow('Host key verification failed')
    await expect(stat(here('never'))).rejects.toThrow('ENOENT')
  })

  test('is not given what it could read in another way, nor hosts behind others', async () => {
    const hostKey = Buffer.from(server.hostPublicKey.split(' ')[1] ?? '', 'base64')
    const unfit = async (parts: Partial<SshSettings>) => toClientArguments({ ...place, hostKey, settings: await settingsOf(parts) })
    for (const identity of ['/home/a b/key', '/home/%h/key', '/home/${HOME}/key', '/home/"/key', '/home/\nProxyCommand=x']) {
      expect(await unfit({ identityFiles: [identity] })).toHaveProperty('unfit')
    }
    expect(await unfit({ proxyJump: ['gate'] })).toHaveProperty('unfit')
    expect(await unfit({ proxyCommand: 'nc gate 22' })).toHaveProperty('unfit')
    expect(await unfit({})).toHaveProperty('argv')
  })

  test.concurrent('uses the keys of an agent', async () => {
    await using agent = await startAgent(home)
    agent.add(server.identityFile)
    const { notes, options } = optionsFor(server, { identityFile: undefined })
    await expectMoved({ ...options, env: { ...options.env, SSH_AUTH_SOCK: agent.socket } }, 'by agent')
    expect(notes).toEqual([])
  })

  test.concurrent('leaves it to ssh2 where there is none', async () => {
    const { notes, options } = optionsFor(server)
    await expectMoved({ ...options, sshProgram: here('no-ssh') }, 'without')
    expect(notes).toEqual([expect.stringContaining("not through the system's ssh")])
  })

  test.concurrent('leaves it to ssh2 where it does not get in', async () => {
    const locked = home.makeKey('locked', { passphrase: 'secret' })
    await using picky = await startSshdHost({ name: 'picky' })
    await writeFile(picky.authorizedKeysFile, await readFile(`${locked}.pub`))
    const asked: string[] = []
    const prompt = async (question: string) => {
      asked.push(question)
      return 'secret'
    }
    const { notes, options } = optionsFor(picky, { identityFile: locked })
    await using host = createHost({ ...options, prompt })
    await host.open()
    await writeFile(here('for-picky'), 'of a film')
    const turn = { ...createSlowTurn(), take: async () => await waitUntil(() => notes.length > 0, { what: 'the client is refused' }) }
    await host.putFile(here('for-picky'), host.joinPath(picky.workingFolder, 'film'), { turn })
    expect(notes).toEqual([expect.stringContaining('Permission denied')])
    expect(asked).toHaveLength(1)
  })

  test.concurrent('fetches nothing from a host whose login files print something', async () => {
    await using noisy = await startSshdHost({ name: 'noisy', loginShell: '/bin/bash' })
    await writeFile(join(noisy.homeFolder, '.bashrc'), 'echo Welcome\n')
    await using host = createHost(optionsFor(noisy).options)
    await host.open()
    await writeFile(noisy.seenFrom(join(noisy.workingFolder, 'film')), 'of a film')
    await host.getFile(join(noisy.workingFolder, 'film'), here('of-noisy'))
    expect(await readFile(here('of-noisy'), 'utf8')).toBe('of a film')
  })

  test('ends with a controller that is killed, here and there', async () => {
    const source = await open(here('endless'), 'w')
    await source.truncate(2e9)
    await source.close()
    const { onNote: _, ...host } = optionsFor(server).options
    const task: MoveBytesTask = { host, source: here('endless'), target: join(server.workingFolder, 'endless') }
    const controller = spawn(process.execPath, [MOVE_BYTES, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(controller, 'exit')
    await once(controller.stdout, 'data')
    await waitUntil(async () => (await findClients(server.identityFile)).length > 0, { what: 'the client runs' })
    controller.kill('SIGKILL')
    await ended
    await waitUntil(async () => (await findClients(server.identityFile)).length === 0, { what: 'no client runs here', timeoutMs: 10_000 })
    const isTransfer = ({ args }: { args: string }): boolean => args.includes('-bulk-') || args.startsWith('cat')
    await waitUntil(async () => !(await server.processes()).some(isTransfer), { what: 'no transfer runs there', timeoutMs: 10_000 })
  })
})

function countLogins(server: SshdHost): number {
  return server.log().split('Accepted publickey').length - 1
}

/** Processes of this machine that were given the key. */
async function findClients(identityFile: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (args.includes(`IdentityFile=${identityFile}`)) found.push(pid)
  }
  return found
}
