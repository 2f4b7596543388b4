/** `encode config`, `profiles` and `explain` as a person runs them: piped, so without colours, and within 80 columns. */

import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const FFMPEG = 'ffmpeg'
const ENCODE = join(import.meta.dirname, '../../bin/encode')

const CONFIG = `config:
  clusters:
    home:
      nas:
        type: mounted
        path-substitutions: [FILMS/ /mnt/films/]
        queues: {cuda: 2}
      box:
        profiles: [small]
        env: {API_TOKEN: hush}
      off: {status: disabled, queues: {cuda: 1}}
profiles:
  base:
    output_options_audio: [-c:a copy]
    audio: {include_languages: eng}
  small:
    description: smaller, on the processor
    include: base
    output_options_video: [-c:v libx264, -crf 30]
    extension: .mkv
  card:
    include: small
    queue: cuda
rules:
  already hevc: {profile: SKIP, criteria: {vcodec: hevc}}
  films: {profile: small, criteria: {vcodec: h264, res_height: "<1081"}}
  rest: {profile: card}
`

let folder: string
let film: string
let config: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-commands-')))
  film = join(folder, 'films', 'a film.mp4')
  config = join(folder, 'config.yml')
  await mkdir(join(folder, 'films'))
  await mkdir(join(folder, '.ssh'), { mode: 0o700 })
  await writeFile(join(folder, '.ssh/config'), 'Host nas\n  HostName 10.0.0.9\n  Port 2200\n  User anna\n  IdentityFile ~/.ssh/films\n')
  await writeFile(config, CONFIG.replace('FILMS', join(folder, 'films')))
  const sources = ['-f', 'lavfi', '-i', 'testsrc=s=320x240:d=1', '-f', 'lavfi', '-i', 'sine=d=1']
  const maps = ['-map', '0', '-map', '1', '-map', '1', '-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=fre']
  await execa(FFMPEG, ['-v', 'error', ...sources, ...maps, '-c:v', 'libx264', '-c:a', 'aac', film])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function run(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(ENCODE, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder },
    extendEnv: false,
    reject: false,
  })
  const lines = stdout.split('\n')
  expect(stdout).not.toContain('\u001b')
  return { exitCode, stdout, stderr, lines, objects: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

/** Paths and what is quoted from a file are as long as they are. */
function expectNarrow(lines: readonly string[]): void {
  for (const line of lines) if (!line.includes(folder)) expect(line.length, line).toBeLessThanOrEqual(80)
}

describe('config check', () => {
  test('is silent but for a count where nothing is wrong', async () => {
    const { exitCode, stdout, stderr } = await run('config', 'check', config)
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: `${config}: no errors, no warnings`, stderr: '' })
  })

  test('tells warnings with line and caret, and exits 0', async () => {
    const file = join(folder, 'warned.yml')
    await writeFile(file, 'rules:\n  a: {profile: hevc}\n  b: {profile: SKIP}\n')
    const { exitCode, lines } = await run('config', 'check', 'warned.yml')
    expect(exitCode).toBe(0)
    expect(lines).toEqual([
      'warned.yml:3:3: warning: Rule "b" can never match: rule "a" in line 2 comes before it and takes every file',
      '  b: {profile: SKIP}',
      '  ^',
      'warned.yml: no errors, 1 warning',
    ])
    expect((await run('config', 'check', file, '--json')).objects()).toEqual([
      expect.objectContaining({ severity: 'warning', file, line: 3, column: 3, message: expect.stringContaining('can never match') }),
    ])
  })

  test('tells errors on stderr, and exits 2', async () => {
    await writeFile(join(folder, 'wrong.yml'), 'profiles:\n  a: {extention: .mkv}\n')
    const { exitCode, stderr } = await run('config', 'check', '-y', 'wrong.yml')
    expect(exitCode).toBe(2)
    expect(stderr.split('\n')[0]).toMatch(/^wrong\.yml:2:7: Unknown key "extention" in profile "a", did you mean "extension"\?/)
    const json = await run('config', 'check', 'wrong.yml', '--json')
    expect(json.exitCode).toBe(2)
    expect(json.objects()).toMatchObject([{ severity: 'error', file: 'wrong.yml', line: 2, column: 7 }])
  })

  test('says that there is no file where none is', async () => {
    const { exitCode, stdout } = await run('config', 'check')
    expect([exitCode, stdout]).toEqual([0, 'There is no configuration file: everything is default'])
  })
})

