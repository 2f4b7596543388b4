/**
 * Runs one command on a leash over any transport, and sees to its end: the promise settles when the command is known to be gone,
 * or when the host cannot be asked any more (then the leash ends it there within the heartbeat limit).
 */

import { randomBytes } from 'node:crypto'
import { systemClock } from '../../core/clock.ts'
import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { ChannelExit, CommandChannel, CommandTransport } from '../channel.ts'
import { createCollector, MAX_STDERR_BYTES, MAX_STDOUT_BYTES } from '../collector.ts'
import type { RunOptions, RunResult } from '../host.ts'
import { watchStandstill } from '../standstill.ts'
import { killCommand, type LeashCommand, leashCommand } from './leash.ts'
import { createFrameParser, createNoiseFilter, type LeashStart } from './leash-frame.ts'

/** How the controller shows that it is alive, and how soon its hosts stop believing it. */
export interface LeashTiming {
  readonly heartbeatEveryMs: number
  /** Longer than outages worth surviving, shorter than the time after which the job runs elsewhere. */
  readonly heartbeatLimitSeconds: number
  /** Between TERM and KILL. */
  readonly graceTenths: number
  /** For how long files of transfers stay when the connection broke; see `guard.ts`. */
  readonly fileGraceSeconds?: number | undefined
}

export const DEFAULT_LEASH_TIMING: LeashTiming = { heartbeatEveryMs: 5000, heartbeatLimitSeconds: 30, graceTenths: 15 }

/** How the shell of a host puts a command on a leash; frames are the same everywhere. */
export interface LeashDialect {
  /** `input` is said first. */
  start(command: LeashCommand): { readonly commandLine: string; readonly input: string }
  /** Undefined where it comes another way. */
  readonly heartbeat: string | undefined
  /** Has a command begin that waits for it; undefined where none does. */
  readonly begin?: string | undefined
  /** Asks for the end. */
  readonly request: string
  /** Whether the leash ends with its command, and kills it after the grace. If not, the channel's KILL signal is to do so. */
  readonly isReleased: boolean
  /** A command line that kills what a leash left behind; undefined where the end of its shell does that. */
  readonly killCommand: ((tag: string, started: LeashStart) => string) | undefined
}

const POSIX_LEASH: LeashDialect = {
  start: (command) => ({ commandLine: leashCommand(command), input: '' }),
  heartbeat: 'h\n',
  begin: 'g\n',
  request: 't\n',
  isReleased: true,
  killCommand,
}

export interface LeashOptions extends RunOptions {
  /** POSIX unless told. */
  readonly dialect?: LeashDialect | undefined
  readonly timing?: LeashTiming | undefined
  /** Told what holds the command, when it begins. */
  readonly onStart?: ((start: LeashStart) => void) | undefined
  /** Told when a command that waited is told to begin: not where its leash has ended before. */
  readonly onLeave?: (() => void) | undefined
  /** Host's name, for messages. */
  readonly hostName: string
}

/**
 * @throws the signal's reason when it was aborted; HOST_LOST when the connection broke, or this process stood still for so long that the
 * leash took it for dead; COMMAND_FAILED when the command was never started or
 * its leash was ended from outside; NAME_NOT_CARRIED for arguments that no command line carries. An exit status is a result, never an error.
 */
