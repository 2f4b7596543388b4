/**
 * The one family of expected errors. Every message says what is wrong, every hint what to do;
 * anything that is not an EncodeError is a bug and shows its trace.
 */

export const ERROR_CODES = [
  'USAGE_INVALID',
  'CONFIG_INVALID',
  'SOURCE_MISSING',
  'SOURCE_UNREADABLE',
  'SOURCE_CHANGED',
  'RESULT_NAME_TAKEN',
  'NAME_NOT_CARRIED',
  'HOST_UNREACHABLE',
  'HOST_KEY_REFUSED',
  'HOST_AUTH_FAILED',
  'HOST_UNSUPPORTED',
  'HOST_NO_FFMPEG',
  'HOST_FOLDER_UNUSABLE',
  'HOST_SEES_NO_MEDIA',
  'HOST_LOST',
  'NO_USABLE_HOST',
  'COMMAND_FAILED',
  'TRANSFER_FAILED',
  'ENCODE_FAILED',
  'ENCODE_STALLED',
  'RESULT_NOT_WHOLE',
  'REPLACE_FAILED',
  'SOURCE_NOT_REMOVED',
  'LEDGER_FAILED',
  'INTERRUPTED',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface EncodeErrorOptions {
  /** What the person can do about it, one sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: EncodeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

export function isEncodeError(error: unknown, code?: ErrorCode): error is EncodeError {
  return error instanceof EncodeError && (code === undefined || error.code === code)
}

/** One line for a person: the message, and the hint where there is one. */
export function describeError(error: unknown): string {
  if (error instanceof EncodeError) return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`
  return messageOf(error)
}

/** Of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The system's name for what went wrong (`ENOENT`), where it was the system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
