/** An ffmpeg that lists three encoders only, so that trying them takes no time: two that work and one whose hardware is not there. */

import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes it below the folder and gives the PATH that finds it first. */
export async function writeFewEncoders(folder: string): Promise<{ readonly path: string; readonly program: string }> {
  const real = execFileSync('sh', ['-c', 'command -v ffmpeg'], { encoding: 'utf8' }).trim()
  const bin = join(folder, 'few-encoders')
  const program = join(bin, 'ffmpeg')
  await mkdir(bin)
  await writeFile(
    program,
    `#!/bin/sh
case " $* " in
  *" -encoders "*) printf ' %s\\n' 'V....D libx264 H.264' 'V....D libx265 HEVC' 'V....D h264_nvenc NVENC' 'A....D aac AAC' ;;
  *) exec ${real} "$@" ;;
esac
`,
    { mode: 0o755 },
  )
  return { path: `${bin}:/usr/local/bin:/usr/bin:/bin`, program }
}
