/**
 * The leash: a POSIX shell script around one command that ends the command when its controller is gone.
 *
 * ffmpeg outlives a killed client, a closed channel and an end of its stdin, and sshd does not notice a cut network while ffmpeg prints.
 * So the wrapper holds the channel's stdin, and the controller speaks on it: `h` is a heartbeat, `t` asks for the end (TERM, and KILL
 * after the grace); the end of stdin, or no line for the heartbeat limit, counts as `t`. A command that waits for leave begins on `g`.
 *
 * It answers on stdout with frames (see `leash-frame.ts`): `TAG@start PID WRAPPER MODE` before the command's first byte and `TAG@exit STATUS`
 * after its last; on stderr with `TAG@start` alone, so that what login files print can be told from what the command says.
 * MODE is what a kill reaches: `group` the wrapper's process group, which sshd makes for each channel and which is then the whole tree;
 * `setsid` a group of the command's own; `pid` the command alone (a server that makes no group, on a machine without setsid(1)).
 *
 * Runs on dash, bash 3.2 and later, busybox ash, mksh, ksh93 and zsh as /bin/sh; needs no terminal, no file and nothing but `sleep`, `printf` and `ps`.
 */

import { EncodeError } from '../../core/errors.ts'
import type { LeashStart } from './leash-frame.ts'
import { carryArguments, DECODE_ARGUMENTS, quoteWord } from './quote-posix.ts'

export interface LeashCommand {
  readonly argv: readonly string[]
  /** Marks the command's frames, and its wrapper in `ps`. Random, one a command. */
  readonly tag: string
  /** Seconds without a line on stdin after which the command is ended; 0 = only the end of stdin counts. */
  readonly heartbeatSeconds: number
  /** Tenths of a second between TERM and KILL. */
  readonly graceTenths: number
  readonly env?: Readonly<Record<string, string>> | undefined
  /** `nice -n` value. Above 0 the command also steps back for others' disks (ionice) and cores (taskpolicy), where the system has a way. */
  readonly nice?: number | undefined
  /** Holds off sleep with caffeinate(8) where there is one. */
  readonly keepsAwake?: boolean | undefined
  /** Begins with the line `g`. Without a process group of its own for the wrapper nothing is started. */
  readonly waits?: boolean | undefined
}

/** The command line that runs `argv` on a leash, the same for every login shell. */
export function leashCommand(command: LeashCommand): string {
  const { exported, argv } = withSurroundings(command)
  const { words, isEncoded } = carryArguments([...exported, ...argv])
  const flags = `-${isEncoded ? 'b' : ''}${command.keepsAwake === true ? 'w' : ''}${command.waits === true ? 'g' : ''}`
  const { tag, heartbeatSeconds, graceTenths, nice = 0 } = command
  const parameters = [tag, String(heartbeatSeconds), String(graceTenths), flags, String(nice), String(exported.length), ...words]
  return ['exec', '/bin/sh', '-c', ...[LEASH, ...parameters].map(quoteWord)].join(' ')
}

/**
 * A command line that kills what a leash left behind, without a leash of its own. Numbers may by now be somebody else's: the wrapper is
 * recognised by its tag, and without it the command by being in the wrapper's group.
 */
export function killCommand(tag: string, started: LeashStart): string {
  const { pid, wrapper, mode } = started
  const target = mode === 'group' ? `-${wrapper}` : mode === 'setsid' ? `-${pid}` : String(pid)
  const script = [
    'a=; if [ -r /proc/$1/cmdline ]; then a=$(tr "\\000" " " </proc/$1/cmdline); else a=$(ps -ww -o args= -p $1); fi;',
    'g=; if [ -r /proc/$2/stat ]; then g=$(sed "s/.*) . [0-9]* //; s/ .*//" /proc/$2/stat); else g=$(ps -o pgid= -p $2); fi;',
    'case $a in *"$0"*) g=$1;; esac; [ $((${g:-0})) -eq $1 ] && { kill -KILL $3; kill -KILL $1; }',
  ].join(' ')
  return ['exec', '/bin/sh', '-c', ...[script, tag, String(wrapper), String(pid), target].map(quoteWord)].join(' ')
}

