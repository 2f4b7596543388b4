import { readdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProgramShell, type ProgramShell } from '../../../src/core/program-shell.ts'
import type { SshDestination } from '../../../src/host/ssh/ssh-destination.ts'
import { loadSshSettings, parseJumpHop, type SshSettings } from '../../../src/host/ssh/ssh-settings.ts'
import { createHome, type TestHome } from './ssh-fixture.ts'

interface Case {
  readonly behaviour: string
  readonly config: string
  readonly to: SshDestination
  /** `~` stands for the home folder. */
  readonly expected: Partial<SshSettings>
}

const CASES: readonly Case[] = [
  {
    behaviour: 'takes the first value found, patterns and negation included',
    config: 'Host *.lan !nas.lan\n User wrong\nHost n?s.lan other\n User=first\n Port 2200\nHost *\n User second\n HostName real.example\n',
    to: { name: 'nas.lan' },
    expected: { hostname: 'real.example', user: 'first', port: 2200 },
  },
  {
    behaviour: 'lets explicit keys win',
    config: 'Host nas\n User a\n Port 1\n IdentityFile ~/one\n UserKnownHostsFile ~/kh\n ProxyJump gate\n',
    to: { name: 'nas', user: 'b', port: 2, identityFile: '~/two', knownHosts: '~/kh2', proxyJump: 'none', acceptsNewHostKeys: true },
    expected: {
      user: 'b',
      port: 2,
      identityFiles: ['~/two'],
      userKnownHostsFiles: ['~/kh2'],
      proxyJump: [],
      acceptsNewHostKeys: true,
      hasOwnIdentityFiles: true,
    },
  },
  {
    behaviour: 'expands tokens and ~',
    config: 'Host nas\n HostName %h.example\n User me\n IdentityFile ~/.ssh/%r@%h\n IdentityFile %d/keys/%n-%p\n',
    to: { name: 'nas' },
    expected: { hostname: 'nas.example', identityFiles: ['~/.ssh/me@nas.example', '~/keys/nas-22'], hasOwnIdentityFiles: true },
  },
  {
    behaviour: 'reads included files where they are included, relative to ~/.ssh, with wildcards and quoted names',
    config: 'Include conf.d/*.conf "with space"\nHost *\n Port 3\n',
    to: { name: 'nas' },
    expected: { user: 'from-include', port: 4 },
  },
  {
    behaviour: 'takes chains of ProxyJump and leaves the proxy command out then',
    config: 'Host nas\n ProxyJump a@one:2201,two\n ProxyCommand nc %h %p\n',
    to: { name: 'nas' },
    expected: { proxyJump: ['a@one:2201', 'two'], proxyCommand: undefined },
  },
  {
    behaviour: 'takes a proxy command with its tokens',
    config: 'Host nas\n ProxyCommand nc %h %p\n',
    to: { name: 'nas', port: 99 },
    expected: { proxyCommand: 'nc nas 99' },
  },
  {
    behaviour: 'takes the silence after which a connection is given up',
    config: 'Host nas\n ServerAliveInterval 2\n ServerAliveCountMax 4\n',
    to: { name: 'nas' },
    expected: { silenceLimitSeconds: 8 },
  },
  {
    behaviour: 'knows of no such silence where keepalives are off',
    config: 'Host nas\n ServerAliveInterval 0\n',
    to: { name: 'nas' },
    expected: { silenceLimitSeconds: undefined },
  },
  {
    behaviour: 'understands the keys that say how to connect and whom to trust',
    config:
      'Host nas\n AddressFamily inet6\n ConnectTimeout 3\n HostKeyAlias alias\n StrictHostKeyChecking accept-new\n HashKnownHosts yes\n IdentitiesOnly yes\n IdentityAgent none\n',
    to: { name: 'nas' },
    expected: {
      addressFamily: 6,
      connectTimeoutMs: 3000,
      hostKeyAlias: 'alias',
      acceptsNewHostKeys: true,
      hashesKnownHosts: true,
      identitiesOnly: true,
      agentSocket: undefined,
    },
  },
  {
    behaviour: 'finds the agent that the configuration names',
    config: 'Host nas\n IdentityAgent "~/my agent.sock"\n',
    to: { name: 'nas' },
    expected: { agentSocket: '~/my agent.sock' },
  },
  {
    behaviour: 'applies Match blocks by host and user, and not those of other hosts',
    config: 'Match host other\n Port 5\nMatch originalhost nas user me\n Port 6\nMatch all\n Port 7\n',
    to: { name: 'nas', user: 'me' },
    expected: { port: 6 },
  },
  {
    behaviour: 'has good defaults',
    config: '# nothing\n',
    to: { name: 'nas' },
    expected: {
      hostname: 'nas',
      port: 22,
      user: userInfo().username,
      connectTimeoutMs: 10_000,
      acceptsNewHostKeys: false,
      identitiesOnly: false,
      hasOwnIdentityFiles: false,
      agentSocket: '/agent',
      addressFamily: 0,
    },
  },
]

