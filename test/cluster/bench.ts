/** A folder of films, hosts to encode them on, and the look at what is left afterwards. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { expectNoneLeft } from './expect-none-left.ts'
import { type SshdHost, type SshdHostOptions, startSshdHost } from './sshd-host.ts'

const run = promisify(execFile)

/** What ffmpeg has made, by its form: the same arguments make the same bytes. */
const madeFilms = new Map<string, Buffer>()

export interface Bench extends AsyncDisposable {
  /** Everything of this test, and nothing else; controller and hosts share no other folder. */
  readonly folder: string
  /** The media. */
  readonly films: string
  /** Starts a host that sees the films under another path (`mounted`) or not at all (`streaming`). */
  startHost(name: string, type: 'mounted' | 'streaming', options?: Partial<SshdHostOptions>): Promise<SshdHost>
  /** Where mounted hosts see the films. */
  readonly mount: string
  makeFilm(name: string, options?: FilmOptions): Promise<string>
  /** A link of the given name to a program that looks at its own name (busybox), outside of the films. */
  linkShell(program: string, name: string): Promise<string>
  /** Names below the films folder, sorted, hidden ones too. */
  list(): Promise<readonly string[]>
  /** Waits until nothing runs on any host and no work file is left there or here; fails with what is left. */
  expectNothingLeft(): Promise<void>
}

export interface FilmOptions {
  readonly seconds?: number
  /** More of ffmpeg's output options. */
  readonly options?: readonly string[]
}

export async function createBench(): Promise<Bench> {
  // A real path: what encode prints has no symbolic links in it.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-bench-')))
  const films = join(folder, 'films')
  const mount = join(folder, 'mnt', 'nas')
  await mkdir(films)
  const hosts: SshdHost[] = []

  async function list(): Promise<readonly string[]> {
    const entries = await readdir(films, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(films.length + 1))
      .sort()
  }

  async function findLeft(): Promise<readonly string[]> {
    const left = (await list()).filter((name) => name.split('/').at(-1)?.startsWith('.encode-'))
    for (const host of hosts) {
      for (const process of await host.processes()) left.push(`${host.name}: ${process.args}`)
      for (const name of await readdir(host.workingFolder)) left.push(`${host.name}: ${host.workingFolder}/${name}`)
    }
    for (const process of await findProcesses(folder)) left.push(`controller: ${process}`)
    return left
  }

  return {
    folder,
    films,
    mount,
    list,
    async startHost(name, type, options = {}) {
      const view = type === 'mounted' ? { bind: [{ from: films, to: mount }], hide: [films] } : { hide: [films] }
      const host = await startSshdHost({ name, ...view, ...options })
      hosts.push(host)
      return host
    },
    async makeFilm(name, { seconds = 2, options = [] } = {}) {
      const path = join(films, name)
      await mkdir(dirname(path), { recursive: true })
      const form = JSON.stringify([extname(name), seconds, options])
      const known = madeFilms.get(form)
      if (known !== undefined) {
        await writeFile(path, known)
        return path
      }
      const sources = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=25:duration=${seconds},noise=alls=8:allf=t`]
      const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`]
      const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '18', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
      await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...sources, ...sound, ...codecs, ...options, `file:${path}`])
      madeFilms.set(form, await readFile(path))
      return path
    },
    async linkShell(program, name) {
      const path = join(folder, 'bin', name)
      await mkdir(dirname(path), { recursive: true })
      await symlink(program, path)
      return path
    },
    async expectNothingLeft() {
      await expectNoneLeft(findLeft)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(hosts.map((host) => host.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Facts that only a whole, playable file has: its streams and its length as its packets tell it. */
export async function describeFilm(
  path: string,
): Promise<{ readonly codecs: string; readonly seconds: number; readonly sizeBytes: number }> {
  const probe = async (...argv: readonly string[]) => (await run('ffprobe', ['-v', 'error', ...argv, '-i', `file:${path}`])).stdout
  const streams = await probe('-show_entries', 'stream=codec_name', '-of', 'csv=p=0')
  const packets = await probe('-select_streams', 'v:0', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0')
  const times = packets
    .split('\n')
    .map((line) => Number.parseFloat(line))
    .filter((time) => !Number.isNaN(time))
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-xerror', '-i', `file:${path}`, '-f', 'null', '-'])
  return { codecs: streams.trim().split('\n').join(' '), seconds: Math.max(...times), sizeBytes: (await stat(path)).size }
}

/** Command lines of ffmpeg and ffprobe on this machine that name the folder. */
async function findProcesses(folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    if (/\bff(mpeg|probe)\b/.test(line) && line.includes(folder)) found.push(line)
  }
  return found
}
