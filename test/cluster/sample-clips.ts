/** Small films made by ffmpeg, coarse enough that an encoder saves a lot, under names that a careless shell would trip over. */

import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface SampleClip {
  /** Below the folder, `/` between folders. */
  readonly name: string
  readonly seconds: number
}

export const SAMPLE_CLIPS: readonly SampleClip[] = [
  { name: 'Birthday party.mp4', seconds: 12 },
  { name: "Grandma's 80th.mkv", seconds: 10 },
  { name: 'The "big" jump.mp4', seconds: 8 },
  { name: 'Hello 🎬 world.mp4', seconds: 10 },
  { name: 'season 1/E01 - Pilot.mkv', seconds: 14 },
  { name: 'season 1/E02 - $HOME; sweet `home`.mkv', seconds: 9 },
]

/** Makes the clips below `folder`: a moving test picture with noise, a tone, H.264 at a wasteful quality. */
export async function makeSampleClips(folder: string, clips: readonly SampleClip[], signal?: AbortSignal): Promise<void> {
  for (const [index, { name, seconds }] of clips.entries()) {
    const file = join(folder, name)
    await mkdir(dirname(file), { recursive: true })
    const picture = `testsrc2=size=640x360:rate=25:duration=${seconds},hue=h=${index * 60},noise=alls=4:allf=t`
    const sound = `sine=frequency=${220 + index * 55}:sample_rate=48000:duration=${seconds}`
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '256k']
    const sources = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound]
    await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...sources, ...codecs, '-shortest', file], { ...(signal && { signal }) })
  }
}
