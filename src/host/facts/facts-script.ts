/**
 * Everything that is asked of a POSIX host when it comes up, in one command: `NAME=VALUE` lines, then ffmpeg's lists of encoders and of hardware accelerators.
 * `parse-facts.ts` reads the answer. Nothing here is more than POSIX sh with the tools that GNU, busybox, macOS and the BSDs have alike.
 */

import type { HostConfig } from '../../model/config.ts'

/** Where ffmpeg is looked for besides the PATH: a command over SSH does not get what a terminal's PATH has (Homebrew, MacPorts, pkgsrc, Entware). */
export const PROGRAM_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/opt/local/bin', '/usr/pkg/bin', '/opt/bin'] as const

export interface FactsQuestion {
  readonly changesNothing?: boolean | undefined
  /** An ffmpeg that is known, as `ffmpeg_file` names it: where it is still there, all but its lists is said first, and then `ready:`. */
  readonly knownFile?: string | undefined
}

export function factsCommand(
  config: Pick<HostConfig, 'ffmpeg' | 'ffprobe' | 'workingDir'>,
  { changesNothing = false, knownFile = '' }: FactsQuestion = {},
): readonly string[] {
  return [
    '/bin/sh',
    '-c',
    FACTS,
    'encode-facts',
    config.ffmpeg ?? '',
    config.ffprobe ?? '',
    config.workingDir ?? '',
    changesNothing ? 'look' : '',
    knownFile,
  ]
}

