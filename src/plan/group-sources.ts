/**
 * Which sources of a run may get into each other's way, told by names alone: those of a group have to be looked into before any of them
 * starts, while the groups know nothing of each other. Whoever is not sure puts them together; nearly every group is one file.
 */

import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FoundSource, RefusedSource } from './find-sources.ts'
import type { ForeseeResults } from './foresee-results.ts'

export type AnySource = FoundSource | RefusedSource

/**
 * Groups in the order of their first sources, each in the order of its sources.
 * @param mayOverwrite a result may fall on a file that is there, which may have several names.
 */
export async function groupSources(
  sources: readonly AnySource[],
  foresee: ForeseeResults,
  mayOverwrite: boolean,
): Promise<readonly (readonly AnySource[])[]> {
  const toRealName = createNamer()
  const leaders = sources.map((_, index) => index)
  const firstOf = new Map<string, number>()
  for (const [index, source] of sources.entries()) {
    if (source.kind === 'refused') continue
    const results = foresee(source)
    const names = await Promise.all([source.path, ...results].map(toRealName))
    const inodes = mayOverwrite ? await Promise.all(results.map(toInode)) : []
    for (const mark of [...names, source.inode, ...inodes]) {
      if (mark === undefined) continue
      const known = firstOf.get(mark)
      if (known === undefined) firstOf.set(mark, index)
      else unite(leaders, known, index)
    }
  }
  return toGroups(sources, leaders)
}

/** So that each cluster has work from the start: their groups by turns. */
export function takeTurns(groups: readonly (readonly AnySource[])[]): readonly (readonly AnySource[])[] {
  const byCluster = new Map<string | undefined, (readonly AnySource[])[]>()
  for (const group of groups) {
    const cluster = group[0]?.target.cluster
    const own = byCluster.get(cluster)
    if (own === undefined) byCluster.set(cluster, [group])
    else own.push(group)
  }
  const longest = Math.max(0, ...[...byCluster.values()].map((own) => own.length))
  return Array.from({ length: longest }, (_, turn) => [...byCluster.values()].flatMap((own) => own.slice(turn, turn + 1))).flat()
}

function toGroups(sources: readonly AnySource[], leaders: number[]): readonly (readonly AnySource[])[] {
  const groups = new Map<number, AnySource[]>()
  for (const [index, source] of sources.entries()) {
    const leader = findLeader(leaders, index)
    const group = groups.get(leader)
    if (group === undefined) groups.set(leader, [source])
    else group.push(source)
  }
  return [...groups.values()]
}

/** The lower index leads. */
function unite(leaders: number[], a: number, b: number): void {
  const [one, other] = [findLeader(leaders, a), findLeader(leaders, b)]
  leaders[Math.max(one, other)] = Math.min(one, other)
}

function findLeader(leaders: number[], index: number): number {
  let at = index
  for (;;) {
    const next = leaders[at] ?? at
    if (next === at) return at
    // Paths are halved on the way: chains stay short.
    const after = leaders[next] ?? next
    leaders[at] = after
    at = after
  }
}

/** Letter case and the form of accents aside: some filesystems do not tell them. */
function createNamer(): (path: string) => Promise<string> {
  const folders = new Map<string, Promise<string>>()
  const toRealFolder = async (folder: string): Promise<string> => {
    const parent = dirname(folder)
    // A folder that is yet to be made lies in one that is there.
    return await realpath(folder).catch(async () => (parent === folder ? folder : join(await toRealFolder(parent), basename(folder))))
  }
  return async (path) => {
    const folder = dirname(path)
    const real = folders.get(folder) ?? toRealFolder(folder)
    folders.set(folder, real)
    return `name ${join(await real, basename(path))
      .normalize('NFC')
      .toLowerCase()}`
  }
}

async function toInode(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? undefined : `${found.dev}:${found.ino}`
}
