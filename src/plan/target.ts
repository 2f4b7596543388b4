/** What the command line asks for, path by path. `-c`, `-p`, `-t` and `-m` hold for the paths that follow them. */

export interface ProfileChoice {
  readonly profile: string | undefined
  readonly template: string | undefined
  readonly mixins: readonly string[]
}

export interface Target {
  /** A file, a folder or a glob, as given. */
  readonly path: string
  /** Undefined = this machine. */
  readonly cluster: string | undefined
  readonly choice: ProfileChoice
  /** Queue file that the path stands in. */
  readonly queueFile: string | undefined
}

/** The name that jobs without `-c` carry as their cluster. */
export const LOCAL_CLUSTER = 'local'
