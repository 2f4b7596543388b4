/**
 * A host that is not there: speaks the protocol of leash and guard as a real one does over SSH, with nothing behind it but files of this
 * machine, timers and recorded commands (`recorded-commands.ts`). All of the controller that a real host would keep busy is kept busy: channels, frames, heartbeats, guards.
 */

import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { EncodeError } from '../src/core/errors.ts'
import { createLineSplitter } from '../src/core/lines.ts'
import type { ChannelExit, CommandChannel, CommandTransport } from '../src/host/channel.ts'
import type { Recorder } from './recorded-commands.ts'

export interface SimulatedHost {
  readonly name: string
  readonly workingDir: string
  readonly commands: Recorder
  readonly encodeMs: number
  /** Reports of progress an encode. */
  readonly reports: number
  /** No encode ends before that. */
  readonly mayEncode?: Promise<void> | undefined
  /** Asked before each encode. */
  readonly nextFault: () => 'none' | 'fails' | 'lost'
}

export function createSimulatedTransport(host: SimulatedHost): CommandTransport {
  const lost = new AbortController()
  const open = new Set<SimulatedChannel>()

  function breakConnection(why: string): void {
    const reason = new EncodeError('HOST_LOST', why)
    lost.abort(reason)
    for (const channel of open) channel.breakOff(reason)
  }

  return {
    lost: lost.signal,
    connect: async (signal) => signal?.throwIfAborted(),
    async openCommand(commandLine, signal) {
      signal?.throwIfAborted()
      lost.signal.throwIfAborted()
      const words = splitWords(commandLine)
      const [script = '', tag = '', ...rest] = words.slice(words.indexOf('-c') + 1)
      const channel = createChannel(() => open.delete(channel))
      open.add(channel)
      if (script.includes('@kept')) standGuard(channel, tag)
      else if (script.includes('ls -ldnL')) tellOfFiles(channel, tag, host.commands)
      else if (script.includes('@exit')) holdLeash(channel, tag, rest, () => breakConnection(`Host "${host.name}" was unplugged`))
      else channel.end(0)
      return channel
    },
    async [Symbol.asyncDispose]() {
      breakConnection(`Host "${host.name}" was closed`)
    },
  }

  function holdLeash(channel: SimulatedChannel, tag: string, parameters: readonly string[], unplug: () => void): void {
    const argv = toArgv(parameters)
    let timer: NodeJS.Timeout | undefined
    const exit = (status: number): void => {
      clearTimeout(timer)
      channel.stdout.write(`${tag}@exit ${status}\n`)
      channel.end(status)
    }
    const waits = parameters[2]?.includes('g') === true
    channel.onLine((line) => {
      if (line.startsWith('t')) exit(143)
      if (line === 'g' && waits) begin()
    })
    channel.onGone(() => clearTimeout(timer))
    if (!waits) begin()

    function begin(): void {
      channel.stdout.write(`${tag}@start 4711 4710 group\n`)
      channel.stderr.write(`${tag}@start\n`)
      if (argv.includes('encode-facts')) {
        channel.stdout.write(describe(host))
        exit(0)
      } else if (!argv.includes('-progress') || argv.at(-1) === '-') {
        // A trial of an encoder reports, too, and makes no file.
        void host.commands.run(argv).then(({ status, stdout, stderr }) => {
          channel.stdout.write(stdout)
          channel.stderr.write(stderr)
          exit(status)
        })
      } else void encode()
    }

    /** Takes its time, and reports the same again and again until it ends. */
    async function encode(): Promise<void> {
      const fault = host.nextFault()
      const { status, stdout, stderr } = await host.commands.encode(argv)
      await host.mayEncode
      const reports = stdout.split(/(?<=^progress=.*\n)/m)
      for (let told = 1; told < host.reports; told += 1) {
        await new Promise((resolve) => {
          timer = setTimeout(resolve, host.encodeMs / host.reports)
        })
        channel.stdout.write((reports[0] ?? '').replace('progress=end', 'progress=continue'))
      }
      channel.stdout.write(reports.at(-1) ?? '')
      channel.stderr.write(fault === 'fails' ? 'Error while filtering: Cannot allocate memory\n' : stderr)
      if (fault === 'lost') unplug()
      else exit(fault === 'fails' ? 1 : status)
    }
  }
}

