import { execFileSync } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bench, createBench } from './bench.ts'
import { accessLines, type EndedRun, runPlain } from './encode-program.ts'
import { writeFewEncoders } from './few-encoders.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

interface Told {
  readonly cluster: string
  readonly host: string
  readonly state: string
  readonly reachable: boolean | null
  readonly login: boolean | null
  readonly ffmpeg: string | null
  readonly encoders: readonly { readonly name: string; readonly state: string; readonly reason: string | null }[]
  readonly working_dir_writable: boolean | null
  readonly free_bytes: number | null
  readonly media: readonly { readonly path: string; readonly host_path: string; readonly seen: boolean | null }[]
  readonly clock_difference_s: number | null
  readonly problems: readonly { readonly code: string; readonly fatal: boolean; readonly message: string; readonly cure: string | null }[]
}

type Lines = readonly string[]

/** A host's lines, those of `host` replaced by `own` of the same key. */
function reach(host: SshdHost, own: Lines = []): Lines {
  const keys = own.map((line) => line.split(':')[0])
  return [...accessLines(host).filter((line) => !keys.includes(line.split(':')[0])), ...own]
}

async function writeClusters(bench: Bench, clusters: Readonly<Record<string, Readonly<Record<string, Lines>>>>): Promise<string> {
  const lines = ['config:', '  clusters:']
  for (const [cluster, hosts] of Object.entries(clusters)) {
    lines.push(`    ${cluster}:`)
    for (const [name, own] of Object.entries(hosts)) lines.push(`      ${name}:`, ...own.map((line) => `        ${line}`))
  }
  const file = join(bench.folder, 'config.yml')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

function read({ stdout }: EndedRun): ReadonlyMap<string, Told> {
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
  return new Map(told.map((report) => [report.host, report]))
}

const codesOf = (told: Told | undefined): Lines => told?.problems.map(({ code }) => code) ?? []

describe.runIf(canStartHosts)('encode hosts', () => {
  test('tells every kind of fault apart, each with its cure, and leaves nothing behind', async () => {
    await using bench = await createBench()
    await bench.makeFilm('films/a.mkv')
    const { path } = await writeFewEncoders(bench.folder)
    const nas = await bench.startHost('nas', 'mounted', { path })
    const box = await bench.startHost('box', 'streaming', { path })
    const bin = join(bench.folder, 'bin')
    await mkdir(bin)
    await writeFile(join(bin, 'date'), '#!/bin/sh\nexec /bin/date -d "+90 minutes" "$@"\n', { mode: 0o755 })
    const late = await bench.startHost('late', 'streaming', { path: `${bin}:${path}` })
    const mount = `path-substitutions: ["${bench.films}/ ${bench.mount}/"]`
    const empty = join(bench.folder, 'no-hosts')
    await writeFile(empty, '')

    const config = await writeClusters(bench, {
      home: {
        nas: reach(nas, ['type: mounted', mount, `working_dir: ${nas.workingFolder}/not/yet`]),
        box: reach(box),
        late: reach(late),
        off: ['address: 127.0.0.1', 'port: 1'],
        refused: reach(box, [`identity_file: ${nas.identityFile}`]),
        stranger: reach(box, [`known_hosts: ${empty}`]),
        bare: reach(box, ['ffmpeg: /opt/none/ffmpeg', 'working_dir: /etc/passwd/encode']),
        locked: reach(box, ['working_dir: /etc/passwd/encode']),
        unmounted: reach(box, ['type: mounted', mount]),
        resting: ['status: disabled'],
      },
    })
    const ended = await runPlain(bench.folder, ['hosts', '--json', '-y', config])
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    const told = read(ended)
    expect([...told.values()].map(({ host, state }) => `${host} ${state}`)).toEqual([
      ...['nas usable', 'box usable', 'late usable', 'off unusable', 'refused unusable', 'stranger unusable'],
      ...['bare unusable', 'locked unusable', 'unmounted unusable', 'resting disabled'],
    ])
    expect(Object.fromEntries([...told].map(([host, report]) => [host, codesOf(report)]))).toEqual({
      nas: [],
      box: [],
      late: ['CLOCK_WRONG'],
      off: ['HOST_UNREACHABLE'],
      refused: ['HOST_AUTH_FAILED'],
      stranger: ['HOST_KEY_REFUSED'],
      bare: ['HOST_NO_FFMPEG', 'HOST_FOLDER_UNUSABLE'],
      locked: ['HOST_FOLDER_UNUSABLE'],
      unmounted: ['HOST_SEES_NO_MEDIA'],
      resting: [],
    })
    for (const { problems } of told.values()) for (const { cure } of problems) expect(cure).toMatch(/\w/)

    expect(told.get('nas')).toMatchObject({
      reachable: true,
      login: true,
      ffmpeg: expect.stringMatching(/^\d+\.\d+/),
      working_dir_writable: true,
      media: [{ path: join(bench.films, 'films/a.mkv'), host_path: join(bench.mount, 'films/a.mkv'), seen: true }],
    })
    expect(told.get('nas')?.encoders).toEqual([
      { name: 'libx264', state: 'works', reason: null },
      { name: 'libx265', state: 'works', reason: null },
      { name: 'h264_nvenc', state: 'fails', reason: expect.stringMatching(/\w/) },
    ])
    expect(Math.abs(told.get('nas')?.clock_difference_s ?? 99)).toBeLessThan(2)
    expect(told.get('late')?.clock_difference_s).toBeGreaterThan(5390)
    expect(told.get('late')?.clock_difference_s).toBeLessThan(5410)
    expect(told.get('off')).toMatchObject({ reachable: false, login: null, ffmpeg: null, free_bytes: null })
    expect(told.get('refused')).toMatchObject({ reachable: true, login: false })
    expect(told.get('stranger')?.problems[0]?.message).toContain(box.hostKeyFingerprint)
    expect(told.get('bare')).toMatchObject({ login: true, ffmpeg: null, working_dir_writable: false })
    expect(told.get('unmounted')?.media).toMatchObject([{ seen: false }])
    await bench.expectNothingLeft()
  })

  test('a PATH is looked for on mounted hosts, a full disk is told, and a cluster without a usable host is exit status 3', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mkv')
    await bench.makeFilm('later/b.mkv')
    const { path } = await writeFewEncoders(bench.folder)
    const tiny = join(bench.folder, 'tiny')
    await mkdir(tiny)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'encode-test', tiny])
    try {
      await writeFile(join(tiny, 'full'), Buffer.alloc(65_536))
      const nas = await bench.startHost('nas', 'mounted', { path })
      // Another folder is mounted where the films should be.
      const odd = await bench.startHost('odd', 'streaming', { path, bind: [{ from: join(bench.films, 'later'), to: bench.mount }] })
      const mount = `path-substitutions: ["${bench.films}/ ${bench.mount}/"]`
      const config = await writeClusters(bench, {
        home: { nas: reach(nas, [mount]), odd: reach(odd, [mount]) },
        work: { full: reach(odd, [`working_dir: ${tiny}`]) },
      })
      const ended = await runPlain(bench.folder, ['hosts', '-y', config, '--json', film])
      expect(ended.status).toBe(3)
      const told = read(ended)
      expect(told.get('nas')).toMatchObject({ state: 'usable', media: [{ path: film, seen: true }] })
      expect(told.get('odd')).toMatchObject({ state: 'unusable', media: [{ path: film, seen: false }] })
      expect(told.get('full')).toMatchObject({ cluster: 'work', state: 'unusable', free_bytes: 0 })
      expect(codesOf(told.get('full'))).toEqual(['SPACE_LOW'])

      const home = await runPlain(bench.folder, ['hosts', '-y', config, '-c', 'home', film])
      expect(home.status).toBe(0)
      expect(home.stdout).toMatch(/^HOST +UP +LOGIN +FFMPEG +ENCODERS +FOLDER +FREE +MEDIA +CLOCK\n/)
      expect(home.stdout).toMatch(/^nas +yes +yes +\d+\.\S+ +libx264 libx265 +ok +\S+ \wB +yes +ok$/m)
      expect(home.stdout).toMatch(/^✗ odd: Host "odd" does not see the media: ".*" is not there → Check the mount/m)
      expect(home.stdout.trimEnd().split('\n').at(-1)).toBe('home: 1 of 2 hosts can encode')
      await bench.expectNothingLeft()
    } finally {
      execFileSync('umount', [tiny])
    }
  })

  test('without a configuration it looks at this machine', async () => {
    await using bench = await createBench()
    const { path } = await writeFewEncoders(bench.folder)
    const env = { HOME: bench.folder, XDG_CACHE_HOME: cacheFolder(), PATH: `${path}:${process.env.PATH}` }
    const ended = await runPlain(bench.folder, ['hosts', '--json'], { env })
    expect(ended).toMatchObject({ status: 0, stderr: '' })
    expect(read(ended).get('local')).toMatchObject({
      cluster: 'local',
      type: 'local',
      state: 'usable',
      reachable: true,
      clock_difference_s: null,
    })
    expect((await readdir(bench.folder)).sort()).toEqual(['few-encoders', 'films', 'state'])
  })

  test('names that do not exist are refused', async () => {
    await using bench = await createBench()
    await symlink('/nowhere', join(bench.folder, 'dangling'))
    const config = await writeClusters(bench, { home: { nas: ['port: 1'] } })
    for (const [words, said] of [
      [['-c', 'hom'], 'did you mean "home"?'],
      [['--host', 'nsa'], 'did you mean "nas"?'],
      [['dangling'], 'There is no file or folder "dangling"'],
    ] as const) {
      const ended = await runPlain(bench.folder, ['hosts', '-y', config, ...words])
      expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(said) })
    }
  })
})

/** bin/encode keeps its Node there. */
function cacheFolder(): string {
  return process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/tmp', '.cache')
}