const FACTS = withoutRemarks(String.raw`
LC_ALL=C; export LC_ALL
# Two programs less for each value that is one line already
say() {
  case $2 in
    *'
'*) printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')" ;;
    *) printf '%s=%s\n' "$1" "$2" ;;
  esac
}

system=$(uname -sr)
say os "$system"
# What turns a path of ours into one that Windows programs understand, where there are such: on WSL, Cygwin and MSYS2
path_tool=
case $system in
  Linux*[Mm]icrosoft*) path_tool=wslpath ;;
  CYGWIN* | MSYS* | MINGW*) path_tool=cygpath ;;
esac
say arch "$(uname -m)"
say cores "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null)"
# Apple's processors have cores for efficiency, too
case $system in Darwin*) say fast_cores "$(sysctl -n hw.perflevel0.logicalcpu 2>/dev/null)" ;; esac
if [ -r /proc/meminfo ]; then say memory_kb "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
else say memory_bytes "$(sysctl -n hw.memsize 2>/dev/null || sysctl -n hw.physmem64 2>/dev/null || sysctl -n hw.physmem 2>/dev/null)"
fi
say home "$HOME"

# ~/NAME: below the home folder
below_home() { printf '%s/%s' "$HOME" "$(printf '%s' "$1" | cut -c 3-)"; }

# NAME CONFIGURED: the program's absolute path, or nothing
find_program() {
  if [ -n "$2" ]; then
    case $2 in
      '~/'*) p=$(below_home "$2") ;;
      */*) p=$2 ;;
      *) p=$(command -v "$2" 2>/dev/null) ;;
    esac
    if [ -f "$p" ] && [ -x "$p" ]; then printf '%s' "$p"; fi
    return
  fi
  p=$(command -v "$1" 2>/dev/null || { [ -n "$path_tool" ] && command -v "$1.exe" 2>/dev/null; })
  case $p in /*) printf '%s' "$p"; return ;; esac
  for d in ${PROGRAM_FOLDERS.join(' ')}; do
    if [ -x "$d/$1" ]; then printf '%s' "$d/$1"; return; fi
  done
  [ -z "$SHELL" ] || "$SHELL" -lc "command -v $1" </dev/null 2>/dev/null | sed -n '/^\//p' | tail -n 1
}
ffmpeg=$(find_program ffmpeg "$1")
say ffmpeg "$ffmpeg"
# Number, size and time: another one, or a newer one, has others. Names with line ends are as unknown ones
file=
[ -z "$ffmpeg" ] || file=$(ls -Lild -- "$ffmpeg" 2>/dev/null | { read -r line; printf '%s' "$line"; })
say ffmpeg_file "$file"
# Cygwin leaves the .exe out; what was built for it and for MSYS2 stands in these folders, all else (MinGW's too) knows Windows paths
case $path_tool:$ffmpeg in
  cygpath:/usr/bin/* | cygpath:/bin/* | cygpath:/usr/local/bin/*) ;;
  cygpath:/* | wslpath:*.[Ee][Xx][Ee]) say path_tool "$path_tool" ;;
esac

# Devices that encoders in hardware need, where they can be told: a script in ffmpeg's place may have its own on another machine
is_there() { for d; do [ -e "$d" ] && return 0; done; return 1; }
case $system:$(head -c 4 "$ffmpeg" 2>/dev/null) in
  Linux*:?ELF)
    devices=known
    if is_there /dev/dri/*; then devices="$devices dri"; fi
    if is_there /dev/dxg; then devices="$devices dxg"; fi
    if is_there /dev/video*; then devices="$devices video"; fi
    # Where nothing keeps NVIDIA's driver awake, its files come with the first program that asks for the card
    if is_there /dev/nvidia* /dev/nvhost* /dev/nvmap /dev/nvgpu* /proc/driver/nvidia || grep -qs 0x10de /sys/bus/pci/devices/*/vendor
    then devices="$devices nvidia"; fi
    say devices "$devices" ;;
esac

encoders=
ask_ffmpeg() {
  [ -n "$ffmpeg" ] || return
  # The first lines say the version, of nearly every ffmpeg
  encoders=$("$ffmpeg" -encoders </dev/null 2>&1)
  case $encoders in
    'ffmpeg version '*) version=$encoders ;;
    *) version=$("$ffmpeg" -version </dev/null 2>&1) ;;
  esac
  say version "$(printf '%s\n' "$version" | head -n 1)"
}

look_around() {
ffprobe=$2
# Without one configured, the one beside ffmpeg: they belong together.
if [ -z "$ffprobe" ] && [ -n "$ffmpeg" ]; then
  for beside in "$(dirname "$ffmpeg")"/ffprobe "$(dirname "$ffmpeg")"/ffprobe.exe; do
    if [ -x "$beside" ]; then ffprobe=$beside; break; fi
  done
fi
say ffprobe "$(find_program ffprobe "$ffprobe")"

# FOLDER: made where it is missing, entered by its owner alone, and tried with a folder of its own; where nothing may be changed,
# the nearest folder above that is there is looked at
try_folder() {
  if [ "$look" = look ]; then
    there=$1
    while ! [ -e "$there" ]; do there=$(dirname "$there"); done
    if [ -d "$there" ] && [ -w "$there" ] && [ -x "$there" ]; then return 0; fi
    echo "$there is no folder that can be written"; return 1
  fi
  (umask 077; mkdir -p -- "$1") && mkdir -- "$1/.encode-$$" && rmdir -- "$1/.encode-$$"
}
look=$4
if [ -n "$3" ]; then
  case $3 in
    '~') folder=$HOME ;;
    '~/'*) folder=$(below_home "$3") ;;
    *) folder=$3 ;;
  esac
  case $folder in
    /*) why=$(try_folder "$folder" 2>&1) || say folder_error "$why" ;;
    *) say folder_error 'it is not an absolute path' ;;
  esac
else
  # The user's cache: on a disk, where /tmp is often memory. /var/tmp for users without a home of their own.
  cache=$XDG_CACHE_HOME
  [ -n "$cache" ] || cache=$HOME/.cache
  for folder in "$cache/encode" "/var/tmp/encode-$(id -u)"; do
    if why=$(try_folder "$folder" 2>&1); then
      # Anybody may have made a folder of this name in /var/tmp first.
      if [ "$look" = look ]; then why=; break; fi
      if [ -O "$folder" ] && ! [ -h "$folder" ] && chmod 700 "$folder" 2>/dev/null; then why=; break; fi
      why='it belongs to somebody else'
    fi
  done
  [ -z "$why" ] || say folder_error "$why"
fi
say folder "$folder"
there=$folder
while [ -n "$there" ] && ! [ -e "$there" ]; do there=$(dirname "$there"); done
say df "$(df -Pk "$there" 2>/dev/null | tail -n 1)"
}

known=
if [ -n "$file" ] && [ "$file" = "$5" ]; then
  known=known
  look_around "$@"
  echo ready:
fi
# Starting ffmpeg takes longer than all the rest: the first runs beside the rest, which reads no standard input until the end. One start
# shows whether a known one is as it was
{ [ -z "$ffmpeg" ] || [ -n "$known" ] || "$ffmpeg" -hide_banner -hwaccels </dev/null 2>/dev/null; } | {
ask_ffmpeg
[ -n "$known" ] || look_around "$@"
echo encoders:
printf '%s\n' "$encoders"
echo hwaccels:
cat
echo end:
}
`)

/** What is here for its reader only: Dropbear hangs up on command lines over 9000 bytes, and a line end alone becomes five of them. */
function withoutRemarks(script: string): string {
  return script.replace(/^ +/gm, '').replace(/^(?:#.*)?\n/gm, '')
}
