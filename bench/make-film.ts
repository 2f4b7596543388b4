/** The one film of the library: a second long, with as many streams as films have. */

import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export async function makeFilm(path: string): Promise<void> {
  const subtitles = `${path}.srt`
  await writeFile(subtitles, '1\n00:00:00,000 --> 00:00:00,900\nHello\n')
  const inputs = ['-f', 'lavfi', '-i', 'testsrc2=size=128x72:rate=25:duration=1', '-f', 'lavfi', '-i', 'sine=duration=1', '-i', subtitles]
  const maps = ['0:v', '1:a', '1:a', '2:s', '2:s', '2:s'].flatMap((stream) => ['-map', stream])
  const languages = ['eng', 'ger', 'fre'].flatMap((language, index) => [`-metadata:s:s:${index}`, `language=${language}`])
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '18', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-c:s', 'srt']
  const argv = ['-nostdin', '-loglevel', 'error', '-y', ...inputs, ...maps, ...languages, ...codecs, path]
  await promisify(execFile)('ffmpeg', argv)
  await rm(subtitles)
}