test('config show tells lines, defaults and what OpenSSH adds, and no secrets', async () => {
  const { exitCode, lines, stdout } = await run('config', 'show', config)
  expect(exitCode).toBe(0)
  expectNarrow(lines)
  const told = lines.map((line) => line.trim().replace(/ +#/, ' #'))
  expect(told).toEqual(
    expect.arrayContaining([
      'automap: true # default',
      'type: mounted # config.yml:5',
      'address: nas # default; SSH: 10.0.0.9',
      'port: 2200 # SSH configuration',
      'user: anna # SSH configuration',
      `identity_file: ${folder}/.ssh/films # SSH configuration`,
      '- -crf 30 # config.yml:19',
    ]),
  )
  expect(stdout).not.toContain('hush')
})

describe('profiles', () => {
  test('lists own and shipped ones, fragments marked', async () => {
    const { exitCode, lines } = await run('profiles', '-y', config)
    expect(exitCode).toBe(0)
    expectNarrow(lines)
    const told = lines.map((line) => line.trim().replace(/ +/g, ' '))
    expect(told).toEqual(
      expect.arrayContaining(['small libx264 .mkv smaller, on the processor', 'card libx264 .mkv cuda', 'base copy fragment']),
    )
    expect(told.indexOf('Shipped profiles')).toBeGreaterThan(told.indexOf('base copy fragment'))
    const objects = (await run('profiles', '-y', config, '--json')).objects()
    expect(objects).toContainEqual(expect.objectContaining({ name: 'base', fragment: true, shipped: false, line: 13 }))
    expect(objects).toContainEqual(expect.objectContaining({ name: 'h264', fragment: false, shipped: true }))
  })

  test('shows one with the origin of each option', async () => {
    const { lines } = await run('profiles', 'card', '-y', config)
    expectNarrow(lines)
    const told = lines.map((line) => line.trim().replace(/ +/g, ' '))
    expect(told).toEqual(
      expect.arrayContaining(['queue cuda own, config.yml:23', '-crf 30 from small, config.yml:19', '-c:a copy from base, config.yml:14']),
    )
    const [object] = (await run('profiles', 'card', '-y', config, '--json')).objects()
    expect(object).toMatchObject({ name: 'card', settings: { queue: { value: 'cuda', origin: { profile: 'card', line: 23 } } } })
  })

  test('suggests the name that was meant', async () => {
    const { exitCode, stderr } = await run('profiles', 'smal', '-y', config)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Did you mean "small"?')
  })
})

describe('explain', () => {
  test('tells why, rule by rule, stream by stream, host by host, and connects to none', async () => {
    const { exitCode, lines, stderr } = await run('explain', '-y', config, '-c', 'home', film)
    expect([exitCode, stderr]).toEqual([0, ''])
    expectNarrow(lines)
    expect(lines).toEqual(
      expect.arrayContaining([
        '  ✗ already hevc → SKIP (line 25)',
        '    ✗ vcodec is "h264" (wanted: hevc)',
        '  ✓ films → small (line 26)',
        '    ✓ res_height is 240 (wanted: <1081)',
        '      not asked: rule "films" took the file',
        '  ✗ 2 audio aac, fre, 1 channels: language "fre" is not wanted',
        expect.stringMatching(/^ {2}-crf 30 +own, config\.yml:19$/),
        expect.stringMatching(/^ {2}-map 0:1 +for this file's streams$/),
        `  ${join(folder, 'films', 'a film.mkv')}; the source goes once it stands`,
        'Hosts of cluster home (none was asked; "encode --dry-run" asks them)',
        '  ✗ nas: it has no queue "_default", only "cuda"',
        '  ✓ box: streaming, queue _default (1 slot)',
      ]),
    )
  })

  test('gives the arguments that a dry run gives', async () => {
    const explained = (await run('explain', '-y', config, '-p', 'small', film, '--json')).objects()[0]
    const planned = (await run('-y', config, '-p', 'small', '--dry-run', '--json', film))
      .objects()
      .find(({ event }) => event === 'job.planned')
    expect(explained).toMatchObject({ outcome: 'encode', asked_for: 'small', rule: null, connected: false })
    expect(explained?.arguments).toEqual(planned?.arguments)
    expect(explained?.output).toEqual(planned?.output)
  })

  test('holds -c and -p for the paths that follow, and goes on after a file that cannot be read', async () => {
    const none = join(folder, 'none.mp4')
    const { exitCode, objects } = await run('explain', '--json', '-y', config, '-p', 'small', none, '-c', 'home', '-p', 'card', film)
    expect(exitCode).toBe(1)
    expect(objects().map(({ outcome, profile, cluster }) => [outcome, profile, cluster])).toEqual([
      ['failed', undefined, undefined],
      ['encode', 'card', 'home'],
    ])
    expect(objects()[1]?.hosts).toMatchObject([
      { host: 'nas', verdict: 'could', source: '/mnt/films/a film.mp4', variants: [{ queue: 'cuda', slots: 2 }] },
      { host: 'box', verdict: 'could not' },
      { host: 'off', verdict: 'could not', reasons: ['it is disabled'] },
    ])
  })

  test.each([
    [['-c', 'hom'], 'There is no cluster "hom"; did you mean "home"?'],
    [['-c', 'home', '--host', 'nass'], 'There is no host "nass" here; did you mean "nas"?'],
    [['-p', 'crad'], 'Did you mean "card"?'],
  ])('suggests what was meant by %j', async (args, message) => {
    const { exitCode, stderr } = await run('explain', '-y', config, ...args, film)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(message)
  })
})