export async function runOnLeash(transport: CommandTransport, argv: readonly string[], options: LeashOptions): Promise<RunResult> {
  const { signal, timing = DEFAULT_LEASH_TIMING, env, nice, keepsAwake, dialect = POSIX_LEASH, mayBegin } = options
  const begin = mayBegin === undefined ? undefined : dialect.begin
  const waits = begin !== undefined
  if (mayBegin !== undefined && !waits) await untilAborted(mayBegin, signal)
  signal?.throwIfAborted()
  transport.lost.throwIfAborted()
  const tag = `encode-${randomBytes(12).toString('hex')}`
  const { heartbeatLimitSeconds: heartbeatSeconds, graceTenths } = timing
  const { commandLine, input } = dialect.start({ argv, tag, heartbeatSeconds, graceTenths, env, nice, keepsAwake, waits })
  const channel = await transport.openCommand(commandLine, signal)

  const done = new AbortController()
  const output = collectOutput(channel, tag, options)
  channel.stdin.on('error', ignore) // its end is told by `exit`
  say(channel, input, 'always')
  beat(channel, dialect)
  if (begin !== undefined) void mayBegin?.then(() => letBegin(channel, begin, output, options.onLeave), ignore)
  if (!dialect.isReleased) {
    void output.exited.then(async () => await pause(LAST_WORDS_MS, done.signal)).then(() => channel.signal('KILL'))
  }
  const standstill = watchStandstill()
  const heartbeat = setInterval(() => {
    standstill.tick()
    beat(channel, dialect)
  }, timing.heartbeatEveryMs)
  const ended = waitForEnd(channel, transport.lost, output, done.signal)
  try {
    const end = await Promise.race([ended, ...(signal === undefined ? [] : [whenAborted(signal, done.signal)])])
    if (end === ABORTED) {
      await endCommand(transport, channel, output, ended, { tag, graceTenths, dialect, done: done.signal })
      throw signal?.reason
    }
    const { status, stdout, stderr } = output.result()
    const stoodStillMs = standstill.longestMs()
    if (status !== 0 && stoodStillMs >= heartbeatSeconds * 1000 - timing.heartbeatEveryMs) {
      throw new EncodeError(
        'HOST_LOST',
        `This machine stood still for ${Math.round(stoodStillMs / 1000)} s: host "${options.hostName}" ended what ran for it`,
      )
    }
    if (status !== undefined) return { status, stdout, stderr }
    await Promise.race([whenAborted(transport.lost, done.signal), pause(LOST_GRACE_MS, done.signal)])
    transport.lost.throwIfAborted()
    throw describeUnfinished(end, output, options.hostName)
  } finally {
    clearInterval(heartbeat)
    done.abort(OVER)
    channel.destroy()
  }
}

/** After the command's end its stderr may still be on the way. */
const DRAIN_MS = 1000
/** The same, before what is left of a leash is killed. */
const LAST_WORDS_MS = 100
/** A broken connection is told a moment after the channels that it closes. */
const LOST_GRACE_MS = 300
const ABORTED = Symbol('aborted')
/** Without a reason Node makes an error with a trace, for each command. */
const OVER = 'over'

type End = ChannelExit | undefined

interface Output {
  readonly exited: Promise<void>
  isOver(): boolean
  start(): LeashStart | undefined
  result(): { readonly status: number | undefined; readonly stdout: string; readonly stderr: string }
}

function collectOutput(channel: CommandChannel, tag: string, { onStdout, onStderr, onStart, onExit }: LeashOptions): Output {
  const { promise: exited, resolve: exit } = Promise.withResolvers<void>()
  const stdout = createCollector(MAX_STDOUT_BYTES, 'head')
  const stderr = createCollector(MAX_STDERR_BYTES, 'tail')
  let start: LeashStart | undefined
  let status: number | undefined

  const frames = createFrameParser(tag, {
    onStart: (found) => {
      start = found
      onStart?.(found)
    },
    onOutput: onStdout ?? stdout.add,
    onExit: (found) => {
      status = found
      onExit?.()
      exit()
    },
  })
  const messages = createNoiseFilter(tag, (chunk) => {
    stderr.add(chunk)
    onStderr?.(chunk)
  })
  let isOver = false
  const end = (): void => {
    isOver = true
  }
  channel.exit.then(end, end)
  // Without a start on stderr nothing ran there, and what login files say is the only explanation.
  channel.stdout.on('data', frames.push).on('error', ignore).once('end', frames.end)
  channel.stderr.on('data', messages.push).on('error', ignore).once('end', messages.end)
  return {
    exited,
    isOver: () => isOver,
    start: () => start,
    result: () => ({ status, stdout: stdout.text(), stderr: stderr.text() }),
  }
}

