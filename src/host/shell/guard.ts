/** The controller's end of a host's guard (see `guard-script.ts`): started with the first name, started again should it be killed. */

import { randomBytes } from 'node:crypto'
import { EncodeError } from '../../core/errors.ts'
import { settlesWithin } from '../../core/settles-within.ts'
import { toVisible } from '../../core/text.ts'
import type { CommandChannel, CommandTransport } from '../channel.ts'
import { type GuardCommand, guardCommand } from './guard-script.ts'
import { encodeArgument } from './quote-posix.ts'
import type { LeashTiming } from './run-on-leash.ts'

export interface Guard extends AsyncDisposable {
  /** Marks the transfers of this controller on the host: see `bulk-shell.ts`. */
  readonly tag: string
  /** Resolves when it stands guard, with or without names. */
  start(): Promise<void>
  /** Resolves when the host has taken the name. */
  add(hostPath: string): Promise<{ release(): void }>
  /** While anything is held, files stay for a while when the connection breaks, so that somebody can come back for them. Again with the same key: once. */
  hold(key: string): void
  letGo(key: string): void
  /** As if this controller had vanished: what is held stays for its while. */
  leave(): Promise<void>
}

/** How the shell of a host keeps guard; lines and answers are those of `guard-script.ts`. */
export interface GuardDialect {
  /** `input` is said first. */
  start(command: GuardCommand): { readonly commandLine: string; readonly input: string }
  /** A path as one word of a line. */
  encodeName(hostPath: string): string
  assertRemovable(hostPath: string): void
  /** Answered like any other name, and never removed. */
  readonly echoName: string
}

const POSIX_GUARD: GuardDialect = {
  start: (command) => ({ commandLine: guardCommand(command), input: '' }),
  encodeName: encodeArgument,
  assertRemovable,
  echoName: '/',
}

export interface GuardOptions {
  readonly hostName: string
  /** POSIX unless told. */
  readonly dialect?: GuardDialect | undefined
  readonly timing: LeashTiming
  /** A guard that does not answer for so long is none; 30 seconds unless told. */
  readonly answerMs?: number | undefined
  /**
   * Told when nothing is known of a guard any more: its connection broke, or it does not answer. It may remove the names it has at any time,
   * so that no other guard can be promised the same ones: the host is to be opened anew.
   */
  readonly onLost?: ((reason: unknown) => void) | undefined
}

export function createGuard(transport: CommandTransport, options: GuardOptions): Guard {
  const { dialect = POSIX_GUARD } = options
  const tag = `encode-${randomBytes(12).toString('hex')}`
  const names = new Map<object, string>()
  const held = new Set<string>()
  const graceSeconds = options.timing.fileGraceSeconds ?? FILE_GRACE_SECONDS
  let session: Promise<GuardSession> | undefined
  let lost: { readonly reason: unknown } | undefined

  function lose(reason: unknown): void {
    if (lost !== undefined) return
    lost = { reason }
    options.onLost?.(reason)
  }

  function tellGrace(guard: GuardSession): void {
    guard.stay(held.size === 0 ? 0 : graceSeconds)
  }

  async function open(): Promise<GuardSession> {
    const opened = await openSession(transport, tag, { ...options, onLost: lose })
    if (held.size > 0) tellGrace(opened)
    void opened.ended.then(async () => {
      if ((await session?.catch(() => undefined)) === opened) session = undefined
    })
    await Promise.all([...names.values()].map(async (name) => await opened.add(name)))
    return opened
  }

  async function current(): Promise<GuardSession> {
    if (lost !== undefined) throw lost.reason
    session ??= open().catch((error: unknown) => {
      session = undefined
      throw error
    })
    return await session
  }

  return {
    tag,
    async start() {
      await current()
    },
    async add(hostPath) {
      dialect.assertRemovable(hostPath)
      const name = dialect.encodeName(hostPath)
      await (await current()).add(name).catch(async (error: unknown) => {
        // Somebody killed the guard a moment ago: that is no reason to fail while another can be started.
        if (transport.lost.aborted || lost !== undefined) throw error
        session = undefined
        await (await current()).add(name)
      })
      const key = {}
      names.set(key, name)
      return {
        release() {
          if (!names.delete(key)) return
          void session?.then((guard) => guard.forget(name)).catch(() => undefined)
        },
      }
    },
    hold(key) {
      if (!held.has(key) && held.add(key).size === 1) void session?.then(tellGrace).catch(() => undefined)
    },
    letGo(key) {
      if (held.delete(key) && held.size === 0) void session?.then(tellGrace).catch(() => undefined)
    },
    async leave() {
      names.clear()
      const opened = await ready()
      opened?.leave()
    },
    async [Symbol.asyncDispose]() {
      const isClean = names.size === 0
      names.clear()
      const opened = await ready()
      // What could not be removed in time is left to the guard.
      if (isClean) await opened?.quit()
      else await opened?.abandon()
    },
  }

  async function ready(): Promise<GuardSession | undefined> {
    return (await settlesWithin(session, QUIT_MS)) ? await session?.catch(() => undefined) : undefined
  }
}

