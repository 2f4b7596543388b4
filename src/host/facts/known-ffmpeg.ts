/**
 * What an ffmpeg was found to be, by the file that it is. To start it takes longer than all else that is asked of a host, so that one that is
 * known is believed while it is asked once more.
 */

import type { HostFacts, KnownFfmpeg } from '../host.ts'

/** Undefined where the host names no file. */
export function toKnownFfmpeg({ ffmpegFile, ffmpegVersion, encoders, codecs, hwaccels }: HostFacts): KnownFfmpeg | undefined {
  return ffmpegFile === undefined ? undefined : { ffmpegFile, ffmpegVersion, encoders, codecs, hwaccels }
}

/** Of what a memory gives, which may be of another making. */
export function parseKnownFfmpeg(text: string): KnownFfmpeg | undefined {
  try {
    const known = JSON.parse(text) as Partial<Record<keyof KnownFfmpeg, unknown>> | null
    const isWhole =
      typeof known?.ffmpegFile === 'string' &&
      typeof known.ffmpegVersion === 'string' &&
      [known.encoders, known.codecs ?? [], known.hwaccels ?? []].every(isNames)
    return isWhole ? (known as KnownFfmpeg) : undefined
  } catch {
    return undefined
  }
}

/** One that is known is not asked for its accelerators: those of the same version, with the same encoders, are the same. */
export function isSameFfmpeg(one: KnownFfmpeg, other: KnownFfmpeg | undefined): boolean {
  return other !== undefined && toText(one) === toText(other)
}

function toText({ ffmpegFile, ffmpegVersion, encoders, codecs }: KnownFfmpeg): string {
  return JSON.stringify([ffmpegFile, ffmpegVersion, encoders, codecs])
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}
