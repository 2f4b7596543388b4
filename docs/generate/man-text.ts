/** What the manual says beyond the tables of options and commands. */

import type { CommandName, OPTIONS } from '../../src/cli/options.ts'

type OptionName = (typeof OPTIONS)[number]['long']

/** More about an option than fits a line of --help. */
export const OPTION_DETAILS: Readonly<Partial<Record<OptionName, string>>> = {
  cluster:
    'Several clusters in one run work at the same time. Without it, paths are encoded on this machine, with the queues of section "config".',
  host: 'Of every cluster of the run, only hosts with these names are used.',
  profile: 'A profile of the configuration or a shipped one; see "encode profiles".',
  mixin: "Replaces the profile's audio, video or subtitle options with those of the named profiles.",
  output: 'The tree below a folder argument is mirrored under DIR; a single file goes straight into DIR. Excludes -k.',
  'keep-source': 'Results are put beside them. A result that would have the same name as its source becomes NAME.PROFILE.EXT.',
  overwrite: 'Those that have their names, but never a source. Without it such a job fails before it starts.',
  drain:
    'Runs under way start no new job, finish what they have and end. "encode resume" continues with what was left; lines of a queue file stay in it.',
  'from-file':
    'A line is removed when its job is done, and stays if it failed; lines may be added while the file drains. Lines that begin with "#" are comments.',
  'dry-run': 'Says which host would take each file with which ffmpeg arguments.',
  strategy: 'How a host is chosen: the one that will finish first, the next in turn, the least busy one, the one with the fewest jobs.',
  config: 'See FILES for the places where it is looked for otherwise.',
  json: 'Nothing else is written there. The events and their fields are a public interface; see docs/events.md in the package.',
  plain: 'The default when standard output is not a terminal.',
  verbose: 'Errors are shown with their stack trace.',
  'no-color': 'NO_COLOR and CI are honoured, too.',
}

export const COMMAND_DETAILS: Readonly<Partial<Record<CommandName, string>>> = {
  history: 'RUN is an id from that list, or "last". With --json one object a line.',
  resume:
    'Removes what dead controllers left behind, here and on the hosts, and encodes what they, and runs that were drained, did not finish.',
  drain:
    'Runs of this user on this machine start no new job on HOST (of the cluster that -c names, else of any), finish what they have there and close it; jobs that only HOST could do fail. Without HOST, as --drain. Does not wait for those jobs.',
  completion: 'SHELL is bash, zsh or fish. For bash and zsh: eval "$(encode completion SHELL)"; for fish: encode completion fish | source.',
}

export const DESCRIPTION = [
  'encode picks a profile for each file, runs ffmpeg on whichever host will finish first, and replaces the file only after its result has come back whole and been verified. A host needs an SSH server and ffmpeg, nothing else.',
  'A PATH is a file, a folder (its media files, at any depth) or a quoted glob. -c, -p, -t and -m hold for the paths that follow them, until they are given again. The lines of --from-file use those given before it, or after it if there are none before. Without a path, the lines of --from-file are encoded, else those of the configured default_queue_file.',
  'The result has the name of the source with the extension of the profile, in the folder of the source. It is written under a temporary name, verified and renamed; only then is the source removed. A result that saves less than the threshold of the profile, or that is not whole, is discarded, and the source stays.',
  'On SIGINT and SIGTERM, and when its terminal goes, every remote ffmpeg is ended and every temporary file removed. After a second SIGINT encode itself ends at once, and the hosts clean up by themselves. On SIGUSR1 the jobs under way are finished and no others are started.',
  'The configuration file is watched while a run works, and read at once on SIGHUP: hosts that are added or enabled there join the run, those that are removed or disabled finish what they have. A file with an error, or one that leaves a cluster of the run without a host, changes nothing. Profiles and rules stay as they were when the run began.',
  'Give a file that has the name of a command as ./NAME.',
] as const

export const EXIT_STATUSES: readonly (readonly [status: string, meaning: string])[] = [
  ['0', 'Every job was done, or skipped by a rule or a threshold; if the run was drained, every job that it had started.'],
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
  ['~/.config/encode/config.yml, else ~/.transcode.yml', 'The configuration. pytranscoder files work unchanged.'],
  ['~/.ssh/config, ~/.ssh/known_hosts', "What the configuration does not say about a host is taken from OpenSSH's client configuration."],
  ['~/.local/state/encode', 'The ledger (every job of every run) and the logs of failed jobs.'],
]

export const EXAMPLES: readonly (readonly [what: string, command: string])[] = [
  ['Show what would be done, and by which host:', 'encode -c home --dry-run /films'],
  ['Use two clusters at the same time, one with another profile:', 'encode -c home /tv/s01*.mp4 -c work -p hevc /tv/s02*.mp4'],
  ['Keep the sources, and put the results elsewhere:', 'encode -c home -p av1 -o /small /films'],
]
