/**
 * A shell on a host that stands by and tells of files: what stands under a name, without a session and a leash for each question.
 *
 * Lines on stdin: `s NUMBER NAME` asks (the name escaped for `printf %b`), `h` is a heartbeat. Answers on stdout, in the order in which they are
 * found: `TAG@NUMBER MODE SIZE` as `ls -ldnL` has them, or `TAG@NUMBER ?` for whatever is not plain: it is asked again on a leash.
 * It changes nothing there, and writes no file.
 *
 * It lives as the guard does (`guard-script.ts`): one process hands on what the controller says, one ticks every fifth of the heartbeat limit,
 * and the teller reads both from one pipe. The end of stdin, or five ticks with nothing between them, end it, and with it what it asked for.
 * Each question is a process of its own, so that a disk that hangs holds up those who ask for it, and nobody else.
 */

import { quoteWord } from './quote-posix.ts'

export function fileTellerCommand({ tag, heartbeatSeconds }: { readonly tag: string; readonly heartbeatSeconds: number }): string {
  return ['exec', '/bin/sh', '-c', ...[TELLER, tag, String(heartbeatSeconds)].map(quoteWord)].join(' ')
}

/** Joined by a space, as the leash is. */
const TELLER = [
  "h=$1; exec 3<&0 </dev/null; trap '' HUP INT TERM PIPE;",
  'unset BLOCK_SIZE LS_BLOCK_SIZE BLOCKSIZE; LC_ALL=C; export LC_ALL;',
  // A process group of its own goes as a whole; else at least those that it has started for itself.
  '{ read -r a a a a P a </proc/$$/stat; } 2>/dev/null || P=$(ps -o pgid= -p $$ 2>/dev/null);',
  'P=$((${P:-0})); k=; [ $P -eq $$ ] && k=0;',

  '{ t=; if [ $h -gt 0 ]; then ( exec 3<&-; while sleep $(((h+4)/5)); do echo . || exit; done ) & t=$!; fi;',
  'echo "k $(exec /bin/sh -c \'echo $PPID\') $t";',
  'while IFS= read -r l <&3; do printf "%s\\n" "$l" || exit; done; echo e; } 2>/dev/null | {',

  'exec 3<&- 2>/dev/null; n=0; set -f;',
  // One look: a link is followed, and a name may hold line ends, of which the first line of the listing has the part that counts.
  'q() { i=${1%% *}; x=${1#* }; case $x in *\\\\*) x=$(printf %b. "$x"); x=${x%.};; esac; set -- ?; if [ -e "$x" ]; then x=$(ls -ldnL -- "$x") && set -- $x; fi;',
  '[ $# -ge 5 ] || set -- ?; printf "%s@%s %s %s\\n" "$0" "$i" "$1" "${5:-}"; };',
  'while IFS= read -r l; do case $l in',
  '.) n=$((n+1)); [ $n -lt 5 ] || break;;',
  '"k "*) [ "$k" = 0 ] || k=${l#k };;',
  // Some shells wait for a child only when they are asked for it.
  '"s "*) n=0; q "${l#s }" & jobs >/dev/null 2>&1;;',
  'e) break;; *) n=0;; esac; done; kill -KILL $k; }',
].join(' ')
