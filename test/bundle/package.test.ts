import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeFilm } from '../../bench/make-film.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('what is published', () => {
  let folder: string
  let unpacked: string

  /** As it stands, unpacked where none of the packages is but those that are not part of the program. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode package-'))
    await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, preferLocal: true })
    const [tarball = ''] = await readdir(folder)
    await execa('tar', ['-xzf', tarball], { cwd: folder })
    unpacked = join(folder, 'package')
    await mkdir(join(unpacked, 'node_modules'))
    for (const name of ['node', 'ssh2']) await symlink(join(ROOT, 'node_modules', name), join(unpacked, 'node_modules', name))
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  function run(...args: readonly string[]) {
    const env = { HOME: folder, PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }
    return execa(join(unpacked, 'bin/encode'), args, { cwd: folder, env, extendEnv: false, reject: false })
  }

  test('runs by itself: version, shipped profiles, a dry run with a host', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string }
    expect((await run('--version')).stdout).toBe(version)
    await makeFilm(join(folder, 'film.mkv'))
    const { exitCode, stdout, stderr } = await run('--dry-run', '--json', '-p', 'h264', 'film.mkv')
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('"event":"job.planned"')
  })

  test('finds ssh2 beside it', async () => {
    await writeFile(join(folder, 'config.yml'), 'config: {clusters: {home: {nas: {address: 127.0.0.1, port: 1, user: nobody}}}}\n')
    const { stdout, stderr, exitCode } = await run('hosts', '-y', 'config.yml')
    expect(`${stdout}${stderr}`).toContain('refuses connections')
    expect(exitCode).toBe(3)
  })

  test('shows traces in the files and lines of src', async () => {
    const { stderr, exitCode } = await run('-v', '-p', 'h264', 'film.mkv', '-o', 'film.mkv')
    expect(exitCode).toBe(2)
    const [place = ''] = /at async runCli \(src\/cli\/run-cli\.ts:\d+/.exec(stderr) ?? []
    expect(place, stderr).not.toBe('')
    const line = readFileSync(join(ROOT, 'src/cli/run-cli.ts'), 'utf8').split('\n')[Number(place.split(':')[1]) - 1]
    expect(line).toContain('runCommand(args, argv)')
    expect(stderr).not.toContain('dist/')
  })

  test('hands on the licences of the packages that are part of it', async () => {
    const text = await readFile(join(unpacked, 'dist/licences.txt'), 'utf8')
    for (const name of ['execa', 'yaml', 'chalk', 'listr2']) expect(text).toMatch(new RegExp(`^${name} \\d+\\.`, 'm'))
    expect(text).not.toMatch(/^ssh2 /m)
  })
})
