/** The Host port for the controller itself where that is Windows: no shell, plain calls for files, Node for the guard. */

import { cpus } from 'node:os'
import { EncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { HostConfig } from '../../model/config.ts'
import { createCheckedFiles } from '../checked-files.ts'
import type { Host, RunOptions, RunResult } from '../host.ts'
import { createOpenCalls } from '../open-calls.ts'
import { createGuard } from '../shell/guard.ts'
import { DEFAULT_LEASH_TIMING, type LeashTiming } from '../shell/run-on-leash.ts'
import { assertRemovableOnWindows, joinWindowsPath } from '../windows/windows-paths.ts'
import { loadWindowsFactsHere } from './load-windows-facts-here.ts'
import { createLocalFiles } from './local-files.ts'
import { NODE_GUARD } from './node-guard.ts'
import { createNodeTransport } from './node-transport.ts'
import { createWakefulness, startStayingAwake } from './stay-awake.ts'
import { runWindowsCommand } from './windows-command.ts'

export interface LocalWindowsHostOptions {
  readonly config: HostConfig
  /** The controller's own. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeFolder: string
  readonly timing?: LeashTiming | undefined
}

export function createLocalWindowsHost({ config, env, homeFolder, timing = DEFAULT_LEASH_TIMING }: LocalWindowsHostOptions): Host {
  const { name: hostName } = config
  const calls = createOpenCalls()
  const transport = createNodeTransport({ hostName, env })
  const guard = createGuard(transport, { hostName, timing, dialect: NODE_GUARD, onLost: calls.abort })
  const files = createLocalFiles({ hostName, assertRemovable: assertRemovableOnWindows })
  const checked = createCheckedFiles({ hostName, files, comparesHashes: config.checksum === true })
  const measureLoad = createLoadMeter()
  const wakefulness = createWakefulness({ start: () => startStayingAwake(env) })

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const surroundings = { ...env, ...config.env, ...options.env }
    using _awake = options.keepsAwake === true ? wakefulness.hold() : undefined
    return await calls.during(options.signal, async (signal) => {
      if (options.mayBegin !== undefined) await untilAborted(options.mayBegin, signal)
      return await runWindowsCommand(argv, { ...options, env: surroundings, signal, graceMs: timing.graceTenths * 100 })
    })
  }

  async function end(reason: EncodeError, leaves: boolean): Promise<void> {
    await calls.end(reason)
    wakefulness[Symbol.dispose]()
    await (leaves ? guard.leave() : guard[Symbol.asyncDispose]())
    await transport[Symbol.asyncDispose]()
  }

  return {
    config,
    mark: guard.tag,
    async open(signal, { changesNothing = false } = {}) {
      return await calls.during(signal, async (either) => {
        const ask = async (argv: readonly string[]) => await run(argv, { signal: either })
        const facts = await loadWindowsFactsHere({ config, env: { ...env, ...config.env }, homeFolder, run: ask, changesNothing })
        // The first job would wait for it.
        if (!changesNothing) void guard.start().catch(() => {}) // told to whoever needs it
        return facts
      })
    },
    run,
    async putFile(controllerPath, hostPath, options = {}) {
      await calls.during(options.signal, async (signal) => await checked.putFile(controllerPath, hostPath, { ...options, signal }))
    },
    async getFile(hostPath, controllerPath, options = {}) {
      await calls.during(options.signal, async (signal) => await checked.getFile(hostPath, controllerPath, { ...options, signal }))
    },
    // No connection breaks here that somebody could come back from.
    adoptFile: async () => false,
    statFile: files.statFile,
    makeFolder: files.makeFolder,
    removeFiles: files.removeFiles,
    guardFile: async (hostPath) => await guard.add(hostPath),
    freeBytes: files.freeBytes,
    load: async () => ({ cpuRatio: measureLoad() }),
    joinPath: joinWindowsPath,
    leave: async () => await end(new EncodeError('HOST_LOST', `Host "${hostName}" is given up`), true),
    [Symbol.asyncDispose]: async () => await end(new EncodeError('INTERRUPTED', `Host "${hostName}" was closed`), false),
  }
}

/** Windows has no load average: what its processors did since the last question, at first since they were started. */
function createLoadMeter(): () => number {
  let last = { busyMs: 0, allMs: 0 }
  return () => {
    const times = cpus().map(({ times: each }) => each)
    const allMs = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
    const busyMs = allMs - times.reduce((sum, { idle }) => sum + idle, 0)
    const ratio = allMs > last.allMs ? (busyMs - last.busyMs) / (allMs - last.allMs) : 0
    last = { busyMs, allMs }
    return Math.min(1, Math.max(0, ratio))
  }
}
