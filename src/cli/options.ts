/** Every option, once: what is parsed, what `--help` prints. */

export interface OptionSpec {
  readonly long: string
  readonly short?: string
  /** Name of its value in `--help`; an option without one is a flag. */
  readonly value?: string
  readonly help: string
  /** Stands on one line of `--help` with the option before it. */
  readonly isJoined?: true
}

export const OPTIONS = [
  { long: 'cluster', short: 'c', value: 'NAME', help: 'cluster for the paths that follow (else this machine)' },
  { long: 'host', value: 'NAME', help: 'use only this host (repeatable)' },
  { long: 'profile', short: 'p', value: 'NAME', help: 'profile for the paths that follow, instead of the rules' },
  { long: 'template', short: 't', value: 'NAME', help: 'template for the paths that follow' },
  { long: 'mixin', short: 'm', value: 'A,B', help: 'replace option sections for the paths that follow' },
  { long: 'output', short: 'o', value: 'DIR', help: 'results under DIR, folder trees mirrored; sources stay' },
  { long: 'keep-source', short: 'k', help: 'sources stay, results stand beside them' },
  { long: 'overwrite', help: 'a result may replace a file that is not its source' },
  { long: 'from-file', value: 'FILE', help: 'a queue file: one path a line, drains as jobs complete' },
  { long: 'dry-run', help: 'test every host, say what would be done; no change' },
  { long: 'sequential', short: 's', help: 'one job at a time' },
  { long: 'strategy', value: 'NAME', help: 'fastest (default), round-robin, load-cpu, load-tasks' },
  { long: 'config', short: 'y', value: 'FILE', help: 'configuration (else $ENCODE_CONFIG, ~/.config/encode/…)' },
  { long: 'json', help: 'newline-delimited JSON events on stdout' },
  { long: 'plain', help: 'plain lines even on a terminal' },
  { long: 'quiet', short: 'q', help: 'say less' },
  { long: 'verbose', short: 'v', help: 'say more', isJoined: true },
  { long: 'no-color', help: 'no colours', isJoined: true },
  { long: 'help', short: 'h', help: 'this text' },
  { long: 'version', help: 'the version', isJoined: true },
] as const satisfies readonly OptionSpec[]

export interface CommandSpec {
  readonly name: string
  readonly arguments: string
  readonly help: string
}

export const COMMANDS = [
  { name: 'history', arguments: '[RUN]', help: 'runs so far, or the jobs of one run' },
  { name: 'resume', arguments: '', help: 'go on with what a killed run left' },
] as const satisfies readonly CommandSpec[]

export type CommandName = (typeof COMMANDS)[number]['name']
