/** Command lines that move the bytes of whole files, for a transport that hands over stdin and stdout as they are. */

import { createHash } from 'node:crypto'
import { DECODE_ARGUMENTS, encodeArgument, quoteWord } from './quote-posix.ts'

/**
 * Writes stdin to a file that only its owner can read, or behind what it has already. One that begins is a file of its own:
 * what stands there under its name may still be written to by somebody.
 * @param tag the guard's, by which it finds a transfer whose controller is gone: the shell stays, so that its arguments show it.
 */
export function receiveCommand(tag: string, hostPath: string, offset = 0): string {
  const write = offset > 0 ? 'cat >>"$1"' : 'rm -f -- "$1"; cat >"$1"'
  return bulkCommand(`umask 077; ${write}; exit $?`, tag, hostPath)
}

/** Writes a file, or what it has behind `offset` bytes, to stdout, after `after`: what login files print stands before that. */
export function sendCommand(tag: string, hostPath: string, offset = 0): { readonly commandLine: string; readonly after: string } {
  const read = offset > 0 ? `tail -c +${offset + 1}` : 'cat'
  const commandLine = bulkCommand(`printf "%s@data\\n" "$0"; ${read} <"$1"; exit $?`, tag, hostPath)
  return { commandLine, after: `${bulkTag(tag, hostPath)}@data\n` }
}

/** What the shell of a transfer bears: all of one controller's begin alike, and each file's are the same. */
export function bulkTag(tag: string, hostPath: string): string {
  return `${tag}-bulk-${createHash('sha256').update(hostPath).digest('hex').slice(0, 16)}`
}

function bulkCommand(script: string, tag: string, hostPath: string): string {
  const words = [`${DECODE_ARGUMENTS} ${script}`, bulkTag(tag, hostPath), encodeArgument(hostPath)]
  return ['exec', '/bin/sh', '-c', ...words.map(quoteWord)].join(' ')
}
