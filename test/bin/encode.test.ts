import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

describe('the launcher', () => {
  let folder: string
  let launcher: string

  /** A package with the launcher, and a program that shows what it was given. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode launcher-'))
    await mkdir(join(folder, 'package/bin'), { recursive: true })
    await mkdir(join(folder, 'package/dist/cli'), { recursive: true })
    launcher = join(folder, 'package/bin/encode')
    await copyFile(join(ROOT, 'bin/encode'), launcher)
    await writeFile(join(folder, 'package/dist/cli/main.js'), 'console.log(JSON.stringify([process.argv0, ...process.argv.slice(2)]))\n')
    await program('old/node', 'echo v20.20.2')
    await program('broken/node', 'exit 127')
    await program('strange/node', 'echo hello')
    await mkdir(join(folder, 'new'))
    await symlink(process.execPath, join(folder, 'new/node'))
    // What the launcher itself uses, in a folder that has no node.
    await mkdir(join(folder, 'tools'))
    for (const name of ['readlink', 'mkdir']) await symlink(`/bin/${name}`, join(folder, 'tools', name))
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function program(name: string, text: string): Promise<void> {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`)
    await chmod(join(folder, name), 0o755)
  }

  function launch(
    path: readonly string[],
    args: readonly string[] = [],
    file = launcher,
    cwd = folder,
    more: Readonly<Record<string, string>> = {},
  ) {
    const PATH = [...path, 'tools'].map((name) => join(folder, name)).join(':')
    return execa(file, args, { cwd, env: { PATH, HOME: folder, ...more }, extendEnv: false, reject: false })
  }

  test('hands every argument on as it is', async () => {
    const args = ['a b', "it's", '', '$(x)', '-c', '*', 'line\nend', '🎬']
    const { stdout } = await launch(['new'], args)
    expect(JSON.parse(stdout).slice(1)).toEqual(args)
  })

  test('hands the exit status and the signals of the program on, being it', async () => {
    await writeFile(join(folder, 'package/exit.cjs'), 'process.exit(130)')
    const { exitCode } = await execa(launcher, [], {
      env: { PATH: join(folder, 'new'), NODE_OPTIONS: `--require "${join(folder, 'package/exit.cjs')}"` },
      extendEnv: false,
      reject: false,
    })
    expect(exitCode).toBe(130)
  })

  test('is found through links, relative ones to links among them, from any folder', async () => {
    await mkdir(join(folder, 'links'), { recursive: true })
    await symlink('../package/bin/encode', join(folder, 'links/one'))
    await symlink('one', join(folder, 'links/two'))
    const { stdout } = await launch(['new'], ['x'], './two', join(folder, 'links'))
    expect(JSON.parse(stdout)[1]).toBe('x')
  })

  test("takes the package's own Node before the one on the PATH", async () => {
    await mkdir(join(folder, 'package/node_modules/node/bin'), { recursive: true })
    const own = join(folder, 'package/node_modules/node/bin/node')
    await symlink(process.execPath, own)
    try {
      const { stdout } = await launch(['old'])
      expect(JSON.parse(stdout)).toEqual([own])
    } finally {
      await rm(join(folder, 'package/node_modules'), { recursive: true })
    }
  })

  test('passes by a Node of its own that does not run on this machine', async () => {
    await program('package/node_modules/node/bin/node', 'exit 127')
    try {
      expect((await launch(['new'])).exitCode).toBe(0)
    } finally {
      await rm(join(folder, 'package/node_modules'), { recursive: true })
    }
  })

  test.each([
    ['there is none', [], 'found: none'],
    ['the only one is too old', ['old'], 'found: v20.20.2'],
    ['the only one does not run', ['broken'], 'found: none'],
    ['the only one says no version', ['strange'], 'found: none'],
  ])('says which Node it needs, in a sentence, when %s', async (_case, path, found) => {
    const { exitCode, stderr, stdout } = await launch(path)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(`Needs Node 24 or newer (${found})`)
    expect(stderr.split('\n')).toHaveLength(1)
  })

  test.each([
    ['is made where there is none', 'new cache', true],
    ['is done without where it cannot be made', '/proc/encode', false],
  ])('a folder for compiled modules %s', async (_case, cache, isUsed) => {
    await writeFile(join(folder, 'package/cache.cjs'), 'console.log(process.env.NODE_COMPILE_CACHE ?? "none"); process.exit()')
    const XDG_CACHE_HOME = resolve(folder, cache)
    const NODE_OPTIONS = `--require "${join(folder, 'package/cache.cjs')}"`
    const { stdout } = await launch(['new'], [], launcher, folder, { XDG_CACHE_HOME, NODE_OPTIONS })
    expect(stdout.split('\n').at(-1)).toBe(isUsed ? join(XDG_CACHE_HOME, 'encode/node') : 'none')
  })

  test('says how to build where that has not been done', async () => {
    await mkdir(join(folder, 'unbuilt/bin'), { recursive: true })
    await copyFile(launcher, join(folder, 'unbuilt/bin/encode'))
    const { exitCode, stderr } = await launch(['new'], [], join(folder, 'unbuilt/bin/encode'))
    expect(exitCode).toBe(2)
    expect(stderr).toContain("run 'npm run build' in")
  })
})

describe('the program', () => {
  test.each([['--version'], ['--help']])('answers %s for less than three times what a bare Node needs to start', async (option) => {
    const encode = join(ROOT, 'bin/encode')
    await execa(encode, [option])
    expect(await measureCpuSeconds(encode, option)).toBeLessThan(3 * (await measureCpuSeconds(process.execPath, '-p', '0')))
  })
})

/** What ten runs cost, which depends little on what else the machine is doing. */
async function measureCpuSeconds(...argv: readonly string[]): Promise<number> {
  const { stdout } = await execa('sh', ['-c', 'for n in 1 2 3 4 5 6 7 8 9 10; do "$@" >/dev/null; done; times', 'sh', ...argv])
  const spent = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/.exec(stdout)?.slice(1).map(Number)
  if (spent === undefined) throw new Error(stdout)
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = spent
  return 60 * (userMinutes + systemMinutes) + userSeconds + systemSeconds
}
