/** Keys that may stand in more than one section: the narrower one goes before the wider. */

import { VERIFY_LEVELS } from '../../model/plan.ts'
import type { Schema } from './json-schema.ts'

export const STALL_TIMEOUT =
  'An encode or a transfer without progress for this long is ended and tried on another host: 300, 90s, 5m, 1h. 0: wait for ever'

export const VERIFY: Schema = {
  type: 'string',
  description:
    'How results are compared with their sources. quick: size, length, streams, first and last frames. full: the host also decodes all of it. off: only the size',
  enum: VERIFY_LEVELS,
}

export const KEEPALIVE: Schema = {
  type: 'number',
  description: 'Seconds between keepalive requests to a host; it counts as lost after three times as long without an answer',
  minimum: 1,
  maximum: 600,
}

export const STREAM_SAFETY =
  'Keep every stream that the container can hold, convert or drop (with a warning) those that it cannot, and keep HDR10 data'

export const CHECKSUM = 'Compare the SHA-256 of both ends of every transfer, not only the size; the host needs a program for it'

export const PREFETCH: Schema = {
  type: 'integer',
  description: 'Sources per slot that a streaming host may fetch ahead while its slots are busy, as far as its disk has room. 0: none',
  minimum: 0,
  maximum: 16,
}
