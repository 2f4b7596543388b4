/** What the manual says beyond the tables of options and commands. */

import type { CommandName, OPTIONS } from '../../src/cli/options.ts'

type OptionName = (typeof OPTIONS)[number]['long']

/** More about an option than fits a line of --help. */
export const OPTION_DETAILS: Readonly<Partial<Record<OptionName, string>>> = {
  cluster:
    'Several clusters in one run work at the same time. Without it, paths are encoded on this machine, with the queues of section "config".',
  host: 'Of every cluster of the run, only hosts of these names are used.',
  profile: 'A profile of the configuration or a shipped one; see "encode profiles".',
  mixin: "Replaces the profile's audio, video or subtitle options by those of the named profiles.",
  output: 'The tree below a folder argument is mirrored under DIR; a single file goes straight into DIR. Excludes -k.',
  'keep-source': 'Results stand beside them. A result that would bear the name of its own source becomes NAME.PROFILE.EXT.',
  overwrite: 'Such as bear their names, but no source. Without it such a job fails before it starts.',
  drain:
    'Runs under way start no new job, finish what they have and end. "encode resume" goes on with what was left; lines of a queue file stay in it.',
  'from-file':
    'A line goes when its job is done, and stays when it failed; lines may be added while it drains. Lines that begin with "#" are comments.',
  'dry-run': 'Says which host would take each file with which ffmpeg arguments.',
  strategy:
    'How a host is chosen among those with a free slot: the one that will be done first, the next in turn, the least busy one, the one with the fewest jobs.',
  config: 'See FILES for where it is looked for otherwise.',
  json: 'And nothing else there. The events and their fields are public; see docs/events.md in the package.',
  plain: 'The default when standard output is no terminal.',
  verbose: 'Errors come with their trace.',
  'no-color': 'NO_COLOR and CI are honoured, too.',
}

export const COMMAND_DETAILS: Readonly<Partial<Record<CommandName, string>>> = {
  history: 'RUN is an id from that list, or "last". With --json one object a line.',
  resume:
    'Removes what controllers that died left behind, here and on the hosts, and encodes what they, and runs that were drained, had not finished.',
  drain:
    'Runs of this user on this machine start no new job on HOST (of the cluster that -c names, else of any), finish what they have there and close it; jobs that only HOST could do fail. Without HOST, as --drain. Does not wait for those jobs.',
  completion: 'SHELL is bash, zsh or fish. For bash and zsh: eval "$(encode completion SHELL)"; for fish: encode completion fish | source.',
}

export const DESCRIPTION = [
  'encode picks a profile for each file, runs ffmpeg on whichever host will be done first, and replaces the file only once its result has come back whole. A host needs an SSH server and ffmpeg, nothing else.',
  'A PATH is a file, a folder (its media files, at any depth) or a quoted glob. -c, -p, -t and -m hold for the paths that follow them, until they are given again. For the lines of --from-file those hold that stand before it, or behind it where none does. Without a path, the lines of --from-file are taken, else those of the configured default_queue_file.',
  'The result bears the name of the source with the extension of the profile, in the folder of the source. It is written under a temporary name, verified and renamed; only then does the source go. A result that saves less than the threshold of the profile, or that is not whole, is thrown away, and the source stays.',
  'On SIGINT and SIGTERM, and when its terminal goes, every remote ffmpeg is ended and every temporary file removed. After a second SIGINT encode itself ends at once, and the hosts clean up by themselves. On SIGUSR1 the jobs under way are finished and no other is started.',
  'The configuration file is watched while a run works, and read at once on SIGHUP: hosts that are added or enabled there join in, those that are removed or disabled finish what they have. A file with an error, or one that leaves a cluster of the run without a host, changes nothing. Profiles and rules stay as they were when the run began.',
  'A file that bears the name of a command is given as ./NAME.',
] as const

export const EXIT_STATUSES: readonly (readonly [status: string, meaning: string])[] = [
  ['0', 'Every job was done, or skipped by a rule or a threshold; of a run that was drained, every job that it had started.'],
  ['1', 'Some job failed.'],
  ['2', 'Wrong usage or configuration; nothing was started.'],
  ['3', 'No usable host.'],
  ['130, 143, 129', 'Interrupted by SIGINT, SIGTERM, or the end of the terminal.'],
]

export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['ENCODE_CONFIG', 'The configuration file, unless -y names one.'],
  ['XDG_CONFIG_HOME', 'Folder of encode/config.yml; ~/.config when unset or relative.'],
  ['XDG_STATE_HOME', 'Folder of encode/, the state; ~/.local/state when unset or relative.'],
  ['SSH_AUTH_SOCK', 'The agent that holds your keys.'],
  ['NO_COLOR', 'No colours, when set to anything.'],
  ['CI', 'No live view, when set to anything.'],
]

export const FILES: readonly (readonly [name: string, meaning: string])[] = [
  ['~/.config/encode/config.yml, else ~/.transcode.yml', 'The configuration. Files of pytranscoder load as they are.'],
  ['~/.ssh/config, ~/.ssh/known_hosts', "What the configuration leaves out about a host is as OpenSSH's client has it."],
  ['~/.local/state/encode', 'The ledger (every job of every run) and the logs of failed jobs.'],
]

export const EXAMPLES: readonly (readonly [what: string, command: string])[] = [
  ['Say what would be done, and by whom:', 'encode -c home --dry-run /films'],
  ['Two clusters at work at the same time, one with a profile of its own:', 'encode -c home /tv/s01*.mp4 -c work -p hevc /tv/s02*.mp4'],
  ['Keep the sources, results elsewhere:', 'encode -c home -p av1 -o /small /films'],
]
