/** Hosts as this process reaches them: its environment, its user's home folder, and what the section `config` says for all of them. */

import { homedir } from 'node:os'
import { type CreateHostOptions, createHost } from '../host/create-host.ts'
import type { Host } from '../host/host.ts'
import type { Config, HostConfig } from '../model/config.ts'

export type HostMakerOptions = Pick<CreateHostOptions, 'writesKnownHosts' | 'prompt' | 'onNote'>

export function createHostMaker(config: Pick<Config, 'ssh' | 'ffmpeg' | 'ffprobe'>, options: HostMakerOptions): (host: HostConfig) => Host {
  const ours = { sshProgram: config.ssh, env: process.env, homeFolder: homedir(), localFfmpeg: config.ffmpeg, localFfprobe: config.ffprobe }
  return (host) => createHost({ ...ours, ...options, config: host })
}
