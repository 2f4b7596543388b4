/**
 * Targets → source files. Folders are walked (media files only, hidden ones left out, symbolic links to folders followed once),
 * globs are expanded by us (a quoted one, or a shell that has none).
 */

import type { BigIntStats, Dirent } from 'node:fs'
import { glob, lstat, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { mapConcurrently } from '../core/map-concurrently.ts'
import { describeMissing, hasGlobMarks, NOT_UTF8 } from './describe-missing.ts'
import type { Target } from './target.ts'

export interface FoundSource {
  readonly kind: 'source'
  /** Absolute; what a symbolic link to a file points at. */
  readonly path: string
  /** As the person names it, for a link; else the same as `path`. */
  readonly givenPath: string
  /** Folder argument that it was found below: `-o` mirrors the tree from here. Undefined for a single file. */
  readonly root: string | undefined
  readonly target: Target
  readonly sizeBytes: number
  /** Device and number of the file. */
  readonly inode: string
}

export interface RefusedSource {
  readonly kind: 'refused'
  readonly path: string
  readonly reason: string
  readonly target: Target
}

/** What ffmpeg commonly reads as audio or video; a file that is named on the command line needs none of these. */
const MEDIA_EXTENSIONS = new Set(
  `3g2 3gp aac ac3 aiff alac ape asf avi divx dts dv eac3 f4v flac flv h264 h265 hevc ivf m1v m2t m2ts m2v m4a m4b m4v mka mkv mov mp2 mp3 mp4
  mpeg mpg mpv mts mxf nut oga ogg ogm ogv opus rm rmvb ts tta vob wav webm wma wmv wv y4m`.split(/\s+/),
)

/** A filesystem behind a network answers each of them late. */
const STATS_AT_ONCE = 32

/** Our own temporary files, should one be left from a controller that died. */
export const OWN_PREFIX = '.encode-'

/** Work folders of hosts (`encode-20261122-031212-63wiu6-0f3a9c1b`): one may lie on a share that is walked here. */
const OWN_FOLDER = /^encode-\d{8}-\d{6}-[0-9a-z]+-[0-9a-f]+$/

/** Files by which a copy of a disc is known, in the folder of its pieces or above it. A camera's card has another one (INDEX.BDM): its clips are films. */
const DISCS: ReadonlyMap<string, string> = new Map([
  ['video_ts.ifo', 'DVD'],
  ['index.bdmv', 'Blu-ray'],
])

export interface FindOptions {
  readonly signal?: AbortSignal
  /** A folder of results, absolute: within a target it is not walked, as what an earlier run has put there is no source of this one. */
  readonly omit?: string | undefined
  /** Told of each target that is there, and holds no media. */
  readonly onEmpty?: (target: Target) => void
}

/**
 * Yields sources in natural order, target by target; each file once, by whichever name it is reached.
 * `cwd` is what relative paths are relative to.
 */
export async function* findSources(
  targets: readonly Target[],
  cwd: string,
  { signal, omit, onEmpty }: FindOptions = {},
): AsyncGenerator<FoundSource | RefusedSource> {
  const seen = new Set<string>()
  const folders = new Map<string, string>()
  const omitted = omit === undefined ? undefined : await realpath(omit).catch(() => omit)
  for (const target of targets) {
    let isEmpty = true
    for await (const found of expand(target, cwd, omitted)) {
      isEmpty = false
      // A walk over a network filesystem may take minutes.
      signal?.throwIfAborted()
      if (found.kind === 'source') {
        const real = await toReal(found)
        if (seen.has(real)) continue
        seen.add(real)
      }
      yield found
    }
    if (isEmpty) onEmpty?.(target)
  }

  /** Names that a folder gave are as they are; those that a person typed may differ in letter case where that does not count. */
  async function toReal({ path, root }: FoundSource): Promise<string> {
    if (root === undefined) return await realpath(path).catch(() => path)
    const folder = dirname(path)
    const real = folders.get(folder) ?? (await realpath(folder).catch(() => folder))
    folders.set(folder, real)
    return join(real, basename(path))
  }
}

async function* expand(target: Target, cwd: string, omitted: string | undefined): AsyncGenerator<FoundSource | RefusedSource> {
  const path = resolve(cwd, target.path)
  const found = await statOrUndefined(path)
  if (found !== undefined) {
    yield* fromPath(path, found, target, omitted)
    return
  }
  const matches = hasGlobMarks(target.path) ? await expandGlob(target.path, cwd) : []
  for (const match of matches) {
    const matched = await statOrUndefined(match)
    if (matched !== undefined) yield* fromPath(match, matched, target, omitted)
    else if (match.includes(NOT_UTF8)) yield refuse(match, await describeMissing(match, match), target)
  }
  if (matches.length === 0) yield refuse(path, await describeMissing(target.path, path), target)
}

async function* fromPath(
  path: string,
  found: BigIntStats,
  target: Target,
  omitted: string | undefined,
): AsyncGenerator<FoundSource | RefusedSource> {
  if (found.isDirectory()) {
    const visited = new Set([await realpath(path).catch(() => path)])
    if (omitted !== undefined) visited.add(omitted)
    yield* walk(path, path, target, visited)
  } else if (found.isFile()) yield await toSource(path, undefined, target, found)
  else yield refuse(path, 'It is neither a file nor a folder', target)
}

async function* walk(folder: string, root: string, target: Target, visited: Set<string>): AsyncGenerator<FoundSource | RefusedSource> {
  let entries: readonly Dirent<Buffer>[]
  try {
    entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
  } catch (error) {
    yield refuse(folder, `The folder cannot be read: ${messageOf(error)}`, target)
    return
  }
  const named = entries.map((entry) => ({ entry, name: entry.name.toString('utf8') })).sort((a, b) => compareNaturally(a.name, b.name))
  const visible = named.filter(({ name }) => !name.startsWith('.') && !OWN_FOLDER.test(name))
  const disc = visible.map(({ name }) => DISCS.get(name.toLowerCase())).find((kind) => kind !== undefined)
  if (disc !== undefined) {
    yield refuse(
      folder,
      `It is a ${disc}: its files are pieces, cut anywhere, and its menus need them; name those that shall be encoded`,
      target,
    )
    return
  }
  const stats = await mapConcurrently(visible, STATS_AT_ONCE, async ({ entry, name }) =>
    entry.isFile() && !isMediaName(name) ? undefined : await statOrUndefined(join(folder, name)),
  )
  for (const [index, { entry, name }] of visible.entries()) {
    const path = join(folder, name)
    const isCarried = Buffer.from(name, 'utf8').equals(entry.name)
    const isFolderLike = entry.isDirectory() || entry.isSymbolicLink()
    if (!isCarried) {
      if (isFolderLike || isMediaName(name))
        yield refuse(path, 'Its name is not valid UTF-8 and cannot be carried to ffmpeg; rename it', target)
      continue
    }
    const found = stats[index]
    if (found?.isDirectory() === true) {
      const real = await realpath(path).catch(() => undefined)
      if (real === undefined || visited.has(real)) continue
      visited.add(real)
      yield* walk(path, root, target, visited)
    } else if (found?.isFile() === true && isMediaName(name)) {
      yield await toSource(path, root, target, found, entry.isFile())
    }
  }
}

async function toSource(
  path: string,
  root: string | undefined,
  target: Target,
  found: BigIntStats,
  isNoLink = false,
): Promise<FoundSource | RefusedSource> {
  // Not yet downloaded, or a disk was full: nothing that ffprobe could say better.
  if (found.size === 0n) return refuse(path, 'It is empty', target)
  // What vanishes at this moment is missed by whoever probes it.
  const isLink = !isNoLink && (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true
  const real = isLink ? await realpath(path).catch(() => path) : path
  if (real !== path && real.includes(NOT_UTF8) && (await statOrUndefined(real)) === undefined)
    return refuse(path, await describeMissing(real, real), target)
  const { size, dev, ino } = found
  return { kind: 'source', path: real, givenPath: path, root, target, sizeBytes: Number(size), inode: `${dev}:${ino}` }
}

async function expandGlob(pattern: string, cwd: string): Promise<readonly string[]> {
  const matches: string[] = []
  for await (const match of glob(pattern, { cwd })) {
    if (!basename(match).startsWith('.')) matches.push(resolve(cwd, match))
  }
  return matches.sort(compareNaturally)
}

export function isMediaName(name: string): boolean {
  return !name.startsWith(OWN_PREFIX) && MEDIA_EXTENSIONS.has(extname(name).slice(1).toLowerCase())
}

function refuse(path: string, reason: string, target: Target): RefusedSource {
  return { kind: 'refused', path, reason, target }
}

/** Exact: numbers of files on NTFS are larger than what a double tells apart. */
async function statOrUndefined(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined)
}

let collator: Intl.Collator | undefined

function compareNaturally(a: string, b: string): number {
  // Made for who has something to sort: it takes 10 ms.
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(a, b)
}
