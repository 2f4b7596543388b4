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

/**
 * As `sendCommand`, but sends only what is asked for: each line of stdin is a number of bytes, its end the end. What a paused channel has
 * on its way already, two megabytes of it, is more than a low rate moves in a second.
 */
export function sendOnDemand(tag: string, hostPath: string, offset = 0): string {
  // With `count=0` some dd copy all; so the last byte that is there already is read once more.
  const skip = offset > 0 ? `dd bs=1 skip=${offset - 1} count=1 <&3 >/dev/null 2>&1 || exit; ` : ''
  return bulkCommand(`printf "%s@data\\n" "$0"; exec 3<"$1" 4>&1 || exit; ${skip}${GIVE}`, tag, hostPath)
}

/** A file that has less than is asked for would leave the other side waiting. dd says `1+0` first for one whole block, says POSIX, in any language. */
const GIVE = [
  'while read -r n; do s=$(dd bs="$n" count=1 2>&1 >&4 <&3); case $s in 1+0*) ;;',
  '[0-9]*) echo "the file ends too early" >&2; exit 1 ;; *) printf "%s\\n" "$s" >&2; exit 1 ;; esac; done; exit 0',
].join(' ')

/** For bytes that go on through another program, behind those that came over a connection of ours: it hands its descriptors to the file and nothing else to us. */
export interface DirectCommand {
  readonly commandLine: string
  /** Said on stderr before the first byte is asked for or given: from here on the command line is what runs. */
  readonly mark: string
  /** A command line that ends that one, and ends when it is gone. */
  readonly endCommandLine: string
}

/** Writes stdin behind what the file has. */
export function receiveDirectly(tag: string, hostPath: string): DirectCommand {
  return directCommand('cat >>"$1"', tag, hostPath)
}

/**
 * Waits for a line that says with which byte to begin, counted from one, and writes the file from there on to stdout. For a login shell
 * that is known to print nothing by itself.
 */
export function sendDirectly(tag: string, hostPath: string): DirectCommand {
  return directCommand('IFS= read -r n || exit; tail -c "+$n" <"$1"', tag, hostPath)
}

/** What the shell of a transfer bears: all of one controller's begin alike, and each file's are the same. */
export function bulkTag(tag: string, hostPath: string): string {
  return `${tag}-bulk-${createHash('sha256').update(hostPath).digest('hex').slice(0, 16)}`
}

function directCommand(move: string, tag: string, hostPath: string): DirectCommand {
  const own = bulkTag(tag, hostPath)
  // The pattern does not match itself among the arguments of who looks for it.
  const pattern = `[${own.charAt(0)}]${own.slice(1)}`
  return {
    commandLine: bulkCommand(`umask 077; printf "%s@data\\n" "$0" >&2; ${move}; exit $?`, tag, hostPath),
    mark: `${own}@data`,
    endCommandLine: ['exec', '/bin/sh', '-c', ...[END, 'encode-end', pattern].map(quoteWord)].join(' '),
  }
}

/** Kills what bears the tag, with its process group, and waits for that. */
const END = [
  'f() { if [ -r /proc/$$/cmdline ]; then',
  'for x in $(grep -l -e "$1" /proc/[0-9]*/cmdline); do x=${x%/cmdline}; echo "${x#/proc/}"; done;',
  'else ps -A -ww -o pid= -o args= | grep -e "$1" | while read -r x y; do echo "$x"; done; fi; } 2>/dev/null;',
  'n=0; for p in $(f "$1"); do kill -KILL -$p || kill -KILL $p;',
  'while kill -0 -$p && [ $n -lt 20 ]; do n=$((n+1)); sleep 0.1 || sleep 1; done; done 2>/dev/null',
].join(' ')

function bulkCommand(script: string, tag: string, hostPath: string): string {
  const words = [`${DECODE_ARGUMENTS} ${script}`, bulkTag(tag, hostPath), encodeArgument(hostPath)]
  return ['exec', '/bin/sh', '-c', ...words.map(quoteWord)].join(' ')
}
