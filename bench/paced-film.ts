/**
 * Films whose encoding takes a known time and next to no processor: an ffmpeg on the host that reads its source at a fixed rate and leaves out
 * half of it. It is ffmpeg itself (`-readrate`, all streams copied but one), so that sources that are still arriving, progress, verification
 * and Ctrl-C are what they are with an encoder, while two cores can be a whole cluster.
 */

import { execFile } from 'node:child_process'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FileSizes } from './lower-bound.ts'

const run = promisify(execFile)

/** Of one of the two sounds, uncompressed: nearly all of the film. */
const SOUND_BYTES_PER_SECOND = 44_100 * 2

/** Seconds of film in so many bytes. */
export function toFilmSeconds(sourceBytes: number): number {
  return sourceBytes / 2 / SOUND_BYTES_PER_SECOND
}

/** What a paced encode asks of ffmpeg, which takes one sound of two by itself; the title is what the host's ffmpeg knows it by. */
export const PACED_OPTIONS = ['-c', 'copy', '-metadata', 'title=paced'] as const

/** A film of about so many bytes, in noise, which no transfer can make smaller; its size, and that of what an encode makes of it. */
export async function makePacedFilm(path: string, sourceBytes: number): Promise<FileSizes> {
  const seconds = toFilmSeconds(sourceBytes)
  const noise = (seed: number) => ['-f', 'lavfi', '-i', `anoisesrc=r=44100:seed=${seed}:duration=${seconds}`]
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=64x36:rate=5:duration=${seconds}`]
  const codecs = [
    '-map',
    '0',
    '-map',
    '1',
    '-map',
    '2',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-crf',
    '40',
    '-c:a',
    'pcm_s16le',
    '-ac',
    '1',
  ]
  await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...picture, ...noise(1), ...noise(2), ...codecs, path])
  const result = `${path}.result.mkv`
  await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', '-i', path, ...PACED_OPTIONS, result])
  const [source, made] = await Promise.all([stat(path), stat(result)])
  return { sourceBytes: source.size, resultBytes: made.size }
}

/** Writes such an ffmpeg into a folder of its own, and gives a PATH that finds it first. */
export async function writePacedFfmpeg(folder: string, { rate }: { readonly rate: number }): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, 'ffmpeg'),
    `#!/bin/sh
case " $* " in
  *" title=paced "*) ;;
  *" -encoders "*) printf ' %s\\n' 'V....D libx264 H.264' 'A....D aac AAC'; exit ;;
  *) exec /usr/bin/ffmpeg "$@" ;;
esac
for word; do
  shift
  case $word in
    -i) set -- "$@" -readrate ${rate.toFixed(3)} -i ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec /usr/bin/ffmpeg "$@"
`,
    { mode: 0o755 },
  )
  return `${folder}:/usr/local/bin:/usr/bin:/bin`
}
