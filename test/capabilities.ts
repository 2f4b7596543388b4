/**
 * What tests need of a machine beside Node and ffmpeg, and the Debian packages that bring it. What a machine lacks is told once, and the
 * tests that need it are skipped; in continuous integration as root nothing may be missing (capabilities.test.ts).
 */

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'

export type Capability = keyof typeof CAPABILITIES

interface Need {
  /** How to get it. */
  readonly from: string
  readonly isThere: () => boolean
}

const WINDOWS_PROGRAMS = join(import.meta.dirname, '../node_modules/.cache/windows')

const CAPABILITIES = {
  root: { from: 'run the tests as root', isThere: () => process.getuid?.() === 0 },
  proc: { from: 'Linux', isThere: () => existsSync('/proc/self') },
  hosts: { from: 'install the packages openssh-server and util-linux, and be root on Linux', isThere: canMakeHosts },
  sshAgent: toPackage('openssh-client', ['ssh-agent', 'ssh-add', 'ssh-keygen', 'ssh']),
  dropbear: toPackage('dropbear-bin', ['/usr/sbin/dropbear', '/usr/bin/dropbearconvert']),
  bash: toPackage('bash', ['/usr/bin/bash']),
  dash: toPackage('dash', ['/usr/bin/dash']),
  zsh: toPackage('zsh', ['/usr/bin/zsh']),
  fish: toPackage('fish', ['/usr/bin/fish']),
  tcsh: toPackage('tcsh', ['/usr/bin/tcsh']),
  ksh: toPackage('ksh', ['/usr/bin/ksh']),
  mksh: toPackage('mksh', ['/usr/bin/mksh']),
  busybox: toPackage('busybox', ['/usr/bin/busybox']),
  tmux: toPackage('tmux', ['tmux']),
  groff: toPackage('groff-base', ['groff']),
  processTools: toPackage('procps', ['ps', 'pgrep', 'pkill']),
  wine: toPackage('wine', ['/usr/bin/wine', '/usr/bin/wineserver']),
  windowsCompiler: toPackage('gcc-mingw-w64-x86-64-win32', ['/usr/bin/x86_64-w64-mingw32-gcc']),
  compiler: toPackage('g++', ['/usr/bin/gcc', '/usr/bin/ld', '/usr/bin/objcopy']),
  windowsFfmpeg: toFetched(['ffmpeg.exe', 'ffprobe.exe']),
  windowsNode: toFetched(['node.exe']),
} satisfies Readonly<Record<string, Need>>

const looked = new Map<Capability, boolean>()

export function lacks(capability: Capability): boolean {
  const isThere = looked.get(capability) ?? CAPABILITIES[capability].isThere()
  if (!isThere && !looked.has(capability)) process.stderr.write(`SKIPPED: what needs "${capability}" (${CAPABILITIES[capability].from})\n`)
  looked.set(capability, isThere)
  return !isThere
}

/** The first of them that is missing, for the name of what is skipped; undefined where all are there. */
export function describeLack(...capabilities: readonly Capability[]): string | undefined {
  const missing = capabilities.find(lacks)
  return missing && `"${missing}" is missing: ${CAPABILITIES[missing].from}`
}

/** All that is missing here, and how to get it. */
export function listLacking(): readonly string[] {
  return Object.entries(CAPABILITIES)
    .filter(([, { isThere }]) => !isThere())
    .map(([name, { from }]) => `${name}: ${from}`)
}

/** Whether this is the gate as it is meant to be, in which nothing may be left out. */
export function isWholeGate(): boolean {
  return process.env.CI === 'true' && process.platform === 'linux' && process.getuid?.() === 0
}

function toPackage(name: string, programs: readonly string[]): Need {
  return { from: `install the package ${name}`, isThere: () => programs.every(hasProgram) }
}

function toFetched(programs: readonly string[]): Need {
  return { from: 'run ".ci/setup test"', isThere: () => programs.every((name) => existsSync(join(WINDOWS_PROGRAMS, name))) }
}

function hasProgram(name: string): boolean {
  const folders = name.startsWith('/') ? [''] : (process.env.PATH ?? '').split(':')
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function canMakeHosts(): boolean {
  if (!['/usr/sbin/sshd', 'ssh-keygen', 'nsenter'].every(hasProgram)) return false
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore', timeout: 5000 })
  return status === 0
}
