/** What is to be reached over SSH, and where this machine keeps what it knows of it. */

import type { ProgramShell } from '../../core/program-shell.ts'

export interface SshSurroundings {
  /** `config.ssh`; undefined = `ssh` on the PATH. */
  readonly sshProgram: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeFolder: string
  /** False: a key that is accepted as new is not written down (a dry run changes nothing). */
  readonly writesKnownHosts?: boolean | undefined
  /** Runs a program here, in `env`; what does that for others, too, has less to load and to start. */
  readonly runHere?: ProgramShell['run'] | undefined
}

/** What is looked up: the parts that are given win over the client's configuration. */
export interface SshDestination {
  readonly name: string
  readonly port?: number | undefined
  readonly user?: string | undefined
  readonly identityFile?: string | undefined
  readonly knownHosts?: string | undefined
  readonly proxyJump?: string | undefined
  readonly acceptsNewHostKeys?: boolean | undefined
  /** Said to be Windows: only for what is told when it cannot be reached. */
  readonly isWindows?: boolean | undefined
}