/** Refuses what no temporary file of ours can be called. The guard on the host refuses it once more. */
export function assertRemovable(hostPath: string): void {
  const parts = hostPath.split('/')
  if (hostPath.startsWith('/') && !parts.includes('..') && parts.some((part) => part !== '' && part !== '.')) return
  throw new EncodeError('COMMAND_FAILED', `"${toVisible(hostPath)}" is not removed: it is not the absolute path of a file or folder`)
}

interface GuardSession {
  readonly ended: Promise<void>
  add(name: string): Promise<void>
  forget(name: string): void
  /** For how long files are to stay when the controller has vanished. */
  stay(seconds: number): void
  quit(): Promise<void>
  /** Has it remove the names it has, once it has heard of all of them. */
  abandon(): Promise<void>
  leave(): void
}

/** With what a guard takes to notice and to remove, files are gone 30 s after the last sign of a controller. */
const FILE_GRACE_SECONDS = 20
const QUIT_MS = 1000
const ANSWER_MS = 30_000

async function openSession(
  transport: CommandTransport,
  tag: string,
  { hostName, timing, dialect = POSIX_GUARD, answerMs = ANSWER_MS, onLost }: GuardOptions,
): Promise<GuardSession> {
  const { heartbeatLimitSeconds: heartbeatSeconds, graceTenths } = timing
  const waitSeconds = Math.ceil(graceTenths / 10 + 1)
  const { commandLine, input } = dialect.start({ tag, heartbeatSeconds, waitSeconds })
  const channel = await transport.openCommand(commandLine)
  const waiting: PromiseWithResolvers<void>[] = []

  channel.stdin.on('error', () => undefined)
  channel.stderr.on('error', () => undefined).resume()
  onEach(channel, `${tag}@kept\n`, () => waiting.shift()?.resolve())
  if (input !== '') channel.stdin.write(input)
  const heartbeat = setInterval(() => say('h'), timing.heartbeatEveryMs)

  function say(line: string): void {
    if (channel.stdin.writable) channel.stdin.write(`${line}\n`)
  }

  let failure: unknown
  const ended = channel.exit
    .then(
      () => new EncodeError('COMMAND_FAILED', `The guard of temporary files on host "${hostName}" was ended from outside`),
      (error: unknown) => {
        onLost?.(error)
        return error
      },
    )
    .then((reason) => {
      failure = reason
      clearInterval(heartbeat)
      channel.destroy()
      for (const { reject } of waiting.splice(0)) reject(reason)
    })

  return {
    ended,
    async add(name) {
      if (failure !== undefined) throw failure
      const kept = Promise.withResolvers<void>()
      waiting.push(kept)
      say(`a ${name}`)
      const patience = setTimeout(() => {
        const reason = new EncodeError('HOST_LOST', `The guard of temporary files on host "${hostName}" does not answer`)
        onLost?.(reason)
        kept.reject(reason)
        channel.destroy()
      }, answerMs)
      try {
        await kept.promise
      } finally {
        clearTimeout(patience)
      }
    },
    forget: (name) => say(`f ${name}`),
    stay: (seconds) => say(`g ${seconds}`),
    async abandon() {
      clearInterval(heartbeat)
      // What was said last (a name to forget) must not be lost with the connection.
      const answered = Promise.withResolvers<void>()
      waiting.push(answered)
      say(`a ${dialect.encodeName(dialect.echoName)}`)
      await settlesWithin(answered.promise, QUIT_MS)
      say('r')
      channel.stdin.end()
    },
    leave() {
      clearInterval(heartbeat)
      channel.stdin.end()
    },
    async quit() {
      say('q')
      channel.stdin.end()
      await settlesWithin(ended, QUIT_MS)
      clearInterval(heartbeat)
      channel.signal('KILL')
      channel.destroy()
    },
  }
}

/** Calls `found` for each `mark` in the channel's stdout, whatever stands around it. */
function onEach(channel: CommandChannel, mark: string, found: () => void): void {
  let text = ''
  channel.stdout
    .on('error', () => undefined)
    .on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark)) {
        text = text.slice(at + mark.length)
        found()
      }
      text = text.slice(-mark.length)
    })
}
