/** The controller's end of a host's teller of files (see `file-teller-script.ts`): started with the first question, and again should it end. */

import { randomBytes } from 'node:crypto'
import { settlesWithin } from '../../core/settles-within.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { CommandChannel, CommandTransport } from '../channel.ts'
import type { HostFileStat } from '../host.ts'
import { fileTellerCommand } from './file-teller-script.ts'
import { encodeArgument } from './quote-posix.ts'
import type { LeashTiming } from './run-on-leash.ts'

export interface FileTeller extends AsyncDisposable {
  /** Begins it, so that the first question need not wait. */
  start(): void
  /**
   * What stands under a name; undefined for whatever is not a plain answer: nothing there, no right to look, no teller, no answer in time.
   * Rejects with the signal's reason alone.
   */
  look(hostPath: string, signal?: AbortSignal): Promise<HostFileStat | undefined>
}

export interface FileTellerOptions {
  readonly timing: LeashTiming
  /** A question that is left unanswered for so long is asked otherwise; 10 s unless told. */
  readonly answerMs?: number | undefined
}

export function createFileTeller(transport: CommandTransport, { timing, answerMs = ANSWER_MS }: FileTellerOptions): FileTeller {
  const over = new AbortController()
  let session: Promise<Session | undefined> | undefined
  let fruitless = 0

  function current(): Promise<Session | undefined> {
    // A host that does not let it stand is not asked again and again.
    if (over.signal.aborted || fruitless === MAX_FRUITLESS) return Promise.resolve(undefined)
    session ??= openSession(transport, timing, over.signal).then((opened) => {
      void opened?.ended.then((wasOfUse) => {
        fruitless = wasOfUse ? 0 : fruitless + 1
        session = undefined
      })
      if (opened === undefined) {
        fruitless += 1
        session = undefined
      }
      return opened
    })
    return session
  }

  return {
    start() {
      void current()
    },
    async look(hostPath, signal) {
      signal?.throwIfAborted()
      const told = current().then((opened) => opened?.ask(hostPath))
      return await untilAborted(inTime(told, answerMs), signal)
    },
    async [Symbol.asyncDispose]() {
      over.abort()
      await settlesWithin(
        session?.then((opened) => opened?.ended),
        QUIT_MS,
      )
    },
  }
}

const ANSWER_MS = 10_000
const MAX_FRUITLESS = 3
const QUIT_MS = 1000

/** As `answer`; undefined when it takes longer. */
async function inTime<T>(answer: Promise<T | undefined>, ms: number): Promise<T | undefined> {
  return await new Promise((resolve, reject) => {
    const patience = setTimeout(() => resolve(undefined), ms).unref()
    answer.then(resolve, reject).finally(() => clearTimeout(patience))
  })
}

interface Session {
  /** Resolves to whether it answered anything. */
  readonly ended: Promise<boolean>
  /** Undefined where there is no plain answer. */
  ask(hostPath: string): Promise<HostFileStat | undefined>
}

async function openSession(transport: CommandTransport, timing: LeashTiming, over: AbortSignal): Promise<Session | undefined> {
  const tag = `encode-${randomBytes(12).toString('hex')}`
  const commandLine = fileTellerCommand({ tag, heartbeatSeconds: timing.heartbeatLimitSeconds })
  const channel = await transport.openCommand(commandLine, over).catch(() => undefined)
  if (channel === undefined) return undefined
  const waiting = new Map<number, (answer: HostFileStat | undefined) => void>()
  let count = 0
  let answered = 0

  channel.stdin.on('error', ignore)
  channel.stderr.on('error', ignore).resume()
  onEachAnswer(channel, tag, (number, mode, size) => {
    answered += 1
    waiting.get(number)?.(toStat(mode, size))
    waiting.delete(number)
  })
  const heartbeat = setInterval(() => say('h'), timing.heartbeatEveryMs)
  let patience: NodeJS.Timeout | undefined
  const end = (): void => {
    channel.stdin.end()
    patience = setTimeout(() => {
      channel.signal('KILL')
      channel.destroy()
    }, QUIT_MS)
  }
  over.addEventListener('abort', end, { once: true })
  const ended = channel.exit.catch(ignore).then(() => {
    clearInterval(heartbeat)
    clearTimeout(patience)
    over.removeEventListener('abort', end)
    channel.destroy()
    for (const answer of waiting.values()) answer(undefined)
    waiting.clear()
    return answered > 0
  })
  if (over.aborted) end()

  function say(line: string): void {
    if (channel?.stdin.writable === true) channel.stdin.write(`${line}\n`)
  }

  return {
    ended,
    async ask(hostPath) {
      if (!channel.stdin.writable) return undefined
      const name = encodeArgument(hostPath)
      const { promise, resolve } = Promise.withResolvers<HostFileStat | undefined>()
      count += 1
      waiting.set(count, resolve)
      say(`s ${count} ${name}`)
      return await promise
    },
  }
}

/** Whatever stands between the answers: login files print, too. */
function onEachAnswer(channel: CommandChannel, tag: string, tell: (number: number, mode: string, size: string) => void): void {
  const answer = new RegExp(`${tag}@(\\d+) (\\S+) (\\S*)\\n`, 'g')
  let text = ''
  channel.stdout.on('error', ignore).on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    let end = 0
    for (const found of text.matchAll(answer)) {
      end = found.index + found[0].length
      tell(Number(found[1]), found[2] ?? '', found[3] ?? '')
    }
    text = text.slice(end).slice(-MAX_ANSWER_CHARACTERS)
  })
}

const MAX_ANSWER_CHARACTERS = 200

/** Undefined for what is neither a file nor a folder: a leash tells that, with its words. */
function toStat(mode: string, size: string): HostFileStat | undefined {
  const kind = mode[0] === '-' ? 'file' : mode[0] === 'd' ? 'folder' : undefined
  return kind === undefined || !/^\d+$/.test(size) ? undefined : { kind, sizeBytes: Number(size) }
}

function ignore(): void {}