/** Resolves when the channel is closed, or a while after the exit frame; rejects with HOST_LOST when there was none. */
async function waitForEnd(channel: CommandChannel, lost: AbortSignal, output: Output, done: AbortSignal): Promise<End> {
  const drained = output.exited.then(async () => await pause(DRAIN_MS, done)).then(() => undefined)
  const gone = whenAborted(lost, done).then(() => Promise.reject(lost.reason))
  try {
    return await Promise.race([channel.exit, drained, gone])
  } catch (error) {
    if (output.result().status !== undefined) return undefined
    throw error
  }
}

interface Ending {
  readonly tag: string
  readonly graceTenths: number
  readonly dialect: LeashDialect
  readonly done: AbortSignal
}

/** Asks, then kills, then kills over a channel of its own; a little more than 3 s at most with the default grace. */
async function endCommand(
  transport: CommandTransport,
  channel: CommandChannel,
  output: Output,
  ended: Promise<End>,
  { tag, graceTenths, dialect, done }: Ending,
): Promise<void> {
  const isOver = async (withinMs: number): Promise<boolean> =>
    await Promise.race([
      ended.then(
        () => true,
        () => true, // the host is lost: its leash acts alone
      ),
      pause(withinMs, done).then(() => false),
    ])
  say(channel, dialect.request, 'always')
  if (await isOver(graceTenths * 100 + (dialect.isReleased ? 600 : 0))) return
  channel.signal('KILL')
  if (await isOver(300)) return
  const start = output.start()
  if (start === undefined || dialect.killCommand === undefined) return
  const killed = transport
    .openCommand(dialect.killCommand(tag, start))
    .then(async (killer) => {
      for (const stream of [killer.stdout, killer.stderr]) stream.on('error', ignore).resume()
      killer.stdin.on('error', ignore).end()
      await killer.exit
    })
    .catch(ignore)
  // A leash that does not see to its own end looks once a second whether it is to.
  await (dialect.isReleased ? Promise.race([killed, isOver(600)]) : isOver(1500))
}

/** Why there is no exit status. */
function describeUnfinished(end: End, output: Output, hostName: string): EncodeError {
  const { stdout, stderr } = output.result()
  const how = end?.signal != null ? ` (signal ${end.signal})` : end?.status != null ? ` (status ${end.status})` : ''
  const said = toPlainLine(stderr.trim() === '' ? stdout : stderr)
  const what =
    output.start() === undefined ? `Host "${hostName}" did not start a command` : `A command on host "${hostName}" was ended from outside`
  return new EncodeError('COMMAND_FAILED', `${what}${how}${said === '' ? '' : `: ${said}`}`)
}

function letBegin(channel: CommandChannel, line: string, { isOver }: Output, onLeave: LeashOptions['onLeave']): void {
  if (isOver()) return
  onLeave?.()
  say(channel, line, 'always')
}

function beat(channel: CommandChannel, { heartbeat }: LeashDialect): void {
  if (heartbeat !== undefined) say(channel, heartbeat, 'in time')
}

/** A heartbeat that nobody takes is not queued up behind others: what is not read in time is as good as lost. */
function say(channel: CommandChannel, line: string, when: 'always' | 'in time'): void {
  if (line !== '' && channel.stdin.writable && (when === 'always' || !channel.stdin.writableNeedDrain)) channel.stdin.write(line)
}

async function whenAborted(signal: AbortSignal, done: AbortSignal): Promise<typeof ABORTED> {
  if (signal.aborted) return ABORTED
  return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(ABORTED), { once: true, signal: done }))
}

/** Resolves after `ms`, or when nobody waits any more. */
async function pause(ms: number, done: AbortSignal): Promise<void> {
  await systemClock.sleep(ms, done).catch(ignore)
}

function ignore(): void {}
