/** An ffprobe that knows one film: 40,000 processes of the real one would be measured instead of the controller. */

import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseProbe } from '../src/media/parse-probe.ts'
import { probeArguments } from '../src/media/probe-arguments.ts'
import type { Ffprobe } from '../src/plan/ffprobe.ts'

/** A film as it lies in a library: a picture, two sounds, three subtitles. */
export function describeFilm(durationSeconds: number): string {
  const duration = durationSeconds.toFixed(6)
  const video = {
    ...{ codec_name: 'h264', profile: 'High', codec_type: 'video', width: 1920, height: 1080, pix_fmt: 'yuv420p', level: 41 },
    ...{ color_range: 'tv', color_space: 'bt709', color_transfer: 'bt709', color_primaries: 'bt709', field_order: 'progressive' },
    ...{ r_frame_rate: '25/1', avg_frame_rate: '25/1', start_time: '0.000000', tags: { DURATION: '00:01:40.000000000' } },
  }
  const audio = (language: string) => ({
    ...{ codec_name: 'ac3', codec_type: 'audio', sample_rate: '48000', channels: 6, channel_layout: '5.1(side)', bit_rate: '448000' },
    ...{ r_frame_rate: '0/0', avg_frame_rate: '0/0', tags: { language, title: 'Surround 5.1' } },
  })
  const subtitle = (language: string) => ({ codec_name: 'subrip', codec_type: 'subtitle', tags: { language }, r_frame_rate: '0/0' })
  const streams = [video, audio('eng'), audio('ger'), subtitle('eng'), subtitle('ger'), subtitle('fre')]
  return JSON.stringify({
    streams: streams.map((stream, index) => ({ index, ...stream, disposition: { default: index < 2 ? 1 : 0, attached_pic: 0 } })),
    format: { format_name: 'matroska,webm', start_time: '0.000000', duration, size: '4096', bit_rate: '327' },
  })
}

/** ffprobe's answer in its compact form: the last packet, and where the first one stands. */
export function describeEnd(durationSeconds: number): string {
  const last = (durationSeconds - 0.04).toFixed(6)
  return `packet|${last}|${last}|0.040000\nformat|0.000000\n`
}

export function createSimulatedFfprobe(durationSeconds: number): Ffprobe {
  const film = describeFilm(durationSeconds)
  const end = describeEnd(durationSeconds)

  async function read(argv: readonly string[], signal?: AbortSignal): Promise<string> {
    await sleep(1, undefined, signal === undefined ? {} : { signal })
    return argv.includes('-show_streams') ? film : end
  }

  return {
    read,
    async probe(path, signal) {
      const { size, mtimeMs } = await stat(path)
      return parseProbe(await read(probeArguments(path), signal), { path, sizeBytes: size, mtimeMs })
    },
  }
}
