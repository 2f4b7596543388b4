/** Files that are no media but name other files, under the name of a film. */

import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFfprobe } from '../../src/plan/ffprobe.ts'

describe('a playlist that bears the name of a film', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-playlist-'))
    for (const [name, codec] of [
      ['film.mp4', 'libx264'],
      ['film.ts', 'mpeg2video'],
    ] as const) {
      const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:duration=1', '-c:v', codec]
      execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', ...source, join(folder, name)])
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  const HLS = (segment: string): string => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${segment}\n#EXT-X-ENDLIST\n`
  test.each<[string, (film: string) => string]>([
    ['of another film here (HLS)', (film) => HLS(film.replace(/mp4$/, 'ts'))],
    ['of what is on the network (HLS)', () => HLS('http://127.0.0.1:9/secret.ts')],
    [
      'of another film here (DASH)',
      (film) =>
        `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" codecs="avc1"><BaseURL>${film}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    ['of a file beside it (concat)', () => 'ffconcat version 1.0\nfile film.mp4\n'],
    ['of any file (concat)', () => 'ffconcat version 1.0\nfile /etc/passwd\n'],
    [
      'of a stream on the network (SDP)',
      () => 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 50000 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
    ],
  ])('%s is no film, as a source or as a result', async (_, write) => {
    const ffprobe = createFfprobe('ffprobe')
    const film = join(folder, 'film.mp4')
    expect((await ffprobe.probe(film)).durationSeconds).toBe(1)
    const path = join(folder, 'list.mkv')
    await writeFile(path, write(film))
    await expect(ffprobe.probe(path)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  })
})
