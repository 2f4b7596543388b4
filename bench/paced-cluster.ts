/** The hosts of a workload: real OpenSSH servers, each behind a cable of its own rate, with an encoder of its own pace, and films to encode on them. */

import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeConfig } from '../test/cluster/encode-program.ts'
import { type SshdHost, startSshdHost } from '../test/cluster/sshd-host.ts'
import type { FileSizes } from './lower-bound.ts'
import { makePacedFilm, toFilmSeconds, writePacedFfmpeg } from './paced-film.ts'
import { type Link, openCable } from './shaped-link.ts'
import type { Workload, WorkloadHost } from './workloads.ts'

export interface PacedCluster extends AsyncDisposable {
  readonly workload: Workload
  readonly folder: string
  /** Holds the films; the hosts cannot see it. */
  readonly films: string
  /** Names of the films. */
  readonly names: readonly string[]
  readonly sizes: FileSizes
  /** For `encode`: a cluster `home`, a profile `paced`. */
  readonly config: string
  /** For OpenSSH's programs: every host under its name. */
  readonly sshConfig: string
  /** The cable of each of the workload's hosts. */
  readonly links: readonly Pick<Link, 'carriedBytes'>[]
}

export async function openPacedCluster(workload: Workload, folder: string): Promise<PacedCluster> {
  const films = join(folder, 'films')
  await using stack = new AsyncDisposableStack()
  await mkdir(films, { recursive: true })
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const model = join(folder, 'model.mkv')
  const sizes = await makePacedFilm(model, workload.sourceBytes)
  const names = Array.from({ length: workload.files }, (_, index) => `film-${String(index + 1).padStart(2, '0')}.mkv`)
  for (const name of names) await copyFile(model, join(films, name))
  const hosts: { readonly host: SshdHost; readonly link: Link; readonly slots: number }[] = []
  for (const { name, slots, ...pace } of workload.hosts) {
    const host = stack.use(await startPacedHost({ name, slots, ...pace }, workload, { folder, films }))
    hosts.push({ host, slots, link: stack.use(await openCable(host, pace.megabitsPerSecond)) })
  }
  const cluster = hosts.map(({ host, link, slots }) => ({
    host: { ...host, ...pick(link) },
    type: 'streaming' as const,
    lines: ['queues:', `  _default: ${slots}`],
  }))
  const config = await writeConfig(folder, { home: cluster }, PACED_PROFILE)
  const sshConfig = join(folder, 'ssh_config')
  await writeFile(sshConfig, hosts.map(({ host, link }) => toSshSection(host, link)).join('\n'))
  const links = hosts.map(({ link }) => link)
  const owned = stack.move()
  return { workload, folder, films, names, sizes, config, sshConfig, links, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The result's name that every way but `encode` gives. */
export function toResultName(name: string): string {
  return `${basename(name, '.mkv')}.out.mkv`
}

const PACED_PROFILE = [
  '  paced:',
  '    automap: no',
  '    output_options: ["-metadata title=paced"]',
  '    output_options_video: ["-c:v copy"]',
  '    output_options_audio: ["-c:a copy"]',
  '    extension: .mkv',
]

async function startPacedHost(
  { name, encodeSeconds }: WorkloadHost,
  { sourceBytes }: Workload,
  { folder, films }: { readonly folder: string; readonly films: string },
): Promise<SshdHost> {
  const path = await writePacedFfmpeg(join(folder, `bin-${name}`), { rate: toFilmSeconds(sourceBytes) / encodeSeconds })
  return await startSshdHost({ name, path, hide: [films] })
}

function pick({ address, port, knownHostsFile }: Link): Pick<SshdHost, 'address' | 'port' | 'knownHostsFile'> {
  return { address, port, knownHostsFile }
}

function toSshSection(host: SshdHost, { address, port, knownHostsFile }: Link): string {
  const lines = [
    `HostName ${address}`,
    `Port ${port}`,
    `User ${host.user}`,
    `IdentityFile ${host.identityFile}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${knownHostsFile}`,
    'BatchMode yes',
    'LogLevel ERROR',
  ]
  return [`Host ${host.name}`, ...lines.map((line) => `  ${line}`), ''].join('\n')
}
