/** Command lines that move the bytes of whole files, for a transport that hands over stdin and stdout as they are. */

import { DECODE_ARGUMENTS, encodeArgument, quoteWord } from './quote-posix.ts'

/**
 * Writes stdin to a file that only its owner can read.
 * @param tag the guard's, by which it finds a transfer whose controller is gone: the shell stays, so that its arguments show it.
 */
export function receiveCommand(tag: string, hostPath: string): string {
  return bulkCommand('umask 077; cat >"$1"; exit $?', tag, hostPath)
}

/** Writes a file to stdout, after `after`: what login files print stands before that. */
export function sendCommand(tag: string, hostPath: string): { readonly commandLine: string; readonly after: string } {
  const commandLine = bulkCommand('printf "%s@data\\n" "$0"; cat <"$1"; exit $?', tag, hostPath)
  return { commandLine, after: `${bulkTag(tag)}@data\n` }
}

function bulkCommand(script: string, tag: string, hostPath: string): string {
  const words = [`${DECODE_ARGUMENTS} ${script}`, bulkTag(tag), encodeArgument(hostPath)]
  return ['exec', '/bin/sh', '-c', ...words.map(quoteWord)].join(' ')
}

function bulkTag(tag: string): string {
  return `${tag}-bulk`
}
