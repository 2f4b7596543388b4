/** What goes wrong with a transfer, in the words of both movers. */

import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import type { ChannelExit } from '../channel.ts'

/** The disk at the far side may have to wake up, and a piece may take minutes on the slowest of links. */
export const STALL_MS = 300_000

export function changedError(controllerPath: string): EncodeError {
  return new EncodeError('SOURCE_CHANGED', `"${controllerPath}" changed while it was sent`, {
    hint: 'Encode it when nothing writes to it any more',
  })
}

export function stoppedError(controllerPath: string): EncodeError {
  return new EncodeError('TRANSFER_FAILED', `The host stopped taking "${controllerPath}" before its end`)
}

export function stalledError(stallMs: number): EncodeError {
  return new EncodeError('TRANSFER_FAILED', `The host moved no byte for ${stallMs / 1000} s`, { hint: 'Look at its disk' })
}

export function unansweredError(askedBytes: number, answerMs: number): EncodeError {
  return new EncodeError('TRANSFER_FAILED', `Of ${askedBytes} B that it was asked for, the host gave none within ${answerMs / 1000} s`, {
    hint: 'Look at its disk, and whether something else writes or removes the file there',
  })
}

/** @param maxBytes undefined: what comes is not the file at all. */
export function excessError(maxBytes: number | undefined): EncodeError {
  const what = maxBytes === undefined ? 'something else than the file' : `more than the ${maxBytes} B that it said the file has`
  return new EncodeError('TRANSFER_FAILED', `The host sends ${what}`, { hint: 'Does something else write that file there?' })
}

export function assertSendable(path: string, isFile: boolean): void {
  if (!isFile) throw new EncodeError('SOURCE_UNREADABLE', `"${path}" is not a file`)
}

export function checkExit(exit: ChannelExit, stderr: string): void {
  if (exit.status === 0) return
  const how =
    exit.signal !== null
      ? `was ended by ${exit.signal}`
      : exit.status !== null
        ? `ended with status ${exit.status}`
        : 'ended without a status'
  const why = toPlainLine(stderr)
  throw new EncodeError('TRANSFER_FAILED', `The command that moves the bytes ${how}${why === '' ? '' : `: ${why}`}`, {
    hint: 'Check the free space and the permissions of the working folder on the host',
  })
}