describe('settings of a host', () => {
  let home: TestHome
  const shell = createProgramShell()
  beforeAll(async () => {
    home = await createHome()
    await home.write('.ssh/conf.d/a.conf', 'Host nas\n User from-include\nHost elsewhere\n Port 5\n')
    await home.write('.ssh/with space', 'Host nas\n Port 4\n')
  })
  afterAll(async () => {
    await home[Symbol.asyncDispose]()
    await shell[Symbol.asyncDispose]()
  })

  const load = (to: SshDestination, sshProgram: string | undefined, runHere?: ProgramShell['run']): Promise<SshSettings> =>
    loadSshSettings(to, { sshProgram, runHere, homeFolder: home.folder, env: { PATH: process.env.PATH, SSH_AUTH_SOCK: '/agent' } })
  const atHome = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null).replaceAll('"~', `"${home.folder}`))

  for (const [reader, program, runHere] of [
    ["OpenSSH's client", undefined, undefined],
    ["OpenSSH's client in a shell that stands by", undefined, shell.run],
    ['the parser here', '/no/ssh', shell.run],
  ] as const) {
    describe(`read by ${reader}`, () => {
      for (const { behaviour, config, to, expected } of CASES) {
        test(behaviour, async () => {
          // ssh looks Include up in the folder of the password database: an absolute path is the same for both readers.
          await home.write(
            '.ssh/config',
            program === undefined ? config.replace(/(?<=Include )(\S+) "/, `${home.folder}/.ssh/$1 "${home.folder}/.ssh/`) : config,
          )
          const settings = await load(to, program, runHere)
          for (const [key, value] of Object.entries(expected))
            expect(settings[key as keyof SshSettings] ?? null, key).toEqual(atHome(value))
        })
      }
    })
  }

  test('says where a configuration is broken, as ssh does', async () => {
    await home.write('.ssh/config', 'Host nas\n Prot 22\n')
    await expect(load({ name: 'nas' }, undefined)).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringMatching(/"nas": .*config: line 2: Bad configuration option: prot/),
    })
    await home.write('.ssh/config', 'Include config\n')
    await expect(load({ name: 'nas' }, '/no/ssh')).rejects.toThrow(`"${join(home.folder, '.ssh/config')}" includes files more than 16 deep`)
    await home.write('.ssh/config', 'Host nas\nPort\n')
    await expect(load({ name: 'nas' }, '/no/ssh')).rejects.toThrow(`${join(home.folder, '.ssh/config')}:2: "Port" has no value`)
    await home.write('.ssh/config', '')
  })

  test('never takes a name for an option of ssh', async () => {
    const name = `-oProxyCommand=touch ${home.folder}/owned`
    await expect(load({ name }, undefined)).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining('invalid characters'),
    })
    expect(await readdir(home.folder)).not.toContain('owned')
  })

  test.each([
    ['gate', { name: 'gate' }],
    ['me@gate:2222', { name: 'gate', user: 'me', port: 2222 }],
    ['ssh://me@gate:2222/', { name: 'gate', user: 'me', port: 2222 }],
    ['[fe80::1]:22', { name: 'fe80::1', port: 22 }],
    ['me@fe80::1', { name: 'fe80::1', user: 'me' }],
    ['a@b@gate', { name: 'gate', user: 'a@b' }],
  ])('reads the hop %s', (hop, expected) => {
    expect(parseJumpHop(hop)).toEqual(expected)
  })
})
