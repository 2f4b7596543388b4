/** Encoders by name, and which of them are hardware. */

/** An encoder that some ffmpeg arguments ask for, as it is tried on a host and remembered. */
export interface EncoderNeed {
  /** ffmpeg's name of the encoder (`libx265`), or of a codec that it picks one for (`hevc`). */
  readonly encoder: string
  readonly kind: 'video' | 'audio'
  /** GPU device that the arguments name (`/dev/dri/renderD129`); undefined = the usual one. */
  readonly device?: string | undefined
}

/** As they end an encoder's name. */
export const HARDWARE_KINDS = [
  'nvenc',
  'qsv',
  'vaapi',
  'videotoolbox',
  'amf',
  'v4l2m2m',
  'omx',
  'rkmpp',
  'vulkan',
  'mf',
  'd3d12va',
] as const
export type HardwareKind = (typeof HARDWARE_KINDS)[number]

/** Undefined for an encoder that runs on the processor. */
export function hardwareKindOf(encoder: string): HardwareKind | undefined {
  // ffmpeg 4's old names of NVENC.
  if (encoder === 'nvenc' || encoder.startsWith('nvenc_')) return 'nvenc'
  return HARDWARE_KINDS.find((kind) => encoder.endsWith(`_${kind}`))
}

/** What an encoder is known by on a host: one name for each device that it is tried on. */
export function toEncoderKey({ encoder, device }: Pick<EncoderNeed, 'encoder' | 'device'>): string {
  return device === undefined ? encoder : `${encoder} on ${device}`
}