/** Lines are joined by a space: a login shell of the csh family cannot carry line ends. */
const LEASH = [
  'h=$1 g=$2 f=$3 q=$4 c=$5; shift 5;',
  `case $f in *b*) ${DECODE_ARGUMENTS} esac;`,
  'while [ $c -gt 0 ]; do export "$1"; shift; c=$((c-1)); done;',
  // The leash moves to descriptor 3: the command gets no stdin.
  'exec 3<&0 </dev/null;',

  // Each is tried first: a program that is not there, or refuses, must not keep the command from running. Some busybox has no nice(1).
  'if [ $q -ne 0 ]; then command -v nice >/dev/null 2>&1 && set -- nice -n $q "$@"; fi;',
  'if [ $q -gt 0 ]; then for x in "ionice -c 2 -n 7" "taskpolicy -c utility"; do $x true >/dev/null 2>&1 && set -- $x "$@"; done; fi;',

  // Is this process group ours alone? sshd makes one a channel, and `exec` made this shell its leader.
  'o=; { read -r a a a a P a </proc/$$/stat; } 2>/dev/null && o=1 || P=$(ps -o pgid= -p $$ 2>/dev/null);',
  'P=$((${P:-0})); m=pid; e=;',
  'if [ $P -eq $$ ]; then m=group; elif command -v setsid >/dev/null 2>&1; then m=setsid; e=setsid; fi;',

  // z ends the job: TERM (and CONT for a stopped one), the grace, KILL, and KILL for what is left of the group. In the group, whose end
  // the main shell sees to, K is 0 and p is not needed. Some systems' sleep takes whole seconds only.
  'z() { kill -TERM $K; kill -CONT $K; n=0;',
  'while [ $n -lt $g ] && { [ $K = 0 ] || kill -0 $p; }; do sleep 0.1 || sleep 1; n=$((n+1)); done;',
  'kill -KILL $K; kill -KILL $p; } 2>/dev/null;',

  // A command that waits can be ended only by the end of the whole group: it has no number yet.
  'w=; case $f in *g*) [ $m = group ] || exit; w=1;; esac;',

  // The leash. One process hands on what the controller says, one ticks every fifth of the limit, and the keeper reads both from one pipe.
  // No signals and no traps: ksh93 cannot trap again what was once ignored, and an early heartbeat would kill a watch that has no trap yet.
  `l() { { trap '' HUP INT TERM PIPE; if [ $h -gt 0 ]; then ( exec 3<&-; while sleep $(((h+4)/5)); do echo . || exit; done ) & fi;`,
  'while IFS= read -r l <&3; do printf "%s\\n" "$l" || exit; done; echo t; } 2>/dev/null | {',
  `trap '' HUP INT TERM PIPE; exec 3<&- 2>/dev/null; [ "$w" ] || exec >/dev/null; n=0;`,
  'while IFS= read -r l; do case $l in .) n=$((n+1)); [ $n -lt 5 ] || break;; t*) break;; g) echo; w=; exec >/dev/null;; *) n=0;; esac; done;',
  '[ "$w" ] && kill -KILL 0; z; } & r=$!; };',

  // The command. What is to become it says its own number first, which POSIX sh does not know of a process that it has split off: Linux tells
  // it without another program (the number is the first word), elsewhere another shell knows its own.
  'c() { if [ "$m$o" = group1 ]; then { read -r n a </proc/self/stat || exit; printf "%s@start %s %s %s\\n" "$0" $n $$ $m; printf "%s@start\\n" "$0" >&2; exec "$@"; } 3<&- &',
  `else $e /bin/sh -c 'printf "%s@start %s %s %s\\n" "$0" $$ $1 $2; printf "%s@start\\n" "$0" >&2; shift 2; exec "$@"' "$0" $$ $m "$@" 3<&- & fi;`,
  'p=$!; case $m in setsid) K=-$p; l;; pid) K=$p; l;; esac;',

  // From here on the main shell only waits: bash loses a child's end when a trapped signal and SIGCHLD coincide.
  "trap '' HUP INT TERM PIPE;",
  // On Darwin; beside the command and not in front of it, so that the exit status is the command's own.
  'case $f in *w*) command -v caffeinate >/dev/null 2>&1 && { caffeinate -i -w $p 3<&- >/dev/null 2>&1 & };; esac;',

  'exec 3<&-; wait $p 2>/dev/null; s=$?;',
  // zsh as /bin/sh ends its wait when the command is merely stopped.
  'while kill -0 $p 2>/dev/null; do sleep 1; wait $p 2>/dev/null; s=$?; done;',
  // ksh93 says 256 + n for signal n.
  '[ $s -gt 256 ] && s=$((s-128));',
  `printf '%s@exit %s\\n' "$0" $s 2>/dev/null; exec 2>/dev/null;`,
  // What the command left running goes too. In the group that includes this shell: nothing reads its own exit status.
  // In the other modes the ticker and the reader end by themselves, with the next tick and with the channel.
  'kill -KILL $r; [ $m = pid ] || kill -KILL $K; exit $s; };',

  // The group's leash holds before there is anything to hold; the others must know the command's number. What waits for leave is told by
  // the keeper, on a pipe of their own.
  'K=0; if [ "$w" ]; then l | { IFS= read -r x && exec </dev/null && c "$@"; } 3<&- &',
  `trap '' HUP INT TERM PIPE; exec 3<&-; wait; exit; fi;`,
  '[ $m = group ] && l; c "$@"',
].join(' ')

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** FFmpeg's own, which goes with every encode: no shell gives such a name a meaning, and env(1) is one program less to start. */
const EXPORTED_NAME = /^AV_[A-Z_]+$/

interface Surrounded {
  /** `NAME=VALUE`, for the shell to export. */
  readonly exported: readonly string[]
  readonly argv: readonly string[]
}

function withSurroundings(command: LeashCommand): Surrounded {
  const entries = Object.entries(command.env ?? {})
  for (const [name] of entries) {
    if (ENV_NAME.test(name)) continue
    throw new EncodeError('CONFIG_INVALID', `"${name}" cannot be the name of an environment variable`, {
      hint: 'Use letters, digits and underscores, and no digit in front',
    })
  }
  const exported = entries.filter(([name]) => EXPORTED_NAME.test(name)).map(toAssignment)
  const others = entries.filter(([name]) => !EXPORTED_NAME.test(name)).map(toAssignment)
  if (others.length === 0) return { exported, argv: command.argv }
  // env takes each word with a `=` for an assignment, a program's path too, and one with a `-` for an option: then a shell stands between.
  const isPlain = /^[^-=][^=]*$/.test(command.argv[0] ?? '')
  const between = isPlain ? [] : ['/bin/sh', '-c', 'exec "$@"', 'sh']
  return { exported, argv: ['env', ...others, ...between, ...command.argv] }
}

function toAssignment([name, value]: readonly [name: string, value: string]): string {
  return `${name}=${value}`
}
