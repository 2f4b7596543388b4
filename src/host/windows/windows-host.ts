/**
 * The Host port for Windows with Microsoft's OpenSSH server, whatever its default shell: commands on a leash of PowerShell, or of cmd.exe
 * where PowerShell does not run; files over SFTP.
 */

import { EncodeError, isEncodeError } from '../../core/errors.ts'
import type { HostConfig } from '../../model/config.ts'
import { createCheckedFiles } from '../checked-files.ts'
import type { Host, HostFacts, OpenOptions, RunOptions, RunResult } from '../host.ts'
import { createOpenCalls } from '../open-calls.ts'
import { createGuard, type Guard } from '../shell/guard.ts'
import { DEFAULT_LEASH_TIMING, type LeashDialect, type LeashTiming, runOnLeash } from '../shell/run-on-leash.ts'
import type { SftpSession } from '../ssh/sftp-session.ts'
import type { SshTransport } from '../ssh/ssh-transport.ts'
import { createCmdGuard } from './cmd-guard.ts'
import { type CmdHeartbeat, openCmdHeartbeat } from './cmd-heartbeat.ts'
import { createCmdLeash } from './cmd-leash.ts'
import { isGuardAlive, POWERSHELL_GUARD } from './powershell-guard.ts'
import { POWERSHELL_LEASH } from './powershell-leash.ts'
import { loadWindowsEnvironment, loadWindowsFacts, type WindowsEnvironment } from './windows-facts.ts'
import { createWindowsFiles } from './windows-files.ts'
import { joinWindowsPath, toProgramArgument, toSftpPath } from './windows-paths.ts'
import { createWindowsSystem } from './windows-system.ts'

export interface WindowsHostOptions {
  readonly config: HostConfig
  /** Of the user there; the connection stands already. */
  readonly defaultShell: 'cmd' | 'powershell'
  readonly transport: SshTransport
  readonly timing?: LeashTiming | undefined
  readonly answerMs?: number | undefined
}

const OPEN_TIMEOUT_MS = 60_000

