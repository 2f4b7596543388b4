/** Hosts as this process reaches them: its environment, its user's home folder, and what the section `config` says for all of them. */

import { homedir } from 'node:os'
import { createCallLimit } from '../core/call-limit.ts'
import { createProgramShell, type ProgramShell } from '../core/program-shell.ts'
import { type CreateHostOptions, createHost } from '../host/create-host.ts'
import type { Host } from '../host/host.ts'
import type { Config, HostConfig } from '../model/config.ts'

export type HostMakerOptions = Pick<CreateHostOptions, 'writesKnownHosts' | 'prompt' | 'onNote'>

export function createHostMaker(config: Pick<Config, 'ssh' | 'ffmpeg' | 'ffprobe'>, options: HostMakerOptions): (host: HostConfig) => Host {
  const ours = { sshProgram: config.ssh, env: process.env, homeFolder: homedir(), localFfmpeg: config.ffmpeg, localFfprobe: config.ffprobe }
  const runHere = createRunHere()
  return (host) => createHost({ ...ours, ...options, runHere, config: host })
}

/** A run on a hundred hosts asks the system's ssh of each at once. */
const PROGRAMS_AT_ONCE = 16

/** In this process's environment. */
function createRunHere(): ProgramShell['run'] {
  const shell = createProgramShell()
  const limit = createCallLimit(PROGRAMS_AT_ONCE)
  return async (program, argv, options) => await limit.run(async () => await shell.run(program, argv, options), options?.signal)
}
