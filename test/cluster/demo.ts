/**
 * `npm run demo`: makes two throw-away machines out of this one, each a real OpenSSH server on loopback, and lets `encode` turn a
 * folder of sample clips into smaller ones on them. Shows what came of it, and leaves nothing behind.
 */

import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { formatBytes, savedPercent } from '../../src/core/units.ts'
import { makeSampleClips, SAMPLE_CLIPS } from './sample-clips.ts'
import { canStartHosts, type SshdHost, startSshdHost } from './sshd-host.ts'

const ENCODE = join(import.meta.dirname, '../../bin/encode')

type Sizes = ReadonlyMap<string, number>

process.exitCode = await main()

async function main(): Promise<number> {
  if (!canStartHosts) {
    console.error('demo: It makes two machines out of this one, which takes root on Linux: run `sudo npm run demo`')
    return 2
  }
  const interrupt = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  // On the terminal's Ctrl-C encode gets the signal as well: it ends by itself, and then it is our turn.
  for (const signal of signals) process.on(signal, () => interrupt.abort(signal))

  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'encode-demo-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  try {
    return await demonstrate(folder, stack, interrupt.signal)
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
    return 128 + constants.signals[interrupt.signal.reason as (typeof signals)[number]]
  }
}

async function demonstrate(folder: string, stack: AsyncDisposableStack, signal: AbortSignal): Promise<number> {
  const films = join(folder, 'films')
  const mount = join(folder, 'mnt/nas')
  await mkdir(films)

  say(`Making ${SAMPLE_CLIPS.length} sample clips and two machines to encode them on:`)
  say('  attic   sees the clips as a mount, under another path')
  say('  cellar  cannot see them: they travel over SSH')
  const attic = stack.use(await startSshdHost({ name: 'attic', bind: [{ from: films, to: mount }], hide: [films] }))
  const cellar = stack.use(await startSshdHost({ name: 'cellar', hide: [films] }))
  await makeSampleClips(films, SAMPLE_CLIPS, signal)
  const before = await sizesBelow(films)

  const config = join(folder, 'cluster.yml')
  await writeFile(config, configText(attic, cellar, films, mount))
  say(`\n$ encode -y ${config} -c demo ${films}\n`)
  const status = await runEncode(['-y', config, '-c', 'demo', films], join(folder, 'state'), signal)

  say('')
  showSizes(before, await sizesBelow(films))
  const leftovers = [...(await leftOn(attic)), ...(await leftOn(cellar))]
  for (const leftover of leftovers) say(`Left behind: ${leftover}`)
  if (leftovers.length === 0) say('Nothing is left on the two machines: no process, no file. They and the clips are removed now.')
  return status === 0 && leftovers.length > 0 ? 1 : status
}

/** The smallest configuration of such a cluster, but for the ports and keys that throw-away machines bring. */
function configText(attic: SshdHost, cellar: SshdHost, films: string, mount: string): string {
  const access = (host: SshdHost): string => `
        ip: ${host.address}
        port: ${host.port}
        user: ${host.user}
        identity_file: ${host.identityFile}
        known_hosts: ${host.knownHostsFile}
        working_dir: ${host.workingFolder}`
  return `config:
  clusters:
    demo:
      attic:
        type: mounted${access(attic)}
        path-substitutions:
          - "${films}/ ${mount}/"
      cellar:
        type: streaming${access(cellar)}
profiles:
  smaller:
    output_options:
      - "-c:v libx264"
      - "-preset medium"
      - "-crf 30"
      - "-c:a aac"
      - "-b:a 96k"
    extension: .mkv
    threshold: 10
rules:
  everything:
    profile: smaller
`
}

function runEncode(args: readonly string[], stateHome: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(ENCODE, args, { stdio: 'inherit', env: { ...process.env, XDG_STATE_HOME: stateHome } })
    // Ctrl-C reaches encode through the terminal; what is sent to this process alone is handed on.
    signal.addEventListener('abort', () => {
      if (signal.reason !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal.reason as NodeJS.Signals)
    })
    child.once('error', reject)
    child.once('close', (code, name) => resolve(code ?? 128 + constants.signals[name ?? 'SIGKILL']))
  })
}

async function sizesBelow(folder: string): Promise<Sizes> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const sizes = await Promise.all(files.map(async (file) => [file.slice(folder.length + 1), (await stat(file)).size] as const))
  return new Map(sizes.sort(([a], [b]) => a.localeCompare(b)))
}

function showSizes(before: Sizes, after: Sizes): void {
  say('The folder before and after:')
  const rows = [...before].map(([name, size]) => ({ name, size, result: [...after.keys()].find((other) => stem(other) === stem(name)) }))
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const { name, size, result } of rows) {
    const newSize = after.get(result ?? '')
    const outcome = newSize === undefined ? 'gone' : `${formatBytes(newSize).padStart(8)}  ${basename(result ?? '')}`
    say(`  ${formatBytes(size).padStart(8)}  ${name.padEnd(width)}  →  ${outcome}`)
  }
  const [sum, newSum] = [total(before), total(after)]
  say(
    `  ${formatBytes(sum).padStart(8)}  ${'in all'.padEnd(width)}  →  ${formatBytes(newSum).padStart(8)}  (${savedPercent(sum, newSum)} % saved)\n`,
  )
}

async function leftOn(host: SshdHost): Promise<readonly string[]> {
  const processes = (await host.processes())
    .filter(({ args }) => /ffmpeg|ffprobe/.test(args))
    .map(({ pid, args }) => `process ${pid} on ${host.name}: ${args}`)
  const files = (await readdir(host.workingFolder, { recursive: true })).map(
    (name) => `file on ${host.name}: ${join(host.workingFolder, name)}`,
  )
  return [...processes, ...files]
}

function stem(name: string): string {
  return name.replace(/\.[^.]*$/, '')
}

function total(sizes: Sizes): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

function say(line: string): void {
  console.log(line)
}
