/**
 * Why an encode failed, as far as it matters for what is tried next: did the hardware encoder not start, or is the hardware full?
 * The words are those that ffmpeg (libavcodec) is known to say; with a card in use they could not be recorded here.
 */

import { hardwareKindOf } from '../model/encoder.ts'

/** `crowded`: the card gives no further session. `variant`: it does not work here, or not for this source; another encoder may. */
export type EncoderFault = 'crowded' | 'variant'

/** An encode that came so far had an encoder that works. */
const START_FRAMES = 25

/** Consumer cards of NVIDIA run 2 to 12 encodes at a time, by driver; the one too many fails with these words. */
const NO_SESSION = /OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)|No (?:NVENC )?capable devices found/i

/** NVENC says "No capable devices found" also for a picture that the card cannot encode, and before it, why. */
const NOT_ABLE = /(?:not supported|doesn't support|does not support|exceeds|exceeded|Required:)/i

/** Nothing that another encoder would mend. */
const NOT_THE_ENCODER =
  /No space left on device|Disk quota exceeded|moov atom not found|matches no streams|Could not find tag for codec|Read-only file system/i

export interface FailedEncode {
  /** The tail of it. */
  readonly stderr: string
  /** Pictures encoded before it failed. */
  readonly frames: number
}

/** Undefined for encoders in software, and for faults that have nothing to do with the encoder. */
export function judgeEncoderFailure({ stderr, frames }: FailedEncode, encoder: string | undefined): EncoderFault | undefined {
  const kind = encoder === undefined ? undefined : hardwareKindOf(encoder)
  if (kind === undefined || frames >= START_FRAMES || NOT_THE_ENCODER.test(stderr)) return undefined
  return isSessionLimit(stderr) && kind === 'nvenc' ? 'crowded' : 'variant'
}

export function isSessionLimit(stderr: string): boolean {
  return NO_SESSION.test(stderr) && !(/capable devices found/i.test(stderr) && NOT_ABLE.test(stderr))
}
