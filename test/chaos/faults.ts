/** What can go wrong, each as something to do now and, for most, something to do later to mend it. */

import { constants } from 'node:fs'
import { open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EncodeRun } from '../cluster/encode-program.ts'
import { type ChaosCluster, type ChaosHost, isEncoder } from './chaos-cluster.ts'
import { type Film, hashOf, sha256 } from './film-library.ts'
import type { Random } from './random.ts'

export const FAULTS = [
  'host killed',
  'host frozen',
  'ffmpeg killed',
  'ffmpeg frozen',
  'ssh session killed',
  'shell killed',
  'link cut',
  'disk full',
  'mount gone',
  'source touched',
  'source grown',
  'source removed',
  'host disabled',
  'configuration torn',
  'controller killed',
  'controller frozen',
  'run drained',
  'Ctrl-C',
  'Ctrl-C twice',
] as const

export type FaultName = (typeof FAULTS)[number]

export interface FaultSite {
  readonly cluster: ChaosCluster
  readonly random: Random
  readonly run: EncodeRun
  /** Films that the run works on at this moment. */
  readonly underWay: () => readonly Film[]
  /** Takes files away for good. */
  readonly trash: string
}

export interface Injected {
  /** To whom or what, for the log. */
  readonly on: string
  /** How long it lasts, and what ends it; must not reject. */
  readonly lastsMs?: number
  readonly mend?: () => Promise<void>
}

/** Undefined when there is nothing that it could be done to. */
export async function injectFault(name: FaultName, site: FaultSite): Promise<Injected | undefined> {
  const { cluster, random, run } = site
  const anyHost = (): ChaosHost | undefined => random.pickAny(cluster.hosts)
  switch (name) {
    case 'host killed':
      return await killHost(anyHost(), random)
    case 'host frozen':
      return await freezeHost(anyHost(), random)
    case 'ffmpeg killed': {
      const encoder = random.pickAny(await listEncoders(cluster))
      return encoder && signalAll([encoder.pid], 'SIGKILL') ? { on: encoder.place } : undefined
    }
    case 'ffmpeg frozen': {
      const encoder = random.pickAny(await listEncoders(cluster))
      if (encoder === undefined || !signalAll([encoder.pid], 'SIGSTOP')) return undefined
      return { on: encoder.place, lastsMs: random.whole(500, 6_000), mend: async () => void signalAll([encoder.pid], 'SIGCONT') }
    }
    case 'ssh session killed': {
      const target = anyHost()
      const sessions = (await target?.host.processes())?.filter(({ args }) => args.startsWith('sshd')) ?? []
      const pids = random.chance(0.5) ? sessions : sessions.slice(0, 1)
      return target &&
        signalAll(
          pids.map(({ pid }) => pid),
          'SIGKILL',
        )
        ? { on: target.host.name }
        : undefined
    }
    case 'shell killed': {
      const target = anyHost()
      const shells = (await target?.host.processes())?.filter(({ args }) => !args.startsWith('sshd') && !isEncoder(args)) ?? []
      const shell = random.pickAny(shells)
      return target && shell && signalAll([shell.pid], 'SIGKILL') ? { on: `${target.host.name}: ${shell.args.slice(0, 60)}` } : undefined
    }
    case 'link cut': {
      const target = cluster.hosts.find(({ link }) => link !== undefined)
      target?.link?.cut()
      return target && { on: target.host.name, lastsMs: random.whole(500, 20_000), mend: async () => target.link?.mend() }
    }
    case 'disk full':
      return await fillDisk(cluster, random)
    case 'mount gone':
      return await hideMount(cluster, random)
    case 'source touched':
    case 'source grown':
    case 'source removed': {
      const film = random.pickAny(site.underWay().filter(({ harm }) => harm === undefined))
      return film && (await harmSource(name, film, site.trash))
    }
    case 'host disabled': {
      const target = anyHost()
      if (target === undefined) return undefined
      await cluster.writeConfig({ disabled: target.host.name })
      return { on: target.host.name, lastsMs: random.whole(500, 8_000), mend: () => cluster.writeConfig({}) }
    }
    case 'configuration torn':
      await cluster.writeConfig({ isTorn: true })
      return { on: 'the configuration', lastsMs: random.whole(500, 6_000), mend: () => cluster.writeConfig({}) }
    case 'controller killed':
      return run.child.kill('SIGKILL') ? { on: 'controller' } : undefined
    case 'controller frozen': {
      if (!run.child.kill('SIGSTOP')) return undefined
      // Longer than hosts wait for a heartbeat, now and then.
      return {
        on: 'controller',
        lastsMs: random.whole(200, random.chance(0.2) ? 40_000 : 8_000),
        mend: async () => void run.child.kill('SIGCONT'),
      }
    }
    case 'run drained':
      return run.child.kill('SIGUSR1') ? { on: 'controller' } : undefined
    case 'Ctrl-C':
      return run.child.kill('SIGINT') ? { on: 'controller' } : undefined
    case 'Ctrl-C twice': {
      if (!run.child.kill('SIGINT')) return undefined
      const later = async () => void run.child.kill('SIGINT')
      return { on: 'controller', lastsMs: random.whole(0, 300), mend: later }
    }
  }
}

