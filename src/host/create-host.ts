/** A configured host → the Host that reaches it. */

import { platform } from 'node:os'
import type { HostConfig } from '../model/config.ts'
import type { Host } from './host.ts'
import { createLocalFiles } from './local/local-files.ts'
import { createLocalTransport } from './local/local-transport.ts'
import { createLocalWindowsHost } from './local/local-windows-host.ts'
import { createPosixHost } from './posix-host.ts'
import type { LeashTiming } from './shell/run-on-leash.ts'
import { createShellFiles } from './shell/shell-files.ts'
import { createSshTransport, type SshTransportOptions } from './ssh/ssh-transport.ts'
import { createSshHost } from './ssh-host.ts'
import { createWindowsHost } from './windows/windows-host.ts'

export interface CreateHostOptions {
  readonly config: HostConfig
  /** `config.ssh`; undefined = `ssh` on the PATH. */
  readonly sshProgram: string | undefined
  /** The controller's environment: what its own commands get, and where `SSH_AUTH_SOCK` stands. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeFolder: string
  /** See `SshSurroundings`. */
  readonly runHere?: SshTransportOptions['runHere']
  /** False: accepted host keys are not written down. */
  readonly writesKnownHosts?: boolean | undefined
  /** Asked for the passphrase of an encrypted key; without it such keys are not used. */
  readonly prompt?: SshTransportOptions['prompt']
  /** Told what a person may want to know who looks closely. */
  readonly onNote?: SshTransportOptions['onNote']
  /** See `SshTransportOptions`. */
  readonly clientFromBytes?: number | undefined
  readonly clientFromBusyRatio?: number | undefined
  /** `config.ffmpeg` and its ffprobe: hold for local hosts that name none of their own. */
  readonly localFfmpeg?: string | undefined
  readonly localFfprobe?: string | undefined
  readonly timing?: LeashTiming | undefined
  /** See `PosixHostOptions`. */
  readonly answerMs?: number | undefined
}

export function createHost({ config, timing, answerMs, ...options }: CreateHostOptions): Host {
  const { name: hostName } = config
  if (config.type === 'local') {
    const ffmpeg = config.ffmpeg ?? options.localFfmpeg
    const ffprobe = config.ffprobe ?? options.localFfprobe
    const own = { ...config, ffmpeg, ffprobe }
    if (platform() === 'win32') return createLocalWindowsHost({ config: own, env: options.env, homeFolder: options.homeFolder, timing })
    return createPosixHost({
      config: own,
      transport: createLocalTransport({ hostName, env: options.env }),
      createFiles: () => createLocalFiles({ hostName }),
      timing,
    })
  }
  const { sshProgram, env, homeFolder, runHere, prompt, writesKnownHosts, onNote, clientFromBytes, clientFromBusyRatio } = options
  const transport = createSshTransport({
    host: config,
    sshProgram,
    env,
    homeFolder,
    runHere,
    prompt,
    writesKnownHosts,
    onNote,
    clientFromBytes,
    clientFromBusyRatio,
  })
  return createSshHost({
    config,
    transport,
    createPosix: () =>
      createPosixHost({
        config,
        transport,
        createFiles: (base) => createShellFiles({ hostName, transport, answerMs, ...base }),
        timing,
        answerMs,
      }),
    createWindows: (defaultShell) => createWindowsHost({ config, transport, defaultShell, timing, answerMs }),
    answerMs,
  })
}
