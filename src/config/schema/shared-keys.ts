/** Keys that may stand in more than one section: the narrower one goes before the wider. */

import { VERIFY_LEVELS } from '../../model/plan.ts'
import type { Schema } from './json-schema.ts'

export const STALL_TIMEOUT =
  'An encode or a transfer that stands still for so long is ended and tried on another host: 300, 90s, 5m, 1h. 0 waits for ever'

export const VERIFY: Schema = {
  type: 'string',
  description:
    'How results are held against their sources. quick: size, length, streams, first and last frames. full: the host decodes all of it as well. off: the size alone',
  enum: VERIFY_LEVELS,
}

export const KEEPALIVE: Schema = {
  type: 'number',
  description: 'Seconds between signs of life that a host is asked for; it is lost when it has said nothing for three times as long',
  minimum: 1,
  maximum: 600,
}

export const STREAM_SAFETY =
  'Keep every stream that the container can hold, convert or leave out (with a warning) those that it cannot, and keep HDR10 data'

export const CHECKSUM = 'Compare the SHA-256 of both ends of every transfer, not its size alone; the host needs a program for it'

export const PREFETCH: Schema = {
  type: 'integer',
  description:
    'Sources a slot that a streaming host may fetch ahead while its slots are taken, as far as its disk has room. 0 fetches none',
  minimum: 0,
  maximum: 16,
}
