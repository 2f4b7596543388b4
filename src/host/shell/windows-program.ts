/**
 * A Windows program (ffmpeg.exe) run from a POSIX shell on the same machine, WSL's or Cygwin's: it knows other paths than its host does.
 * Each argument that is an absolute path is turned by the host's own tool right before the program starts, so that everybody else
 * goes on with the host's paths.
 */

/** Both know `-m`: a Windows path with forward slashes, which ffmpeg takes and nothing has to escape. */
export type PathTool = 'wslpath' | 'cygpath'

export interface WindowsProgram {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export function toWindowsProgram(pathTool: PathTool, argv: readonly string[], env: Readonly<Record<string, string>>): WindowsProgram {
  const names = Object.keys(env)
  return {
    argv: ['/bin/sh', '-c', TRANSLATE, 'encode-windows', pathTool, ...argv],
    // WSL hands on what this names, and nothing else.
    env: pathTool === 'wslpath' && names.length > 0 ? { ...env, WSLENV: names.join(':') } : env,
  }
}

/**
 * The folder is turned and not the file: a result is not there yet. What begins with a slash and stands in no folder of this host is no path.
 * The full stop keeps the command substitution from eating line ends.
 */
const TRANSLATE = [
  't=$1 x=$2; shift 2; n=$#;',
  'while [ $n -gt 0 ]; do n=$((n-1)); a=$1; shift;',
  'case $a in /dev/null) a=NUL; b=;; /*) p= b=$a;; file:/*) p=file: b=${a#file:};; *) b=;; esac;',
  'if [ "$b" ]; then d=${b%/*}; if [ -d "$d/" ]; then',
  'w=$("$t" -m "$d/" && echo .) && { w=${w%??}; a=$p${w%/}/${b##*/}; }; fi; fi;',
  'set -- "$@" "$a"; done; exec "$x" "$@"',
].join(' ')