async function killHost(target: ChaosHost | undefined, random: Random): Promise<Injected | undefined> {
  if (target === undefined) return undefined
  await target.host.kill()
  return { on: target.host.name, lastsMs: random.whole(200, 8_000), mend: () => target.host.restart() }
}

async function freezeHost(target: ChaosHost | undefined, random: Random): Promise<Injected | undefined> {
  const pids = (await target?.host.processes())?.map(({ pid }) => pid) ?? []
  if (target === undefined || !signalAll(pids, 'SIGSTOP')) return undefined
  return { on: target.host.name, lastsMs: random.whole(500, 20_000), mend: async () => void signalAll(pids, 'SIGCONT') }
}

async function fillDisk(cluster: ChaosCluster, random: Random): Promise<Injected | undefined> {
  const target = random.pickAny(cluster.hosts.filter(({ mount }) => mount === undefined))
  if (target === undefined) return undefined
  const path = join(target.host.workingFolder, 'full')
  // `.catch`: writes as much as there is room for, and then says that the disk is full.
  await writeFile(target.host.seenFrom(path), Buffer.alloc(64_000_000)).catch(() => {})
  const mend = () => rm(target.host.seenFrom(path), { force: true }).catch(() => {})
  return { on: target.host.name, lastsMs: random.whole(300, 5_000), mend }
}

/** The folder that was a mount is there, empty, and can be written to: as after a boot at which the NAS did not answer. */
async function hideMount(cluster: ChaosCluster, random: Random): Promise<Injected | undefined> {
  const target = cluster.hosts.find(({ mount }) => mount !== undefined)
  if (target?.mount === undefined) return undefined
  const { host, mount } = target
  const isHidden = await host.enter(['mount', '-t', 'tmpfs', 'gone', mount]).then(
    () => true,
    () => false,
  )
  if (!isHidden) return undefined
  return { on: host.name, lastsMs: random.whole(300, 5_000), mend: () => host.enter(['umount', '-l', mount]).catch(() => {}) }
}

/** Done to the very file that was the source, never to a result that took its name meanwhile. */
async function harmSource(name: FaultName, film: Film, trash: string): Promise<Injected | undefined> {
  const injected = { on: film.path }
  if (name === 'source removed') {
    const aside = join(trash, `${Date.now()}`)
    await rename(film.path, aside).catch(() => {})
    const hash = await hashOf(aside)
    if (hash === undefined) return undefined
    if (hash !== film.hash) {
      await rename(aside, film.path)
      return undefined
    }
    film.harm = 'removed'
    return injected
  }
  const file = await open(film.path, constants.O_RDWR | constants.O_APPEND).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { size, ino } = await file.stat()
    const bytes = Buffer.alloc(size)
    await file.read(bytes, 0, size, 0)
    if (sha256(bytes) !== film.hash) return undefined
    if (name === 'source touched') await file.utimes(new Date(), new Date())
    else await file.write(GROWTH)
    film.harm = name === 'source touched' ? 'touched' : 'appended'
    film.harmedHash = name === 'source touched' ? film.hash : sha256(Buffer.concat([bytes, GROWTH]))
    const now = await stat(film.path).catch(() => undefined)
    return { on: now?.ino === ino ? film.path : `${film.path} (just gone)` }
  } finally {
    await file.close()
  }
}

const GROWTH = Buffer.alloc(1000, 'grown ')

interface Encoder {
  readonly pid: number
  readonly place: string
}

async function listEncoders(cluster: ChaosCluster): Promise<readonly Encoder[]> {
  const lists = cluster.hosts.map(async ({ host }) =>
    (await host.processes()).filter(({ args }) => isEncoder(args)).map(({ pid }) => ({ pid, place: host.name })),
  )
  const local = (await cluster.localEncoders()).map(({ pid }) => ({ pid, place: 'here' }))
  return [...(await Promise.all(lists)).flat(), ...local]
}

/** False when none of them was there any more. */
function signalAll(pids: readonly number[], signal: NodeJS.Signals): boolean {
  let reached = false
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
      reached = true
    } catch {
      // it ended by itself
    }
  }
  return reached
}
