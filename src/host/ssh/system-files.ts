/** Where OpenSSH keeps what holds for all users of this machine, and how the paths of its configuration are told apart. */

import { win32 } from 'node:path'
import { readVariable } from '../../core/find-program.ts'

export interface SystemFiles {
  readonly configFile: string
  readonly knownHostsFiles: readonly string[]
  /** The files of one value, as `ssh -G` tells them. */
  split(value: string): readonly string[]
}

/** What `ssh -G` of Windows says for the folder of all users: https://github.com/PowerShell/openssh-portable/blob/latestw_all/pathnames.h */
const PROGRAM_DATA = '__PROGRAMDATA__'

export function toSystemFiles(platform: NodeJS.Platform, env: Readonly<Record<string, string | undefined>>): SystemFiles {
  if (platform !== 'win32') {
    return {
      configFile: '/etc/ssh/ssh_config',
      knownHostsFiles: ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      split: (value) => value.split(/\s+/).filter((path) => path !== ''),
    }
  }
  const programData = readVariable(env, 'PROGRAMDATA') ?? 'C:\\ProgramData'
  const at = (name: string): string => win32.join(programData, 'ssh', name)
  return {
    configFile: at('ssh_config'),
    knownHostsFiles: [at('ssh_known_hosts'), at('ssh_known_hosts2')],
    // Nothing quotes the spaces in `C:\Users\Jane Doe`: each path begins with a drive, a home or a word of its own.
    split: (value) =>
      value
        .trim()
        .split(/\s+(?=[A-Za-z]:[\\/]|~|__PROGRAMDATA__|none(?:\s|$))/)
        .filter((path) => path !== '')
        .map((path) => (path.startsWith(PROGRAM_DATA) ? win32.join(programData, path.slice(PROGRAM_DATA.length)) : path)),
  }
}
