/**
 * The trial that shows whether an encoder works on a host, and about how fast: one second of a moving picture, or of silence, encoded into
 * nothing. That an ffmpeg lists an encoder says little: distributions build in NVENC, QSV and VAAPI for whoever has the hardware.
 */

import { type EncoderNeed, hardwareKindOf } from '../../model/encoder.ts'
import type { Host, HostFacts } from '../host.ts'

export interface EncoderTrial {
  /** 0: it works. */
  readonly status: number
  readonly stderr: string
  readonly isTimeout: boolean
  /**
   * Points of a picture times seconds of it that are encoded in a second, the start of ffmpeg not counted: good for the ratio between hosts.
   * Of a trial that came to no end in time it is what it would have been at best; undefined for sound, and where it was not told.
   */
  readonly pointsPerSecond: number | undefined
}

/** A driver that hangs must not hold up the host; no encoder needs so long for a second of picture. */
const HARDWARE_TIMEOUT_MS = 30_000
/** Software that is slow works; only how fast it is stays unknown. */
const SOFTWARE_TIMEOUT_MS = 10_000

const SIDE = 512
/** Of one second. */
const POINTS = SIDE * SIDE

/** Encoders that take only certain sizes, rates or channels: the trial would find fault with its own picture. */
const CHOOSY = new Set(
  `avui cinepak dnxhd dvvideo h261 h263 roqvideo vbn xface adpcm_ima_amv adpcm_swf comfortnoise dca g723_1 g726 g726le libcodec2 libgsm libgsm_ms
  libilbc libjxl libopencore_amrnb libspeex libvo_amrwbenc mlp nellymoser ra_144 roq_dpcm s302m sonic sonicls truehd wmv1 wmv2`.split(
    /\s+/,
  ),
)

/** Else they take seconds for their one. */
const HASTE: Readonly<Record<string, readonly string[]>> = {
  'libaom-av1': ['-cpu-used', '8'],
  librav1e: ['-speed', '10'],
  libvpx: ['-deadline', 'realtime', '-cpu-used', '8'],
  'libvpx-vp9': ['-deadline', 'realtime', '-cpu-used', '8'],
}

/** Arguments for ffmpeg, without its name; undefined for an encoder that cannot be tried so. */
export function toTrialArguments({ encoder, kind, device }: EncoderNeed): readonly string[] | undefined {
  if (CHOOSY.has(encoder)) return undefined
  const common = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-nostats', '-progress', 'pipe:1']
  const haste = HASTE[encoder] ?? []
  // Experimental encoders (opus, vorbis) want to be asked for.
  const end = ['-strict', '-2', '-f', 'null', '-']
  if (kind === 'audio') return [...common, '-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo', '-t', '1', '-c:a', encoder, ...haste, ...end]
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=${SIDE}x${SIDE}:d=1:r=30`]
  const { devices, filter } = toPreparation(encoder, device)
  return [...common, ...devices, ...picture, '-vf', filter, '-c:v', encoder, ...haste, ...end]
}

/** Undefined where there is nothing to try. Rejects with HOST_LOST and the like, never because the encoder does not work. */
export async function tryEncoder(host: Host, facts: HostFacts, need: EncoderNeed, signal?: AbortSignal): Promise<EncoderTrial | undefined> {
  const argv = toTrialArguments(need)
  if (argv === undefined) return undefined
  const timeoutMs = hardwareKindOf(need.encoder) === undefined ? SOFTWARE_TIMEOUT_MS : HARDWARE_TIMEOUT_MS
  const patience = AbortSignal.timeout(timeoutMs)
  const isVideo = need.kind === 'video'
  try {
    const { status, stderr, stdout } = await host.run([facts.ffmpegPath, ...argv], {
      signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
      env: { AV_LOG_FORCE_NOCOLOR: '1' },
    })
    const seconds = isVideo && status === 0 ? parseEncodeSeconds(stdout) : undefined
    return { status, stderr, isTimeout: false, pointsPerSecond: seconds && POINTS / seconds }
  } catch (error) {
    if (signal?.aborted === true || !patience.aborted) throw error
    return { status: 1, stderr: '', isTimeout: true, pointsPerSecond: isVideo ? POINTS / (timeoutMs / 1000) : undefined }
  }
}

/**
 * How long the encode itself took, from the end of `-progress`: `speed` is the media encoded by the time that it took, neither with the
 * start of ffmpeg. `fps` stays 0 during the first second, and `-benchmark` speaks at a log level with much else.
 */
export function parseEncodeSeconds(progress: string): number | undefined {
  const last = (key: string): number => Number([...progress.matchAll(new RegExp(`^${key}= *([0-9.e+]+)x?\\s*$`, 'gm'))].at(-1)?.[1])
  // Of this name in all versions; it is microseconds all the same.
  const seconds = last('out_time_ms') / 1e6 / last('speed')
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined
}

/** The device that pictures are brought to, and how. NVENC, VideoToolbox and AMF take them from memory, and so does Quick Sync. */
function toPreparation(encoder: string, device: string | undefined): { readonly devices: readonly string[]; readonly filter: string } {
  const at = device === undefined ? '' : `:${device}`
  switch (hardwareKindOf(encoder)) {
    case 'vaapi':
      return { devices: ['-init_hw_device', `vaapi=trial${at}`, '-filter_hw_device', 'trial'], filter: 'format=nv12,hwupload' }
    case 'vulkan':
      return { devices: ['-init_hw_device', `vulkan=trial${at}`, '-filter_hw_device', 'trial'], filter: 'format=nv12,hwupload' }
    case 'qsv':
      return { devices: device === undefined ? [] : ['-qsv_device', device], filter: 'format=nv12' }
    default:
      return { devices: [], filter: 'format=yuv420p' }
  }
}
