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

/** With one encoder, and with a variant for each kind of hardware. */
const PROFILES = ['slow', 'h264']

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
  const report = { version: compareVersion(env), firstJobs: await timeFirstJobs(env) }
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
} finally {
  await rm(folder, { recursive: true, force: true })
}

interface Report {
  readonly version: { readonly nodeMs: number; readonly encodeMs: number; readonly medianRatio: number }
  /** By profile. */
  readonly firstJobs: readonly (FirstJobs & { readonly profile: string })[]
}

/** From the call to `job.started`, in seconds: nothing remembered, then all that the first call has looked into. */
interface FirstJobs {
  readonly cold: number
  readonly again: number
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

async function timeFirstJobs(env: NodeJS.ProcessEnv): Promise<Report['firstJobs']> {
  const films = join(folder, 'films')
  await mkdir(films)
  await makeFilm(join(folder, 'film.mkv'))
  for (let number = 0; number < Number(values.files); number += 1) await copyFile(join(folder, 'film.mkv'), join(films, `${number}.mkv`))
  await writeFile(join(folder, 'config.yml'), 'profiles: {slow: {output_options: ["-c:v libx264"], extension: .mp4}}\n')
  const timed: (FirstJobs & { readonly profile: string })[] = []
  for (const profile of PROFILES) {
    await rm(join(folder, 'state'), { recursive: true, force: true })
    timed.push({ profile, cold: await timeFirstJob(films, profile, env), again: await timeFirstJob(films, profile, env) })
  }
  return timed
}

async function timeFirstJob(films: string, profile: string, env: NodeJS.ProcessEnv): Promise<number> {
  const startedMs = performance.now()
  const child = spawn(ENCODE, ['--json', '-k', '-y', join(folder, 'config.yml'), '-p', profile, films], {
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

function render({ version, firstJobs }: Report): string {
  return `${[
    `node -e 0          ${version.nodeMs.toFixed(0)} ms`,
    `encode --version   ${version.encodeMs.toFixed(0)} ms, ${version.medianRatio.toFixed(2)} times as long (median of pairs)`,
    ...firstJobs.map(
      ({ profile, cold, again }) =>
        `first encode       ${cold.toFixed(2)} s after the call with ${values.files} files, ${again.toFixed(2)} s when called again (${profile})`,
    ),
  ].join('\n')}\n`
}
