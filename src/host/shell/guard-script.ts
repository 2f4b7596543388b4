/**
 * The guard: one small shell script a host that knows the names of our temporary files there, and removes them when the controller
 * has vanished. It hangs on the same kind of leash as the commands do: the end of its stdin, or no line for the heartbeat limit.
 *
 * Lines on stdin: `a NAME` adds, `f NAME` forgets, `h` is a heartbeat, `q` ends it with nothing removed, `r` with all of it removed at once,
 * `g SECONDS` sets for how long files stay after an end of stdin without either. Names are escaped for `printf %b`.
 * Answers on stdout: `TAG@kept` for each name added.
 *
 * No signals and no traps: one process hands on what the controller says, one ticks every fifth of the limit, and the keeper reads both
 * from one pipe, so that five ticks with nothing between them are the limit. The end of that pipe without an `e` line means that somebody
 * killed the reader, not that the controller is gone: then nothing is removed, and the controller, which sees the channel end, starts another guard.
 *
 * A transfer cannot hang on a leash, since its stdin is the file: on a cut network its `cat` would wait for hours. It bears the guard's tag
 * (`bulk-shell.ts`), and the guard ends it first.
 *
 * A controller whose connection broke in the middle of a transfer may come back for what has arrived. It needs no word with this guard: it
 * moves what it wants to a name that another guard knows by then (`adopt-file.ts`). Moving and removing a file exclude each other,
 * so that however slow, stopped or doubled guards are, each file is kept by the one or removed by the other.
 * Files stay for that only while the controller says so (`g`), and never after a limit without heartbeat, which is the same time already.
 */

import { quoteWord } from './quote-posix.ts'

export interface GuardCommand {
  readonly tag: string
  readonly heartbeatSeconds: number
  /** Time for the leashes to end what still writes to the guarded files. */
  readonly waitSeconds: number
}

export function guardCommand({ tag, heartbeatSeconds, waitSeconds }: GuardCommand): string {
  const words = [GUARD, tag, String(heartbeatSeconds), String(waitSeconds)]
  return ['exec', '/bin/sh', '-c', ...words.map(quoteWord)].join(' ')
}

/** Joined by a space, as the leash is. */
const GUARD = [
  "h=$1 w=$2; exec 3<&0 </dev/null; trap '' HUP INT TERM PIPE;",
  '{ read -r a a a a P a </proc/$$/stat; } 2>/dev/null || P=$(ps -o pgid= -p $$ 2>/dev/null);',
  'P=$((${P:-0})); k=; [ $P -eq $$ ] && k=0;',

  '{ t=; if [ $h -gt 0 ]; then ( exec 3<&-; while sleep $(((h+4)/5)); do echo . || exit; done ) & t=$!; fi;',
  // The reader says its own number, which POSIX sh does not tell it: what a substitution starts has it for a parent.
  'echo "k $(exec /bin/sh -c \'echo $PPID\') $t";',
  'while IFS= read -r l <&3; do printf "%s\\n" "$l" || exit; done; echo e; } 2>/dev/null | {',

  'exec 3<&- 2>/dev/null; set --; n=0; o=; s=0;',
  'while IFS= read -r l; do case $l in',
  '.) n=$((n+1)); [ $n -lt 5 ] || { o=cut; break; };;',
  '"k "*) [ "$k" = 0 ] || k=${l#k };;',
  '"a "*) n=0; set -- "$@" "${l#a }"; printf "%s@kept\\n" "$0";;',
  '"f "*) n=0; i=$#; l=${l#f }; while [ $i -gt 0 ]; do i=$((i-1)); x=$1; shift;',
  'if [ "$x" = "$l" ]; then l=; else set -- "$@" "$x"; fi; done;;',
  '"g "*) n=0; s=${l#g };; r) o=end; s=0; break;;',
  'e) o=end; break;; q) break;; *) n=0;; esac; done;',

  // Ends what bears the tag. The pattern does not match the arguments of the process that looks for it.
  'u() { b="[e]${0#e}-bulk"; if [ -r /proc/$$/cmdline ]; then',
  'for x in $(grep -l -e "$b" /proc/[0-9]*/cmdline); do x=${x%/cmdline}; x=${x#/proc/}; kill -KILL -$x; kill -KILL $x; done;',
  'else ps -A -ww -o pid= -o args= | grep -e "$b" | while read -r x y; do kill -KILL -$x; kill -KILL $x; done; fi; } 2>/dev/null;',

  // An absolute path with a name in it, and no way up: anything else is not of our making.
  'd() { for x; do x=$(printf %b. "$x"); x=${x%.}; case $x in */../*|*/..) ;; /*[!/.]*) rm -rf -- "$x";; esac; done; };',
  // Is any of them there?
  'v() { for x; do x=$(printf %b. "$x"); x=${x%.}; case $x in /*[!/.]*) if [ -e "$x" ] || [ -h "$x" ]; then return 0; fi;; esac; done; return 1; };',
  // The leashes may be a step behind. The second time takes what was made in the first one's way.
  'if [ "$o" ]; then u; [ $# -eq 0 ] || { if [ $o = end ]; then n=0; while [ $n -lt $s ] && v "$@"; do sleep 1; n=$((n+1)); done;',
  'else sleep $(((h+4)/5)); fi; sleep $w; u; d "$@"; sleep 1; d "$@"; }; fi;',
  'kill -KILL $k; }',
].join(' ')
