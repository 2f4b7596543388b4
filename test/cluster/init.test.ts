import { execFile } from 'node:child_process'
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load-config.ts'
import type { Config } from '../../src/model/config.ts'
import { lacks } from '../capabilities.ts'
import { type Bench, createBench } from './bench.ts'
import { runEncode, runPlain } from './encode-program.ts'
import { writeFewEncoders } from './few-encoders.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const WAIT = { timeout: 60_000, interval: 50 }

/** A person's home whose SSH configuration names hosts; the last is switched off. */
async function writeHome(bench: Bench, hosts: readonly SshdHost[]): Promise<Readonly<Record<string, string>>> {
  const blocks = hosts.map(({ name, address, port, user, identityFile, knownHostsFile }) =>
    [
      `Host ${name}`,
      `HostName ${address}`,
      `Port ${port}`,
      `User ${user}`,
      `IdentityFile ${identityFile}`,
      `UserKnownHostsFile ${knownHostsFile}`,
    ].join('\n  '),
  )
  await mkdir(join(bench.folder, '.ssh'), { mode: 0o700 })
  const text = [
    ...blocks,
    'Host away\n  HostName 127.0.0.1\n  Port 1',
    'Host forge.example\n  User git',
    'Host *\n  ConnectTimeout 5',
  ].join('\n')
  await writeFile(join(bench.folder, '.ssh', 'config'), `${text}\n`)
  // bin/encode keeps its Node in the cache folder.
  return { HOME: bench.folder, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/tmp', '.cache') }
}

async function load(file: string): Promise<Config> {
  return await loadConfig({ file, shippedFolder: join(ROOT, 'profiles') })
}

const homeOf = (config: Config) => config.clusters.find(({ name }) => name === 'home')?.hosts ?? []

describe.runIf(canStartHosts)('encode init', () => {
  test('by flags: a mounted, a streaming and a dead host become a file that loads without warnings and works', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4')
    const { path } = await writeFewEncoders(bench.folder)
    const nas = await bench.startHost('nas', 'mounted', { path })
    const box = await bench.startHost('box', 'streaming', { path })
    const env = await writeHome(bench, [nas, box])
    const hosts = ['nas', 'box', 'away'].flatMap((name) => ['--host', name])
    const ended = await runPlain(bench.folder, ['init', ...hosts, bench.films, '/not/there', bench.mount], { env })
    const file = join(bench.folder, '.config/encode/config.yml')
    expect(ended).toMatchObject({ status: 0, stderr: '' })
    expect(ended.stdout).toMatch(
      /^ {2}nas +mounted: sees .*\n {2}box +streaming: .*\n {2}away +left out: .*refuses connections\. Start its SSH server, .*\nWrote /,
    )

    const text = await readFile(file, 'utf8')
    const schema = /^# yaml-language-server: \$schema=(file:\S+)\n/.exec(text)?.[1]
    expect(JSON.parse(await readFile(fileURLToPath(schema ?? 'none:'), 'utf8'))).toHaveProperty('properties')
    expect(text).toMatch(/# Linux x?\S+, \d+ cores?, .*ffmpeg \d.*(?:\n.*)?\n *# Encoders that work: libx264, libx265\.\n/)
    expect(text).toMatch(/# "away" cannot be used now: .*refuses\s+(?:#\s+)?connections.*(?:\n *# .*)*\n *# away:\n/)
    const config = await load(file)
    expect(config.warnings).toEqual([])
    expect(homeOf(config)).toMatchObject([
      { name: 'nas', type: 'mounted', pathSubstitutions: [{ from: `${bench.films}/`, to: `${bench.mount}/` }] },
      { name: 'box', type: 'streaming', pathSubstitutions: [] },
    ])

    const dry = await runEncode(bench.folder, ['-c', 'home', '--dry-run', film], { env })
    expect(dry).toMatchObject({ status: 0, stderr: '' })
    const names = dry.events.map((event) => event.event)
    expect(names.filter((name) => name === 'host.up')).toHaveLength(2)
    expect(names).toContain('job.planned')
    expect(names).not.toContain('warning')

    const again = await runPlain(bench.folder, ['init', '--host', 'box'], { env })
    expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('exists already') })
    expect(await readFile(file, 'utf8')).toBe(text)
    await bench.expectNothingLeft()
  })

  test('a host sees the folder under the same path, or another folder under that path; --overwrite follows a link', async () => {
    await using bench = await createBench()
    await bench.makeFilm('a.mp4')
    await mkdir(join(bench.folder, 'other'))
    await writeFile(join(bench.folder, 'other/a.mp4'), 'another film')
    const { path } = await writeFewEncoders(bench.folder)
    const same = await bench.startHost('same', 'streaming', { path, hide: [] })
    const odd = await bench.startHost('odd', 'streaming', {
      path,
      hide: [],
      bind: [{ from: join(bench.folder, 'other'), to: bench.films }],
    })
    const env = await writeHome(bench, [same, odd])
    const [file, link] = [join(bench.folder, 'dotfiles.yml'), join(bench.folder, 'link.yml')]
    await writeFile(file, 'rules: {}\n')
    await symlink(file, link)
    const argv = ['init', '-y', link, '-c', 'my cluster', '--host', 'same', '--host', 'odd', '--json', '--overwrite', bench.films]
    const ended = await runPlain(bench.folder, argv, { env })
    expect(ended).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toEqual({
      file: link,
      cluster: 'my cluster',
      hosts: [
        { host: 'same', usable: true, type: 'mounted', host_path: null },
        { host: 'odd', usable: true, type: 'streaming', host_path: null },
      ],
    })
    expect(await readlink(link)).toBe(file)
    const { clusters, warnings } = await load(file)
    expect(warnings).toEqual([])
    expect(clusters).toMatchObject([{ name: 'my cluster', hosts: [{ type: 'mounted', pathSubstitutions: [] }, { type: 'streaming' }] }])
    await bench.expectNothingLeft()
  })

  test('hosts that are all off make a file to come back to, and exit status 3; without hosts or a folder nothing is written', async () => {
    await using bench = await createBench()
    const env = await writeHome(bench, [])
    const file = join(bench.folder, 'config.yml')
    const away = await runPlain(bench.folder, ['init', '-y', file, '--host', 'ann@away'], { env })
    expect(away).toMatchObject({
      status: 3,
      stderr: '',
      stdout: expect.stringMatching(/\nNone of them can be used yet\. .*--overwrite\n$/),
    })
    const empty = await runPlain(bench.folder, ['-y', file, '-c', 'home', '--dry-run', bench.films], { env })
    expect(empty).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('Cluster "home" has no hosts') })
    expect((await load(file)).warnings).toEqual([])
    expect(await readFile(file, 'utf8')).toMatch(/# away:\n *# {3}user: ann\n/)
    expect((await stat(file)).mode & 0o777).toBe(0o644)

    const other = join(bench.folder, 'other.yml')
    for (const [words, said] of [
      [[], 'No host was named'],
      [['--host', '-oProxyCommand=x'], 'needs a value'],
      [['--host=-oProxyCommand=x'], 'is no host'],
      [['--host', 'away', '/not/there'], 'There is no folder "/not/there"'],
    ] as const) {
      const refused = await runPlain(bench.folder, ['init', '-y', other, ...words], { env })
      expect(refused).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(said) })
    }
    await expect(lstat(other)).rejects.toThrow('ENOENT')
  })

  test.skipIf(lacks('tmux'))('on a terminal it asks, and plain Enter is an answer to everything', async () => {
    await using bench = await createBench()
    await bench.makeFilm('a.mp4')
    const { path } = await writeFewEncoders(bench.folder)
    const nas = await bench.startHost('nas', 'mounted', { path })
    const box = await bench.startHost('box', 'streaming', { path })
    const env = await writeHome(bench, [nas, box])
    const tmux = async (...argv: readonly string[]) =>
      (await run('tmux', ['-S', join(bench.folder, 'tmux'), '-f', '/dev/null', ...argv])).stdout
    const screen = async () => (await tmux('capture-pane', '-p')).trimEnd()
    const type = async (text: string) => await tmux('send-keys', text, 'Enter')
    const words = Object.entries({ ...env, PS1: 'READY% ', LC_ALL: 'C.UTF-8', TERM: 'screen' }).map(([name, value]) => `${name}='${value}'`)
    const encode = join(ROOT, 'bin/encode')
    await tmux('new-session', '-d', '-x', '80', '-y', '24', `env -u ENCODE_CONFIG -u XDG_CONFIG_HOME ${words.join(' ')} sh`)
    try {
      await expect.poll(screen, WAIT).toBe('READY%')
      await type(`clear; ${encode} init`)
      await expect.poll(screen, WAIT).toMatch(/1 {2}nas\n *2 {2}box\n *3 {2}away\n *4 {2}local.*\nWhich of them .*\[1-3\]:$/)
      await type('7')
      await expect.poll(screen, WAIT).toMatch(/numbers from 1 to 4\nWhich of them/)
      await type('1,box away')
      await expect.poll(screen, WAIT).toMatch(/A folder with media.*\n?.*\]:$/)
      await type(bench.films)
      await expect.poll(screen, WAIT).toMatch(/"nas" sees no .*(\n.*)*\]:$/)
      await type(bench.mount)
      await expect.poll(screen, WAIT).toMatch(/"box" sees no .*(\n.*)*\]:$/)
      await type('')
      await expect
        .poll(screen, WAIT)
        .toMatch(/nas +mounted: .*(\n.*)*box +streaming: .*(\n.*)*away +left out: .*\n {8}\S.*\nWrote .*(\n.*)*READY%$/)
      const file = join(bench.folder, '.config/encode/config.yml')
      expect(homeOf(await load(file))).toMatchObject([
        { name: 'nas', type: 'mounted' },
        { name: 'box', type: 'streaming' },
      ])

      await type(`clear; ${encode} hosts`)
      await expect.poll(screen, WAIT).toMatch(/^HOST .*\n.*nas +yes +yes.*(\n.*)*home: 2 of 2 hosts can encode\nREADY%$/)
      expect(Math.max(...(await screen()).split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80)

      const second = join(bench.folder, 'second.yml')
      await type(`clear; ${encode} init -y ${second}`)
      await expect.poll(screen, WAIT).toMatch(/Which of them .*:$/)
      await type('')
      await expect.poll(screen, WAIT).toMatch(/A folder with media.*\n?.*\]:$/)
      await type('')
      await expect.poll(screen, WAIT).toMatch(/Wrote .*(\n.*)*READY%$/)
      expect(homeOf(await load(second)).map(({ name, type }) => `${name} ${type}`)).toEqual(['nas streaming', 'box streaming'])

      await type(`clear; ${encode} init -y ${bench.folder}/third.yml; echo status $?`)
      await expect.poll(screen, WAIT).toMatch(/Which of them .*:$/)
      await tmux('send-keys', 'C-c')
      await expect.poll(screen, WAIT).toMatch(/status 130\nREADY%$/)
      await type(`clear; ${encode} init -y ${bench.folder}/third.yml; echo status $?`)
      await expect.poll(screen, WAIT).toMatch(/Which of them .*:$/)
      await tmux('send-keys', 'C-d')
      await expect.poll(screen, WAIT).toMatch(/nothing was written\nstatus 1\nREADY%$/)
      expect(await readdir(bench.folder)).not.toContain('third.yml')
    } finally {
      await tmux('kill-server')
    }
    await bench.expectNothingLeft()
  })
})
