/** The same films on the same hosts by `encode`, and by what a user would pick instead. Each way gives the seconds of its whole call. */

import { spawn } from 'node:child_process'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runEncode } from '../test/cluster/encode-program.ts'
import { type PacedCluster, toResultName } from './paced-cluster.ts'
import { PACED_OPTIONS } from './paced-film.ts'

export type WayName = 'encode' | 'parallel' | 'loop'

export const WAYS: Readonly<Record<WayName, { readonly title: string; readonly run: (cluster: PacedCluster) => Promise<number> }>> = {
  encode: { title: 'encode', run: (cluster) => encodeAll(cluster, cluster.names) },
  parallel: { title: 'GNU parallel', run: runParallel },
  loop: { title: 'copy–encode–copy loop', run: runLoop },
}

/** What is asked once and kept from then on: compiled code, what a host can do, how fast it is. */
export async function warmUp(cluster: PacedCluster): Promise<void> {
  const slots = cluster.workload.hosts.reduce((sum, host) => sum + host.slots, 0)
  await encodeAll(cluster, cluster.names.slice(0, slots))
}

async function encodeAll(cluster: PacedCluster, names: readonly string[]): Promise<number> {
  const { folder, films, config } = cluster
  const results = join(folder, 'results')
  await rm(results, { recursive: true, force: true })
  await mkdir(results)
  const sources = names.map((name) => join(films, name))
  const startedMs = performance.now()
  const { status, stdout, stderr } = await runEncode(folder, ['-y', config, '-c', 'home', '-p', 'paced', '-o', results, ...sources])
  const seconds = (performance.now() - startedMs) / 1000
  if (status !== 0) throw new Error(`encode ended with status ${status}: ${stderr}\n${stdout.slice(-4000)}`)
  await checkResults(
    cluster,
    names.map((name) => join(results, name)),
  )
  return seconds
}

/**
 * Without the compression that it asks rsync for by itself: films cannot be made smaller, and trying takes processor time, of which this machine
 * has little.
 */
async function runParallel(cluster: PacedCluster): Promise<number> {
  const { workload, films, names, sshConfig } = cluster
  const logins = workload.hosts.map(({ name, slots }) => `${slots}/${name}`).join(',')
  const how = ['--will-cite', '--ssh', `ssh -F ${sshConfig}`, '--sshlogin', logins, '--rsync-opts', '-rlDR']
  const files = ['--transferfile', '{}', '--return', '{.}.out.mkv', '--cleanup']
  const command = ['ffmpeg', '-nostdin', '-loglevel', 'error', '-y', '-i', '{}', ...PACED_OPTIONS, '{.}.out.mkv']
  return await measure(cluster, () => start('parallel', [...how, ...files, ...command, ':::', ...names], films))
}

/** What pytranscoder does: for each slot one file after the other, with scp, ssh and scp. */
async function runLoop(cluster: PacedCluster): Promise<number> {
  const { workload, films, names, sshConfig } = cluster
  const waiting = [...names]
  const ssh = async (host: string, ...words: readonly string[]) => await start('ssh', ['-F', sshConfig, host, ...words], films)
  const scp = async (from: string, to: string) => await start('scp', ['-q', '-F', sshConfig, from, to], films)
  async function work(host: string): Promise<void> {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = toResultName(name)
      await scp(name, `${host}:${name}`)
      await ssh(host, 'ffmpeg', '-nostdin', '-loglevel', 'error', '-y', '-i', name, ...PACED_OPTIONS, result)
      await scp(`${host}:${result}`, result)
      await ssh(host, 'rm', name, result)
    }
  }
  const slots = workload.hosts.flatMap(({ name, slots }) => Array.from({ length: slots }, () => name))
  return await measure(cluster, async () => void (await Promise.all(slots.map(work))))
}

/** Results stand beside the films, and go again. */
async function measure(cluster: PacedCluster, work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  const seconds = (performance.now() - startedMs) / 1000
  const results = cluster.names.map((name) => join(cluster.films, toResultName(name)))
  await checkResults(cluster, results)
  await Promise.all(results.map((path) => rm(path)))
  if ((await readdir(cluster.films)).length !== cluster.names.length) throw new Error('More was left than the films')
  return seconds
}

async function checkResults({ sizes }: PacedCluster, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    // Muxers of other options write a header that is some hundred bytes shorter or longer.
    if (Math.abs((await stat(path)).size - sizes.resultBytes) > 100_000) throw new Error(`"${path}" is not what it must be`)
  }
}

async function start(program: string, argv: readonly string[], cwd: string): Promise<void> {
  const child = spawn(program, [...argv], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (status !== 0) throw new Error(`${program} ended with status ${status}: ${said.slice(-2000)}`)
}
