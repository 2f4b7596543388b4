/**
 * A host of which nobody has said what it runs: taken for POSIX until its shell turns out to be that of Windows, which is asked only then.
 * So a POSIX host is asked nothing more; one of which the configuration says `os: windows` is asked at once.
 */

import { EncodeError } from '../core/errors.ts'
import type { HostConfig } from '../model/config.ts'
import type { CommandTransport } from './channel.ts'
import { describeShell, WindowsShell } from './facts/describe-shell.ts'
import type { Host } from './host.ts'

export interface SshHostOptions {
  readonly config: HostConfig
  readonly transport: CommandTransport
  readonly createPosix: () => Host
  readonly createWindows: (defaultShell: WindowsShell['defaultShell']) => Host
  /** A shell that does not tell what it is for so long is not used. */
  readonly answerMs?: number | undefined
}

export function createSshHost({ config, transport, createPosix, createWindows, answerMs = 30_000 }: SshHostOptions): Host {
  let host = createPosix()

  /** Undefined: it is none of Windows. */
  async function askShell(signal: AbortSignal | undefined): Promise<WindowsShell | undefined> {
    await transport.connect(signal)
    const patience = AbortSignal.timeout(answerMs)
    const either = signal === undefined ? patience : AbortSignal.any([signal, patience])
    const shell = await describeShell(transport, either).catch((error: unknown) => {
      if (signal?.aborted === true || !patience.aborted) throw error
      throw new EncodeError('HOST_UNREACHABLE', `Host "${config.name}" did not say what it is within ${answerMs / 1000} s`, {
        hint: 'Look whether it has just woken up, or whether a virus scanner holds up its shell: it is tried again',
        cause: error,
      })
    })
    return shell.kind === 'windows' ? new WindowsShell(shell) : undefined
  }

  return {
    config,
    get mark() {
      return host.mark
    },
    async open(signal, options) {
      const isSaid = config.os === 'windows'
      let shell = isSaid ? await askShell(signal) : undefined
      if (shell === undefined) {
        try {
          return await host.open(signal, options)
        } catch (error) {
          if (!(error instanceof WindowsShell)) throw error
          shell = error
        }
      }
      if (config.os !== undefined && !isSaid) {
        throw new EncodeError('HOST_UNSUPPORTED', `Host "${config.name}" runs Windows, and is configured as "os: ${config.os}"`, {
          hint: `Set "os: windows" for host "${config.name}", or leave "os" out`,
        })
      }
      // The connection stays; nothing but the question has run there.
      host = createWindows(shell.defaultShell)
      return await host.open(signal, options)
    },
    run: (argv, options) => host.run(argv, options),
    putFile: (controllerPath, hostPath, options) => host.putFile(controllerPath, hostPath, options),
    getFile: (hostPath, controllerPath, options) => host.getFile(hostPath, controllerPath, options),
    adoptFile: (mark, from, to, signal) => host.adoptFile(mark, from, to, signal),
    statFile: (hostPath, signal) => host.statFile(hostPath, signal),
    makeFolder: (hostPath, signal) => host.makeFolder(hostPath, signal),
    removeFiles: (hostPaths, signal) => host.removeFiles(hostPaths, signal),
    guardFile: (hostPath) => host.guardFile(hostPath),
    get followFile() {
      return host.followFile
    },
    get listen() {
      return host.listen
    },
    get hidesEnvironment() {
      return host.hidesEnvironment
    },
    get canWriteFile() {
      return host.canWriteFile
    },
    get readClock() {
      return host.readClock
    },
    freeBytes: (hostFolder, signal) => host.freeBytes(hostFolder, signal),
    load: (signal) => host.load(signal),
    joinPath: (hostFolder, name) => host.joinPath(hostFolder, name),
    leave: () => host.leave(),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  }
}
