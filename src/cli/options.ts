/** Every option, once: what is parsed, what `--help` and the manual print, what shells complete. */

import { VERIFY_LEVELS } from '../model/plan.ts'
import { STRATEGY_NAMES } from '../scheduler/strategy.ts'

/** Words that only a configuration knows; asked for while the person types. */
export const NAME_KINDS = ['clusters', 'hosts', 'profiles', 'templates', 'mixins'] as const
export type NameKind = (typeof NAME_KINDS)[number]

/** What a shell offers for a value or a word: these words, names of a kind, or what it knows itself. */
export type Completion = readonly string[] | NameKind | 'files' | 'folders'

export interface OptionSpec {
  readonly long: string
  readonly short?: string
  /** Name of its value in `--help`; an option without one is a flag. */
  readonly value?: string
  readonly help: string
  /** What its value is; files when left out. */
  readonly completes?: Completion
  /** May be given more than once. */
  readonly isRepeatable?: true
  /** Stands on one line of `--help` with the option before it. */
  readonly isJoined?: true
}

export const OPTIONS = [
  {
    long: 'cluster',
    short: 'c',
    value: 'NAME',
    help: 'cluster for the paths that follow (else this machine)',
    completes: 'clusters',
    isRepeatable: true,
  },
  { long: 'host', value: 'NAME', help: 'use only this host (repeatable)', completes: 'hosts', isRepeatable: true },
  {
    long: 'profile',
    short: 'p',
    value: 'NAME',
    help: 'profile for the paths that follow, instead of the rules',
    completes: 'profiles',
    isRepeatable: true,
  },
  { long: 'template', short: 't', value: 'NAME', help: 'template for the paths that follow', completes: 'templates', isRepeatable: true },
  {
    long: 'mixin',
    short: 'm',
    value: 'A,B',
    help: 'replace option sections for the paths that follow',
    completes: 'mixins',
    isRepeatable: true,
  },
  { long: 'output', short: 'o', value: 'DIR', help: 'results under DIR, folder trees mirrored; sources stay', completes: 'folders' },
  { long: 'keep-source', short: 'k', help: 'sources stay' },
  { long: 'overwrite', help: 'results may replace other files', isJoined: true },
  { long: 'from-file', value: 'FILE', help: 'a queue file: one path a line, drains as jobs complete' },
  { long: 'dry-run', help: 'check every host, show what would be done; no changes' },
  { long: 'sequential', short: 's', help: 'one job at a time' },
  { long: 'drain', help: 'end runs after their jobs', isJoined: true },
  { long: 'strategy', value: 'NAME', help: 'fastest (default), round-robin, load-cpu, load-tasks', completes: STRATEGY_NAMES },
  { long: 'config', short: 'y', value: 'FILE', help: 'configuration (else $ENCODE_CONFIG, ~/.config/encode/…)' },
  { long: 'verify', value: 'LEVEL', help: 'quick (default), full: all of a result is decoded, off', completes: VERIFY_LEVELS },
  { long: 'rate-limit', value: 'RATE', help: 'bytes a second to and from all hosts: 20M, 100Mbit, off', completes: ['off'] },
  { long: 'json', help: 'events as lines of JSON' },
  { long: 'plain', help: 'plain lines even on a terminal', isJoined: true },
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
  /** What its words are, one after the other; without it files, and as many as one likes. */
  readonly completes?: readonly Completion[]
}

export const COMMANDS = [
  { name: 'hosts', arguments: '[PATH...]', help: 'the state of every host, and how to fix what is wrong with it' },
  {
    name: 'init',
    arguments: '[FOLDER]',
    help: 'write a first configuration for hosts of ~/.ssh/config',
    completes: ['folders', 'files'],
  },
  { name: 'profiles', arguments: '[NAME]', help: 'list profiles and templates, or show one resolved', completes: ['profiles'] },
  { name: 'history', arguments: '[RUN]', help: 'list runs, or the jobs of one run', completes: [['last']] },
  {
    name: 'config',
    arguments: 'check|show',
    help: 'check the configuration, or show it with the origin of each value',
    completes: [['check', 'show'], 'files'],
  },
  { name: 'explain', arguments: 'FILE...', help: 'why a file gets its rule, profile, streams, host and arguments' },
  { name: 'resume', arguments: '', help: 'continue what a killed run left', completes: [] },
  { name: 'drain', arguments: '[HOST]', help: 'start no more jobs on a host, or on any', completes: ['hosts'] },
  {
    name: 'completion',
    arguments: 'SHELL',
    help: 'print a completion script for bash, zsh or fish',
    completes: [['bash', 'zsh', 'fish']],
  },
] as const satisfies readonly CommandSpec[]

export type CommandName = (typeof COMMANDS)[number]['name']
