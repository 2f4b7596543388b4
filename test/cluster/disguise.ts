/**
 * Throw-away hosts that pass for another system, as far as somebody can tell who only types commands: its tools under its names, with its
 * answers and its refusals, and nothing that it lacks. Below them are this machine's kernel and GNU's ls, cp and rm: no test of the real thing.
 */

import { join } from 'node:path'
import { lacks } from '../capabilities.ts'
import type { SshdHostOptions } from './sshd-host.ts'

type Disguise = Pick<SshdHostOptions, 'boot' | 'loginShell' | 'path' | 'server'>

const FIXTURES = join(import.meta.dirname, '../fixtures/disguise')

/** The real mount is gone from its place before all is mounted. */
const OWN_MOUNT = ['cp "$(command -v mount)" "$folder/mount"; mount() { "$folder/mount" "$@"; }']
const HIDE_PROC = 'mount -t tmpfs none /proc'

/** What macOS and the BSDs have alike. `sha256sum`, `setsid`, `nproc`, `timeout`, `ionice` are not among it. */
const UNIX_TOOLS =
  `awk basename bash cat chmod cp csh cut date dd dirname echo env expr false grep head id kill ln ls mkdir mktemp mv nice perl
  printf pwd renice rm rmdir sed sleep sort sync tail tee test touch tr true uniq wc whoami [`.split(/\s+/)

/**
 * A Mac: zsh for a login shell, bash as /bin/sh, a PATH without Homebrew's folder where ffmpeg is, no /proc.
 * `.zprofile`, where Homebrew tells people to put its PATH, is not read for `ssh HOST COMMAND`.
 */
export const MACOS: Disguise = {
  loginShell: '/bin/zsh',
  path: '/usr/bin:/bin:/usr/sbin:/sbin',
  boot: [
    ...coverTools(['macos', 'bsd'], [...UNIX_TOOLS, 'zsh', 'ksh', 'shasum', 'openssl'], 'bash'),
    'mkdir -p /srv/opt/homebrew/bin; mount --bind /srv/opt /opt',
    'mv /srv/tools/ffmpeg /opt/homebrew/bin/ffmpeg; ln -s /srv/bin/ffprobe /opt/homebrew/bin/ffprobe',
    `echo 'export PATH=/opt/homebrew/bin:$PATH' >"$folder/home/.zprofile"`,
    HIDE_PROC,
  ].join('\n'),
}

/** FreeBSD: csh for a login shell, /bin/sh is an ash (here dash), ffmpeg in the ports' folder, sha256 and no sha256sum, no /proc. */
export const FREEBSD: Disguise = {
  loginShell: '/bin/csh',
  path: '/sbin:/bin:/usr/sbin:/usr/bin',
  boot: [
    ...coverTools(['freebsd', 'bsd'], [...UNIX_TOOLS, 'csh', 'tcsh', 'openssl'], 'dash'),
    'mkdir -p /srv/local/bin; mount --bind /srv/local /usr/local',
    'mv /srv/tools/ffmpeg /usr/local/bin/ffmpeg; ln -s /srv/bin/ffprobe /usr/local/bin/ffprobe',
    HIDE_PROC,
  ].join('\n'),
}

/** A NAS: every tool is busybox's, login shell and /bin/sh its ash; ffmpeg beside them. Debian builds it without nice(1). */
export const BUSYBOX: Disguise = {
  loginShell: '/bin/ash',
  path: '/usr/bin:/bin:/usr/sbin:/sbin',
  boot: [
    ...OWN_MOUNT,
    'mount -t tmpfs under /srv; mkdir /srv/bin /srv/tools; mount --bind /usr/bin /srv/bin',
    'cp /usr/bin/busybox /srv/busybox; /srv/busybox --install -s /srv/tools',
    'for tool in ffmpeg ffprobe; do ln -s "/srv/bin/$tool" "/srv/tools/$tool"; done',
    ...coverFolders(),
  ].join('\n'),
}

export const canRunDropbear: boolean = !lacks('dropbear')

/** The server of routers and small NAS boxes, without its SFTP program: there is none unless somebody installs OpenSSH's. */
export const DROPBEAR: Disguise = {
  server: 'dropbear',
  boot: 'mkdir "$folder/empty"; mount --bind "$folder/empty" /usr/lib/openssh',
}

/** The same with it. */
export const DROPBEAR_WITH_SFTP: Disguise = { server: 'dropbear' }

/** Own tools of the named folders first, then links to this machine's. What is not named is not there. */
function coverTools(own: readonly string[], tools: readonly string[], sh: string): readonly string[] {
  return [
    ...OWN_MOUNT,
    'mount -t tmpfs under /srv; mkdir /srv/bin /srv/tools /srv/proc; mount --bind /usr/bin /srv/bin; mount -t proc proc /srv/proc',
    ...own.map((name) => `cp '${FIXTURES}/${name}/'* /srv/tools/`),
    // All at once, and as files: their own links lead to folders that will be covered. What is there already stays.
    `cp -nL ${tools.map((tool) => `'/usr/bin/${tool}'`).join(' ')} /srv/tools/`,
    `ln -s /srv/bin/${sh} /srv/tools/sh`,
    ...coverFolders(),
  ]
}

/** /bin and /sbin are links to these. The server itself has to stay where it looks for itself. */
function coverFolders(): readonly string[] {
  return [
    'mkdir /srv/sbin /srv/servers; mount --bind /usr/sbin /srv/servers',
    'for server in sshd dropbear; do ln -s "/srv/servers/$server" "/srv/sbin/$server"; done',
    '! [ -e /srv/tools/sysctl ] || ln -s /srv/tools/sysctl /srv/sbin/sysctl',
    'mount --bind /srv/sbin /usr/sbin; mount --bind /srv/tools /usr/bin',
  ]
}

/** WSL: a Linux whose drives are below /mnt, with ffmpeg.exe on one of them and no other ffmpeg. */
export const WSL: Disguise = withDrive('wsl', '.exe')

/** Cygwin's sshd, with its drives below /mnt, too, as many have them. It tells of no program that it is an exe. */
export const CYGWIN: Disguise = withDrive('cygwin', '')

function withDrive(name: string, suffix: string): Disguise {
  return {
    path: '/usr/bin:/bin:/mnt/c/ffmpeg/bin',
    boot: [
      ...OWN_MOUNT,
      'mount -t tmpfs under /srv; mkdir -p /srv/bin /srv/tools /srv/drive/ffmpeg/bin; mount --bind /usr/bin /srv/bin',
      'mount -t tmpfs drives /mnt; mkdir /mnt/c; mount --bind /srv/drive /mnt/c',
      `cp '${FIXTURES}/${name}/'* /srv/tools/`,
      `for tool in ffmpeg ffprobe; do cp '${FIXTURES}/windows-ffmpeg' "/srv/drive/ffmpeg/bin/$tool${suffix}"; done`,
      // What is there already stays.
      'ln -s /srv/bin/* /srv/tools/ 2>/dev/null || true',
      'rm /srv/tools/ffmpeg /srv/tools/ffprobe',
      ...coverFolders(),
    ].join('\n'),
  }
}
