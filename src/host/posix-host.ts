/** The Host port for Linux, macOS and FreeBSD, over any transport: every command on a leash, every temporary file known to the guard. */

import { EncodeError, isEncodeError } from '../core/errors.ts'
import type { HostConfig } from '../model/config.ts'
import type { CommandTransport } from './channel.ts'
import { createCheckedFiles } from './checked-files.ts'
import { loadFacts } from './facts/load-facts.ts'
import type { Host, HostFacts, RunOptions, RunResult } from './host.ts'
import type { HostFiles } from './host-files.ts'
import { createOpenCalls } from './open-calls.ts'
import { adoptArguments } from './shell/adopt-file.ts'
import { createFileTeller, type FileTeller } from './shell/file-teller.ts'
import { createGuard, type Guard } from './shell/guard.ts'
import { DEFAULT_LEASH_TIMING, type LeashTiming } from './shell/run-on-leash.ts'
import { createRunWaiting } from './shell/run-waiting.ts'
import { toWindowsProgram } from './shell/windows-program.ts'

/** What the files of a host are built on. */
export interface FilesBase {
  /** On a leash, in the host's own environment. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>
  readonly guard: Pick<Guard, 'tag' | 'start' | 'hold' | 'letGo'>
  readonly teller: Pick<FileTeller, 'look'>
}

export interface PosixHostOptions {
  readonly config: HostConfig
  readonly transport: CommandTransport
  /** Makes what holds the host's files. */
  readonly createFiles: (host: FilesBase) => HostFiles
  readonly timing?: LeashTiming | undefined
  /** A host that leaves a question unanswered for so long has failed it; each kind of question has its own patience unless told. */
  readonly answerMs?: number | undefined
}

/** What a host is found to be that cannot be used. */
const REFUSALS = ['HOST_NO_FFMPEG', 'HOST_FOLDER_UNUSABLE', 'HOST_UNSUPPORTED', 'HOST_UNREACHABLE'] as const

export function createPosixHost(options: PosixHostOptions): Host {
  const { config, transport, createFiles, timing = DEFAULT_LEASH_TIMING, answerMs } = options
  const { name: hostName } = config
  const { listen } = transport
  const calls = createOpenCalls()
  const guard = createGuard(transport, { hostName, timing, answerMs, onLost: calls.abort })
  const teller = createFileTeller(transport, { timing, answerMs })
  const files = createFiles({ run, guard, teller })
  const checked = createCheckedFiles({ hostName, files, comparesHashes: config.checksum === true })
  const runWaiting = createRunWaiting(transport)
  let facts: HostFacts | undefined

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await calls.during(options.signal, async (signal) => {
      const env = { ...config.env, ...options.env }
      if (facts?.pathTool !== undefined && (argv[0] === facts.ffmpegPath || argv[0] === facts.ffprobePath)) {
        const program = toWindowsProgram(facts.pathTool, argv, env)
        return await runWaiting(program.argv, { ...options, env: program.env, signal, timing, hostName })
      }
      return await runWaiting(argv, { ...options, env, signal, timing, hostName })
    })
  }

  /** Guard and teller, which the first job would wait for. */
  function beginWatch(): void {
    void guard.start().catch(() => {}) // told to whoever needs it
    if (config.type === 'mounted') teller.start()
  }

  /** Never rejects. A host that is closed or lost meanwhile has not said anything. */
  async function confirm(confirming: Promise<boolean> | undefined, onOther: (() => void) | undefined): Promise<void> {
    const isRight = await confirming?.catch((error: unknown) => !REFUSALS.some((code) => isEncodeError(error, code)))
    if (isRight !== false) return
    onOther?.()
    calls.abort(new EncodeError('HOST_LOST', `Host "${hostName}" has another ffmpeg than it had: it is reopened`))
  }

  async function close(): Promise<void> {
    await calls.end(new EncodeError('INTERRUPTED', `Host "${hostName}" was closed`))
    await Promise.all([guard[Symbol.asyncDispose](), teller[Symbol.asyncDispose]()])
    await transport[Symbol.asyncDispose]()
  }

  async function leave(): Promise<void> {
    await calls.end(new EncodeError('HOST_LOST', `Host "${hostName}" is given up: another of its connections broke`))
    await Promise.all([guard.leave(), teller[Symbol.asyncDispose]()])
    await transport[Symbol.asyncDispose]()
  }

  return {
    config,
    mark: guard.tag,
    async open(signal, { changesNothing, known } = {}) {
      return await calls.during(signal, async (either) => {
        await transport.connect(either)
        // The first job would wait for them.
        if (!changesNothing && config.type === 'streaming') transport.prepareTransfers?.()
        if (known !== undefined) beginWatch()
        const options = { timing, signal: either, changesNothing, timeoutMs: answerMs, known: known?.ffmpeg }
        const loaded = await loadFacts(transport, config, options)
        facts = loaded.facts
        // Where nothing is known, not before the answer: it may be Windows that was asked.
        if (known === undefined && !changesNothing) beginWatch()
        if (loaded.confirming !== undefined) void calls.during(undefined, async () => await confirm(loaded.confirming, known?.onOther))
        if (config.checksum === true) await checked.assertHashes(either)
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
    followFile:
      files.readHead === undefined
        ? undefined
        : async (hostPath, controllerPath, growth, options = {}) =>
            await calls.during(options.signal, async (signal) => {
              await checked.followFile(hostPath, controllerPath, growth, { ...options, signal })
            }),
    async adoptFile(mark, from, to, signal) {
      const isTaken = (await run(adoptArguments({ mark, from, to }), { signal })).status === 0
      if (mark === guard.tag) guard.letGo(from)
      // It waits for the transfer that goes on with it, and the connection may break once more before that.
      if (isTaken) guard.hold(to)
      return isTaken
    },
    listen:
      listen === undefined
        ? undefined
        : async (onConnection, signal) => await calls.during(signal, async (either) => await listen(onConnection, either)),
    leave,
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
