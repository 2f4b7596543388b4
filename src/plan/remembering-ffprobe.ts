/**
 * ffprobe that remembers what it said. The words are kept, not what is made of them: an encode that reads them otherwise, or asks for more,
 * needs no new memory.
 *
 * A file counts as unchanged by its inode, size, and times of change to the nanosecond. Size and modification time alone may lie: a
 * result takes over its source's time, and tools that edit tags keep both; but nobody can set ctime.
 */

import { type BigIntStats, constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { EncodeError } from '../core/errors.ts'
import { type Ffprobe, probeFile } from './ffprobe.ts'

/** Text by path; see src/ledger/probe-memory.ts. */
export interface ProbeMemory {
  recall(path: string): string | undefined
  remember(path: string, text: string): void
}

export interface RememberingFfprobe extends Ffprobe {
  /** Resolves when all that was said by now is remembered. Never rejects. */
  kept(): Promise<void>
}

export interface RememberingOptions {
  readonly memory: ProbeMemory
  /** As `ffprobe` calls it: a name or a path. */
  readonly program: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal?: AbortSignal | undefined
  /** Answers that are remembered are to be expected: which ffprobe it is is asked at once then. */
  readonly isExpected?: boolean
  /** Asks ffprobe without waiting for a turn; for what remembered answers wait for. */
  readonly ask?: Ffprobe['read']
}

/** What ffprobe said, by the arguments it was called with. */
type Answers = Readonly<Record<string, string>>

/** Some filesystems know times to 2 s: a file that was changed later than that may change again and look the same. */
const SETTLED_MS = 3_000

/**
 * `read` is never answered from memory. Which ffprobe it is is asked when an answer is found, or else once there is one to be remembered: that
 * takes as long as a look at a file. Nobody waits for the latter.
 */
export function createRememberingFfprobe(ffprobe: Ffprobe, options: RememberingOptions): RememberingFfprobe {
  const { memory, program, now, signal: ending, ask = ffprobe.read } = options
  const keeping = new Set<Promise<void>>()
  let identity: Promise<string | undefined> | undefined
  if (options.isExpected === true) void identify(ask)

  function identify(read: Ffprobe['read']): Promise<string | undefined> {
    identity ??= identifyProgram(program, read, ending)
    return identity
  }

  return {
    read: ffprobe.read,
    async probe(path, signal) {
      signal?.throwIfAborted()
      const startedMs = now()
      const file = await identifyFile(path, startedMs)
      if (file === undefined) return await ffprobe.probe(path, signal)

      const known = parseAnswers(memory.recall(path), file.identity, () => identify(ask))
      const recalled = await known.then((answers) => answers && probeFile(path, recite(answers), signal)).catch(orUnknown)
      // It may have changed while we looked.
      if (recalled !== undefined && (await identifyFile(path, startedMs))?.identity === file.identity) return recalled

      const said: Record<string, string> = {}
      const media = await probeFile(
        path,
        async (argv, ending) => {
          const answer = await ffprobe.read(argv, ending)
          said[toKey(argv)] = answer
          return answer
        },
        signal,
      )
      if (file.isSettled && (await identifyFile(path, startedMs))?.identity === file.identity) {
        const kept = keep(path, file.identity, said).finally(() => keeping.delete(kept))
        keeping.add(kept)
      }
      return media
    },
    async kept() {
      await Promise.all(keeping)
    },
  }

  /** Never rejects. */
  async function keep(path: string, file: string, said: Answers): Promise<void> {
    const by = await identify(ffprobe.read)
    if (by !== undefined) memory.remember(path, JSON.stringify({ file, by, said }))
  }

  /** What was not asked then is asked now. */
  function recite(answers: Answers): Ffprobe['read'] {
    return async (argv, signal) => answers[toKey(argv)] ?? (await ffprobe.read(argv, signal))
  }
}

/** Undefined where another file or another ffprobe was meant, or nothing is known. */
async function parseAnswers(
  text: string | undefined,
  file: string,
  identify: () => Promise<string | undefined>,
): Promise<Answers | undefined> {
  if (text === undefined) return undefined
  const entry = JSON.parse(text) as { readonly file?: unknown; readonly by?: unknown; readonly said?: Answers }
  return entry.file === file && typeof entry.by === 'string' && entry.by === (await identify()) ? entry.said : undefined
}

/** Its version names all that it was built from and the libraries that it runs with; a path may be given another program. */
async function identifyProgram(program: string, read: Ffprobe['read'], signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const version = await read(['-version'], signal)
    const file = program.includes('/') ? toIdentity(await stat(program, { bigint: true })) : ''
    return JSON.stringify([program, file, version])
  } catch {
    return undefined
  }
}

/** Undefined where it cannot be read: what is wrong with it is for ffprobe to say. */
async function identifyFile(path: string, nowMs: number): Promise<{ readonly identity: string; readonly isSettled: boolean } | undefined> {
  try {
    // Opened, and not only asked for: that is when a network filesystem looks whether what it has of the file still holds.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await file.stat({ bigint: true })
    const latestMs = Math.max(Number(found.ctimeNs), Number(found.mtimeNs)) / 1e6
    return { identity: toIdentity(found), isSettled: nowMs - latestMs > SETTLED_MS }
  } catch {
    return undefined
  }
}

/** Without the device: its number may be another one each time it is mounted. */
function toIdentity({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(' ')
}

function toKey(argv: readonly string[]): string {
  return JSON.stringify(argv)
}

/** What the memory holds may be of another making. */
function orUnknown(error: unknown): undefined {
  if (error instanceof EncodeError || error instanceof SyntaxError || error instanceof TypeError) return undefined
  throw error
}
