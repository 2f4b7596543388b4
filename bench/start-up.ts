/**
 * How long a call takes before it does its work: `encode --version` against bare Node, by turns; and the first encode of a long list.
 *
 *     node bench/start-up.ts [--rounds 20] [--files 1000] [--json]
 *
 * Needs `npm run build`. The list is encoded on this machine, and ended with the first job.
 */

import { spawn, spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFilm } from './make-film.ts'

const ENCODE = join(import.meta.dirname, '../bin/encode')

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    files: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
})

const folder = await mkdtemp(join(tmpdir(), 'encode-start-'))
try {
  const env = { ...process.env, HOME: folder, XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache') }
  const report = { version: compareVersion(env), firstJobSeconds: await timeFirstJobs(env) }
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
} finally {
  await rm(folder, { recursive: true, force: true })
}

interface Report {
  readonly version: { readonly nodeMs: number; readonly encodeMs: number; readonly medianRatio: number }
  /** From the call to `job.started`: nothing remembered, then all that the first call has looked into. */
  readonly firstJobSeconds: readonly number[]
}

function compareVersion(env: NodeJS.ProcessEnv): Report['version'] {
  const time = (program: string, args: readonly string[]): number => {
    const startedMs = performance.now()
    spawnSync(program, args, { env, stdio: 'ignore' })
    return performance.now() - startedMs
  }
  // What is compiled once is kept.
  time(ENCODE, ['--version'])
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({
    nodeMs: time(process.execPath, ['-e', '0']),
    encodeMs: time(ENCODE, ['--version']),
  }))
  return {
    nodeMs: toMedian(rounds.map(({ nodeMs }) => nodeMs)),
    encodeMs: toMedian(rounds.map(({ encodeMs }) => encodeMs)),
    medianRatio: toMedian(rounds.map(({ nodeMs, encodeMs }) => encodeMs / nodeMs)),
  }
}

async function timeFirstJobs(env: NodeJS.ProcessEnv): Promise<readonly number[]> {
  const films = join(folder, 'films')
  await mkdir(films)
  await makeFilm(join(folder, 'film.mkv'))
  for (let number = 0; number < Number(values.files); number += 1) await copyFile(join(folder, 'film.mkv'), join(films, `${number}.mkv`))
  await writeFile(join(folder, 'config.yml'), 'profiles: {slow: {output_options: ["-c:v libx264"], extension: .mp4}}\n')
  const seconds: number[] = []
  for (let call = 0; call < 2; call += 1) seconds.push(await timeFirstJob(films, env))
  return seconds
}

async function timeFirstJob(films: string, env: NodeJS.ProcessEnv): Promise<number> {
  const startedMs = performance.now()
  const child = spawn(ENCODE, ['--json', '-k', '-y', join(folder, 'config.yml'), '-p', 'slow', films], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  let tookMs = Number.NaN
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
    if (!Number.isNaN(tookMs) || !said.includes('"event":"job.started"')) return
    tookMs = performance.now() - startedMs
    child.kill('SIGINT')
  })
  await new Promise((resolve) => child.once('close', resolve))
  return tookMs / 1000
}

function toMedian(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

function render({ version, firstJobSeconds }: Report): string {
  const [cold, again] = firstJobSeconds.map((seconds) => `${seconds.toFixed(2)} s`)
  return `${[
    `node -e 0          ${version.nodeMs.toFixed(0)} ms`,
    `encode --version   ${version.encodeMs.toFixed(0)} ms, ${version.medianRatio.toFixed(2)} times as long (median of pairs)`,
    `first encode       ${cold} after the call with ${values.files} files, ${again} when called again`,
  ].join('\n')}\n`
}
