/**
 * A folder of small films, no two of one length, under names that break careless programs; what each was before anything happened
 * to it; and the judgement on what has become of it.
 */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { mapConcurrently } from '../../src/core/map-concurrently.ts'
import { describeFilm } from '../cluster/bench.ts'
import type { Random } from './random.ts'

const run = promisify(execFile)

export type Harm = 'touched' | 'appended' | 'removed'

export interface Film {
  readonly path: string
  /** Where its result stands; the same as `path` for half of them. */
  readonly result: string
  readonly seconds: number
  readonly hash: string
  /** What chaos itself has done to it. */
  harm: Harm | undefined
  /** Of its bytes after that; undefined when they are gone. */
  harmedHash: string | undefined
}

export type Fate = 'replaced' | 'untouched' | 'removed' | 'lost' | 'wrong'

export interface Judgement {
  readonly film: Film
  readonly fate: Fate
  /** For what must not be. */
  readonly reason: string | undefined
}

export interface FilmLibrary {
  readonly folder: string
  readonly films: readonly Film[]
  add(count: number): Promise<readonly Film[]>
  /** What has become of each film; nothing may be at work. */
  judge(): Promise<readonly Judgement[]>
  /** Files that are neither a film nor its result. */
  strangers(): Promise<readonly string[]>
  isReplaced(film: Film): Promise<boolean>
}

/** Codecs of the sources, and of what the profiles make of them. */
export const SOURCE_CODECS = 'h264 aac'
export const RESULT_CODECS = 'mpeg4 aac'

const FRAMES_PER_SECOND = 25

/** Parts of names that a careless quoting breaks on, runs, or takes for options. */
const NAMES: readonly [string, ...string[]] = [
  'plain',
  'with space ',
  'it\'s "quoted"',
  '$(touch pwned) `touch pwned`',
  'a;b&c|d>e<f',
  '100% %PATH% !wow! !$',
  '*?[a]{b}~^#',
  '-leading',
  'back\\slash\\n',
  'ünïcödé 日本 🎬 e\u0301',
  'tab\there \u001b[31mred',
  'new\nline',
]

const FOLDERS: readonly [string, ...string[]] = ['', 'slow', 'slow/sea son', "it's", '$HOME', 'slow/-y']

export async function createFilmLibrary(folder: string, random: Random): Promise<FilmLibrary> {
  const films: Film[] = []
  await mkdir(folder, { recursive: true })

  async function makeFilm(number: number): Promise<Film> {
    const extension = random.chance(0.5) ? '.mkv' : '.mp4'
    const stem = join(folder, random.pick(FOLDERS), `${random.pick(NAMES)} ${number}`)
    const path = `${stem}${extension}`
    // Lengths repeat only after 30 films: one that bears the result of another is found out.
    const frames = 20 + 3 * (number % 30)
    await mkdir(dirname(path), { recursive: true })
    const picture = `testsrc2=size=160x90:rate=${FRAMES_PER_SECOND},noise=alls=30:allf=t`
    const sources = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=frequency=440']
    const length = ['-frames:v', String(frames), '-t', String(frames / FRAMES_PER_SECOND)]
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '10', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-threads', '1']
    await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...sources, ...length, ...codecs, `file:${path}`])
    const { seconds, codecs: made } = await describeFilm(path)
    if (made !== SOURCE_CODECS) throw new Error(`"${path}" came out as ${made}`)
    return { path, result: `${stem}.mkv`, seconds, hash: (await hashOf(path)) ?? '', harm: undefined, harmedHash: undefined }
  }

  async function judgeFilm(film: Film): Promise<Judgement> {
    const verdict = (fate: Fate, reason?: string): Judgement => ({ film, fate, reason })
    const sourceHash = await hashOf(film.path)
    const resultHash = film.result === film.path ? undefined : await hashOf(film.result)
    if (sourceHash === undefined && resultHash === undefined) {
      return film.harm === 'removed' ? verdict('removed') : verdict('lost', 'neither source nor result is there')
    }
    const isUntouched = sourceHash !== undefined && [film.hash, film.harmedHash].includes(sourceHash)
    if (isUntouched && resultHash === undefined) return verdict('untouched')
    if (isUntouched && film.harm === undefined) return verdict('wrong', 'source and result stand side by side')
    const flaw = await findFlaw(film, resultHash === undefined ? film.path : film.result)
    if (flaw === undefined && (isUntouched || sourceHash === undefined || film.path === film.result)) return verdict('replaced')
    // Nothing that a person could still use of it.
    return verdict(isUntouched ? 'wrong' : 'lost', flaw ?? 'the source holds other bytes than before')
  }

  return {
    folder,
    films,
    async add(count) {
      const added: Film[] = []
      for (let made = 0; made < count; made += 1) added.push(await makeFilm(films.length + made))
      films.push(...added)
      return added
    },
    judge: () => mapConcurrently(films, 2, judgeFilm),
    async strangers() {
      const known = new Set(films.flatMap(({ path, result }) => [path, result]))
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((path) => !known.has(path))
    },
    async isReplaced(film) {
      if (film.result !== film.path) return (await hashOf(film.path)) === undefined && (await hashOf(film.result)) !== undefined
      const hash = await hashOf(film.path)
      return hash !== undefined && hash !== film.hash && hash !== film.harmedHash
    },
  }
}

/** Undefined when there is no such file. */
export async function hashOf(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined)
  return bytes && sha256(bytes)
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What keeps a file from being a whole result of this film. */
async function findFlaw(film: Film, path: string): Promise<string | undefined> {
  try {
    const { codecs, seconds } = await describeFilm(path)
    if (codecs !== RESULT_CODECS) return `its streams are ${codecs}`
    // ffmpeg fills up with a picture where sound begins before the first one.
    if (Math.abs(seconds - film.seconds) > 1.2 / FRAMES_PER_SECOND) return `it ends at ${seconds} s instead of ${film.seconds} s`
    return undefined
  } catch (error) {
    return `it does not decode: ${error instanceof Error ? error.message : String(error)}`
  }
}