export function createWindowsHost(options: WindowsHostOptions): Host {
  const { config, transport, defaultShell, timing = DEFAULT_LEASH_TIMING, answerMs } = options
  const { name: hostName } = config
  const calls = createOpenCalls()
  let dialect: LeashDialect = POWERSHELL_LEASH
  let environment: WindowsEnvironment = new Map()
  let questions: Promise<SftpSession> | undefined
  // Which one is known before the first name is.
  const powershellGuard = createGuard(transport, {
    hostName,
    timing,
    answerMs,
    dialect: POWERSHELL_GUARD,
    onLost: calls.abort,
  })
  let guard: Guard = powershellGuard
  const { listen } = transport
  /** Where PowerShell does not run. */
  let heartbeat: CmdHeartbeat | undefined

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await calls.during(options.signal, async (signal) => {
      // What is no file may be a command of cmd.exe's own (`date` sets the clock); programs of POSIX are none here.
      if (!/\\|\.exe$/i.test(argv[0] ?? '')) return { status: 127, stdout: '', stderr: '' }
      const env = { ...config.env, ...options.env }
      return await runOnLeash(transport, argv.map(toProgramArgument), { ...options, dialect, env, signal, timing, hostName })
    })
  }

  async function askFiles(signal?: AbortSignal): Promise<SftpSession> {
    const present = await questions?.catch(() => undefined)
    if (present !== undefined && !present.isOver) return present
    // Others may have opened one while this waited.
    if (present !== undefined || questions === undefined) questions = transport.openSftp('control', signal)
    questions.catch(() => {
      questions = undefined
    })
    return await questions
  }

  const systemFolder = (): string => environment.get('SYSTEMROOT') ?? 'C:\\Windows'
  const system = createWindowsSystem(transport, () => heartbeat === undefined)
  const files = createWindowsFiles({ hostName, transport, run, session: askFiles, guard: () => guard, system, systemFolder })
  const checked = createCheckedFiles({ hostName, files, comparesHashes: config.checksum === true })

  /** PowerShell may be missing, forbidden, or crippled by a policy: only a leash that has held something tells. */
  async function chooseShell(signal: AbortSignal): Promise<void> {
    try {
      await runOnLeash(transport, [`${systemFolder()}\\System32\\whoami.exe`], { dialect: POWERSHELL_LEASH, signal, timing, hostName })
    } catch (error) {
      if (!isEncodeError(error, 'COMMAND_FAILED')) throw error
      if (defaultShell === 'powershell') {
        throw new EncodeError('HOST_UNSUPPORTED', `PowerShell on host "${hostName}" runs no script: ${error.message}`, {
          hint: 'Let this user run PowerShell in full language mode there, or make cmd.exe the default shell of its SSH server',
          cause: error,
        })
      }
      heartbeat = await openCmdHeartbeat(transport, { hostName, timing, onLost: calls.abort })
      const { folderName } = heartbeat
      dialect = createCmdLeash(folderName)
      guard = createCmdGuard(transport, { hostName, folderName, limitSeconds: timing.heartbeatLimitSeconds })
    }
  }

  async function load(signal: AbortSignal, { changesNothing = false }: OpenOptions): Promise<HostFacts> {
    environment = await loadWindowsEnvironment(transport, hostName, signal)
    const [session] = await Promise.all([askFiles(signal), chooseShell(signal)])
    const facts = await loadWindowsFacts({ config, environment, files: session, run, askSystem: system.ask, changesNothing, signal })
    if (config.checksum === true) await checked.assertHashes(signal)
    return facts
  }

  async function end(reason: EncodeError, leaves: boolean): Promise<void> {
    await calls.end(reason)
    if (leaves) {
      heartbeat?.leave()
      await guard.leave()
    } else {
      await guard[Symbol.asyncDispose]()
      await heartbeat?.[Symbol.asyncDispose]()
    }
    const session = await questions?.catch(() => undefined)
    session?.end()
    await transport[Symbol.asyncDispose]()
  }

  return {
    config,
    get mark() {
      return guard.tag
    },
    async open(signal, options = {}) {
      return await calls.during(signal, async (either) => {
        await transport.connect(either)
        const patience = AbortSignal.timeout(answerMs ?? OPEN_TIMEOUT_MS)
        return await load(AbortSignal.any([either, patience]), options).catch((error: unknown) => {
          if (either.aborted || !patience.aborted) throw error
          throw new EncodeError(
            'HOST_UNREACHABLE',
            `Host "${hostName}" did not say what it is within ${(answerMs ?? OPEN_TIMEOUT_MS) / 1000} s`,
            {
              hint: 'Look whether a login there waits for something, and whether a virus scanner holds up PowerShell',
              cause: error,
            },
          )
        })
      })
    },
    run,
    async putFile(controllerPath, hostPath, options = {}) {
      await calls.during(options.signal, async (signal) => await checked.putFile(controllerPath, hostPath, { ...options, signal }))
    },
    async getFile(hostPath, controllerPath, options = {}) {
      await calls.during(options.signal, async (signal) => await checked.getFile(hostPath, controllerPath, { ...options, signal }))
    },
    async adoptFile(mark, from, to, signal) {
      const isTaken = await calls.during(signal, async (either) => {
        if (mark !== guard.tag && (heartbeat !== undefined || !(await isGuardAlive(transport, mark, either)))) return false
        if (toSftpPath(from) === toSftpPath(to)) return true
        return await files.renameFile(from, to, either).then(
          () => true,
          // Somebody still has it open, or the guard has removed it.
          (error: unknown) => (isEncodeError(error, 'COMMAND_FAILED') ? false : Promise.reject(error)),
        )
      })
      if (mark === guard.tag) guard.letGo(from)
      // It waits for the transfer that goes on with it, and the connection may break once more before that.
      if (isTaken) guard.hold(to)
      return isTaken
    },
    statFile: files.statFile,
    makeFolder: files.makeFolder,
    removeFiles: files.removeFiles,
    guardFile: async (hostPath) => await guard.add(hostPath),
    freeBytes: files.freeBytes,
    listen:
      listen === undefined
        ? undefined
        : async (onConnection, signal) => await calls.during(signal, async (either) => await listen(onConnection, either)),
    // Another user's process gives neither its environment nor its command line away, which is where cmd.exe is told the one for ffmpeg.
    hidesEnvironment: true,
    canWriteFile: files.canWriteFile,
    readClock: async (signal) => await calls.during(signal, async (either) => (await system.ask(either)).epochSeconds),
    load: async (signal) => await calls.during(signal, async (either) => await files.load(1, either)),
    joinPath: joinWindowsPath,
    leave: async () => await end(new EncodeError('HOST_LOST', `Host "${hostName}" is given up: another of its connections broke`), true),
    [Symbol.asyncDispose]: async () => await end(new EncodeError('INTERRUPTED', `Host "${hostName}" was closed`), false),
  }
}
