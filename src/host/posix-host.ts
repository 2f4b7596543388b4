/** The Host port for Linux, macOS and FreeBSD, over any transport: every command on a leash, every temporary file known to the guard. */

import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import { formatBytes } from '../core/units.ts'
import type { HostConfig } from '../model/config.ts'
import type { CommandTransport } from './channel.ts'
import { loadFacts } from './facts/load-facts.ts'
import type { Host, HostFacts, RunOptions, RunResult } from './host.ts'
import type { HostFiles } from './host-files.ts'
import { createGuard, type Guard } from './shell/guard.ts'
import { DEFAULT_LEASH_TIMING, type LeashTiming, runOnLeash } from './shell/run-on-leash.ts'

/** What the files of a host are built on. */
export interface FilesBase {
  /** On a leash, in the host's own environment. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>
  readonly guard: Pick<Guard, 'tag' | 'start'>
}

export interface PosixHostOptions {
  readonly config: HostConfig
  readonly transport: CommandTransport
  /** Makes what holds the host's files. */
  readonly createFiles: (host: FilesBase) => HostFiles
  readonly timing?: LeashTiming | undefined
}

export function createPosixHost({ config, transport, createFiles, timing = DEFAULT_LEASH_TIMING }: PosixHostOptions): Host {
  const { name: hostName } = config
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()
  const guard = createGuard(transport, { hostName, timing })
  const files = createFiles({ run, guard })
  let facts: HostFacts | undefined

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await untilClosed(options.signal, async (signal) => {
      const env = { ...config.env, ...options.env }
      return await runOnLeash(transport, argv, { ...options, env, signal, timing, hostName })
    })
  }

  /** Holds disposal up until `work` has ended, and ends it when the host is disposed of. */
  async function untilClosed<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
    either.throwIfAborted()
    const task = work(either)
    running.add(task)
    try {
      return await task
    } finally {
      running.delete(task)
    }
  }

  async function close(): Promise<void> {
    closing.abort(new EncodeError('INTERRUPTED', `Host "${hostName}" was closed`))
    await Promise.allSettled(running)
    await guard[Symbol.asyncDispose]()
    await transport[Symbol.asyncDispose]()
  }

  return {
    config,
    async open(signal, { changesNothing } = {}) {
      return await untilClosed(signal, async (either) => {
        await transport.connect(either)
        facts = await loadFacts(transport, config, { timing, signal: either, changesNothing })
        return facts
      })
    },
    run,
    async putFile(controllerPath, hostPath, options = {}) {
      await untilClosed(options.signal, async (signal) => {
        await files.putFile(controllerPath, hostPath, { ...options, signal })
        const [sent, arrived] = await Promise.all([stat(controllerPath), files.statFile(hostPath, signal)])
        assertWhole(controllerPath, sent.size, arrived?.sizeBytes, `on host "${hostName}"`)
      })
    },
    async getFile(hostPath, controllerPath, options = {}) {
      await untilClosed(options.signal, async (signal) => {
        const there = await files.statFile(hostPath, signal)
        if (there?.kind !== 'file') {
          throw new EncodeError('TRANSFER_FAILED', `"${toVisible(hostPath)}" is not a file on host "${hostName}"`)
        }
        await assertRoom(hostPath, there.sizeBytes, controllerPath)
        await files.getFile(hostPath, controllerPath, { ...options, signal, maxBytes: there.sizeBytes })
        assertWhole(hostPath, there.sizeBytes, (await stat(controllerPath)).size, 'here')
      })
    },
    statFile: files.statFile,
    makeFolder: files.makeFolder,
    removeFiles: files.removeFiles,
    guardFile: async (hostPath) => await guard.add(hostPath),
    freeBytes: files.freeBytes,
    load: async (signal) => await files.load(facts?.cores ?? 1, signal),
    joinPath: (hostFolder, name) => (hostFolder.endsWith('/') ? `${hostFolder}${name}` : `${hostFolder}/${name}`),
    [Symbol.asyncDispose]: close,
  }
}

/** A host may say any size: what cannot fit is not begun. */
async function assertRoom(hostPath: string, sizeBytes: number, controllerPath: string): Promise<void> {
  const space = await statfs(dirname(controllerPath)).catch(() => undefined)
  if (space === undefined || sizeBytes <= space.bavail * space.bsize) return
  const [size, free] = [formatBytes(sizeBytes), formatBytes(space.bavail * space.bsize)]
  throw new EncodeError('TRANSFER_FAILED', `"${toVisible(hostPath)}" has ${size}, and "${dirname(controllerPath)}" has room for ${free}`, {
    hint: 'Make room there, or choose another folder with -o',
  })
}

function assertWhole(path: string, expectedBytes: number, foundBytes: number | undefined, where: string): void {
  if (foundBytes === expectedBytes) return
  const found = foundBytes === undefined ? 'nothing' : `${foundBytes} B (${formatBytes(foundBytes)})`
  throw new EncodeError('TRANSFER_FAILED', `Of the ${expectedBytes} B of "${toVisible(path)}", ${found} arrived ${where}`, {
    hint: 'Look at the free space there, and whether something else writes the file',
  })
}
