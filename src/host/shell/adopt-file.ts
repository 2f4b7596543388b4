/**
 * Takes a file over that a broken transfer left, so that another can go on with it: ends what still writes to it, and moves it to a name
 * that somebody guards already.
 *
 * What came last over a broken connection may still be written by a `cat` that nobody has told: it is ended first, with its whole process
 * group, and where that cannot be made sure the file is not taken. A file of an earlier connection is taken only while a process of that
 * connection lives, its guard for one: then the host has not been started again since, and what was written to the file is in it.
 */

import { bulkTag } from './bulk-shell.ts'

export interface Adoption {
  /** The guard's tag of the connection that made the file. */
  readonly mark: string
  readonly from: string
  /** May be the same: then the connection is the present one. */
  readonly to: string
}

/** Arguments of a command that ends with status 0 when the file stands at its new place, and with 3 when it must not be used. */
export function adoptArguments({ mark, from, to }: Adoption): readonly string[] {
  return ['/bin/sh', '-c', ADOPT, 'encode-adopt', toPattern(bulkTag(mark, from)), toPattern(mark), from, to]
}

/** Matches the word, and not itself where it stands among arguments. */
function toPattern(word: string): string {
  return `[${word.charAt(0)}]${word.slice(1)}`
}

const ADOPT = `
find_all() {
  if [ -r /proc/$$/cmdline ]; then
    for f in $(grep -l -e "$1" /proc/[0-9]*/cmdline); do f=\${f%/cmdline}; echo "\${f#/proc/}"; done
  else
    ps -A -ww -o pid= -o args= | grep -e "$1" | while read -r p a; do echo "$p"; done
  fi
} 2>/dev/null
n=0
for p in $(find_all "$1"); do
  if kill -0 -$p 2>/dev/null; then
    kill -KILL -$p 2>/dev/null
    while kill -0 -$p 2>/dev/null; do
      n=$((n+1)); [ $n -lt 30 ] || exit 3
      sleep 0.1 2>/dev/null || sleep 1
    done
  elif kill -0 $p 2>/dev/null; then
    exit 3
  fi
done
[ "$3" = "$4" ] && exit 0
[ -f "$3" ] && [ ! -h "$3" ] && [ -n "$(find_all "$2")" ] || exit 3
mv -f -- "$3" "$4" 2>/dev/null || exit 3
`