interface SimulatedChannel extends CommandChannel {
  readonly stdout: PassThrough
  readonly stderr: PassThrough
  onLine(take: (line: string) => void): void
  onGone(take: () => void): void
  end(status: number): void
  breakOff(reason: Error): void
}

function createChannel(onEnd: () => void): SimulatedChannel {
  const { promise: exit, resolve, reject } = Promise.withResolvers<ChannelExit>()
  // A command that nobody waits for any more may lose its connection.
  exit.catch(() => {})
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let whenGone = (): void => {}
  let isOver = false

  function close(settle: () => void): void {
    if (isOver) return
    isOver = true
    onEnd()
    whenGone()
    settle()
  }

  return {
    stdin,
    stdout,
    stderr,
    exit,
    onLine(take) {
      const lines = createLineSplitter(take)
      stdin.on('data', (chunk: Buffer) => lines.push(chunk))
    },
    onGone(take) {
      whenGone = take
      stdin.once('end', () => close(() => resolve({ status: 143, signal: null })))
    },
    end(status) {
      stdout.end()
      stderr.end()
      close(() => void Promise.all([once(stdout, 'close'), once(stderr, 'close')]).then(() => resolve({ status, signal: null })))
    },
    breakOff: (reason) => close(() => reject(reason)),
    signal: () => close(() => resolve({ status: null, signal: 'KILL' })),
    destroy() {
      for (const stream of [stdin, stdout, stderr]) stream.destroy()
      close(() => resolve({ status: null, signal: null }))
    },
  }
}

function standGuard(channel: SimulatedChannel, tag: string): void {
  channel.onLine((line) => {
    if (line.startsWith('a ')) channel.stdout.write(`${tag}@kept\n`)
    else if (line === 'q') channel.end(0)
  })
}

function tellOfFiles(channel: SimulatedChannel, tag: string, commands: Recorder): void {
  channel.onLine((line) => {
    const [, number, name = ''] = /^s (\d+) (.*)$/.exec(line) ?? []
    if (number === undefined) return
    void commands.run(['ls', '-ldnL', '--', name]).then(({ stdout }) => {
      const [mode = '?', , , , size = ''] = stdout.split(/\s+/)
      channel.stdout.write(`${tag}@${number} ${size === '' ? '?' : mode} ${size}\n`)
    })
  })
}

/** What the script that looks at a host prints. */
function describe({ workingDir }: SimulatedHost): string {
  const values = [
    'os=Linux',
    'arch=x86_64',
    'cores=8',
    'memory_kb=16777216',
    'ffmpeg=/usr/bin/ffmpeg',
    'version=ffmpeg version 7.1 Copyright',
  ]
  const encoders = ['V....D libx264', 'V....D libx265', 'V....D libsvtav1', 'A....D aac', 'A....D libopus'].map(
    (line) => ` ${line}  an encoder`,
  )
  return `${[...values, 'ffprobe=/usr/bin/ffprobe', `folder=${workingDir}`, 'encoders:', ...encoders, 'hwaccels:', 'end:'].join('\n')}\n`
}

/** What stands behind the leash's own five parameters, and as many settings of environment as the fifth says; the third says by a `b` that all is escaped for `printf %b`. */
function toArgv([, , flags = '', , exported, ...carried]: readonly string[]): readonly string[] {
  const words = carried.slice(Number(exported))
  if (!flags.includes('b')) return words
  const plain: Readonly<Record<string, string>> = { n: '\n', r: '\r' }
  return words.map((word) => word.replace(/\\(.)/g, (_, letter: string) => plain[letter] ?? letter))
}

/** A command line back into its words: single quotes, and characters behind a backslash outside of them. */
function splitWords(commandLine: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [part, quoted, escaped, plain] of commandLine.matchAll(/'([^']*)'|\\(.)|([^\s'\\]+)|\s+/g)) {
    const text = quoted ?? escaped ?? plain
    if (text !== undefined) word = (word ?? '') + text
    else if (part !== '' && word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  return word === undefined ? words : [...words, word]
}
