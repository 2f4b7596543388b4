/** Hosts whose shell is somebody who means ill: whatever is asked, the answer is made to hurt. */

import { randomUUID } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerChannel } from 'ssh2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { createHost } from '../../../src/host/create-host.ts'
import type { Host } from '../../../src/host/host.ts'
import type { LeashTiming } from '../../../src/host/shell/run-on-leash.ts'
import { type HostileKeys, makeHostileKeys, pourOut, startHostileServer } from '../../fixtures/hostile-server.ts'
import { createHome, type TestHome, toHostConfig } from './ssh-fixture.ts'

/** What hosts of these tests are waited for. */
const ANSWER_MS = 1000
const TIMING: LeashTiming = { heartbeatEveryMs: 500, heartbeatLimitSeconds: 5, graceTenths: 2 }
const MIB = 1024 * 1024
/** Escape sequences, NUL, CSI as one byte and as UTF-8, bytes that are no text, a mark that turns text round. */
const POISON = Buffer.from('\u001b[2J\u001b]0;owned\u0007\0\u009b31m\u202etxt.exe')
const NO_TEXT = Buffer.concat([POISON, Buffer.of(0xff, 0xfe, 0xc0, 0x80, 0x9b)])
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not get out
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/

/** What a hostile shell does with a command. */
type Answer = (channel: ServerChannel, tag: string, commandLine: string) => void

let mostBytes = 0
let bytesBefore = 0

describe.concurrent('a host that means ill', () => {
  let keys: HostileKeys
  let home: TestHome
  beforeAll(async () => {
    // The first connection loads it, and here there is a second for each.
    await import('../../../src/host/ssh/connection.ts')
    keys = await makeHostileKeys()
    home = await createHome()
    bytesBefore = process.memoryUsage().rss
    const timer = setInterval(() => {
      mostBytes = Math.max(mostBytes, process.memoryUsage().rss)
    }, 20)
    return () => clearInterval(timer)
  })
  afterAll(async () => {
    await keys[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  /** A host of which each command is answered by the first of the answers whose key occurs in the command line. */
  async function withHost<T>(answers: Readonly<Record<string, Answer>>, use: (host: Host) => Promise<T>): Promise<T> {
    await using server = await startHostileServer(
      {
        command(channel, commandLine) {
          const tag = /encode-[0-9a-f]{24}(?:-bulk-[0-9a-f]{16})?/.exec(commandLine)?.[0] ?? ''
          const key = Object.keys(answers).find((part) => commandLine.includes(part))
          channel.resume()
          if (key === undefined) throw new Error(`Nobody answers ${commandLine}`)
          answers[key]?.(channel, tag, commandLine)
        },
      },
      keys,
    )
    const knownHosts = await home.write(`known_hosts.${server.port}`, `${server.knownHost}\n`)
    const { address, port } = server
    const config = toHostConfig({ name: 'evil', address, port, user: 'nobody', identityFile: keys.identityFile, knownHosts })
    const host = createHost({
      config,
      sshProgram: undefined,
      env: { PATH: process.env.PATH },
      homeFolder: home.folder,
      answerMs: ANSWER_MS,
      timing: TIMING,
    })
    try {
      return await use(host)
    } finally {
      await host[Symbol.asyncDispose]()
    }
  }

  const opens = (answer: Answer): Promise<unknown> => withHost({ '': answer }, (host) => host.open())
  const asks = (answer: Answer): Promise<unknown> => withHost({ '': answer }, (host) => host.statFile('/var/encode/film.mkv'))

  test.each<[string, Answer, RegExp]>([
    ['says nothing', () => undefined, /did not say what it is within 1 s/],
    ['says one byte a second', drip, /did not say what it is within 1 s/],
    ['never ends a line', (channel) => pourOut(channel, () => 'a'.repeat(65_536)), /did not say what it is within 1 s/],
    ['never ends its lines', (channel) => pourOut(channel, () => POISON.toString().repeat(999)), /did not say what it is within 1 s/],
    ['never ends its complaints', (channel) => pourOut(channel.stderr, () => 'a'.repeat(65_536)), /did not say what it is within 1 s/],
    [
      'goes on for ever after a proper beginning',
      (channel, tag) => {
        channel.write(`${tag}@start 1 1 pid\n`)
        pourOut(channel, () => `cores=${'9'.repeat(65_536)}\n`)
      },
      /did not say what it is within 1 s/,
    ],
    ['ends before it has begun', (channel, tag) => finish(channel, `${tag}@exit 0\n${tag}@start 1 1 pid\n`), /gives no shell|did not/],
    [
      'says each byte in a packet of its own',
      (channel, tag) => {
        channel.write(`${tag}@start 1 1 pid\n`)
        pourOut(channel, () => 'a')
      },
      /did not say what it is/,
    ],
    ['begins again and again', (channel, tag) => pourOut(channel, () => `${tag}@start 1 1 pid\n`.repeat(500)), /did not say what it is/],
    [
      'says an exit status that none can be',
      (channel, tag) => finish(channel, frame(tag, '', '99999')),
      /gives no shell|cannot run|does not answer like a POSIX system/,
    ],
    ['answers in no text', (channel, tag) => finish(channel, Buffer.concat([Buffer.from(`${tag}@start 1 1 pid\n`), NO_TEXT])), /evil/],
  ])('that %s when it is asked what it is, is not used, in time and in plain words', async (_, answer, reason) => {
    const began = performance.now()
    const error = await opens(answer).catch((caught: unknown) => caught)
    expect(isEncodeError(error) && error.message).toMatch(reason)
    expect(isEncodeError(error) && `${error.message}${error.hint}`).not.toMatch(UNSAFE)
    // Its patience, once more for the question which shell it is, and the time to end a command that does not want to.
    expect(performance.now() - began).toBeLessThan(ANSWER_MS + 6000)
  })

  test('can say of itself nothing that is no word, no name or no number', async () => {
    const facts = [
      `os=Linux`,
      `arch=${POISON}x86_64`,
      `cores=${'9'.repeat(400)}`,
      'memory_kb=-5',
      `home=/root`,
      `ffmpeg=/usr/bin/${POISON}ffmpeg`,
      `version=ffmpeg version ${POISON}5${'.1'.repeat(5000)} Copyright`,
      'ffprobe=',
      'folder=/work',
      `df=x ${'9'.repeat(30)} 0 ${'9'.repeat(30)} 0% /`,
      'encoders:',
      ` V....D ${POISON}libx264  x (codec ${POISON})`,
      ' V....D libx264  H.264 (codec h264)',
      ` V....D ${'a'.repeat(100_000)}  x`,
      ...Array.from({ length: 10_000 }, (_, index) => ` V....D e${index}  x`),
      'hwaccels:',
      `${POISON}`,
      'end:',
    ]
    const found = await withHost({ '': (channel, tag) => finish(channel, frame(tag, `${facts.join('\n')}\n`, '0')) }, (host) => host.open())
    expect(found).toMatchObject({ cores: 1, memoryBytes: undefined, freeBytes: undefined, hwaccels: [], codecs: ['h264'] })
    expect(found.encoders.length).toBeLessThanOrEqual(2000)
    expect(found.encoders).toContain('libx264')
    expect([found.arch, found.ffmpegVersion, ...found.encoders].filter((word) => UNSAFE.test(word) || word.length > 80)).toEqual([])
  })

  test.each<[string, Answer]>([
    ['nothing', () => undefined],
    [
      'no end',
      (channel, tag) => {
        channel.write(`${tag}@start 1 1 pid\n`)
        pourOut(channel, () => 'a'.repeat(65_536))
      },
    ],
    [
      'a complaint full of escapes',
      (channel, tag) => {
        channel.stderr.write(Buffer.concat([Buffer.from(`${tag}@start\n`), NO_TEXT]))
        finish(channel, frame(tag, '', '1'))
      },
    ],
    ['a negative size', (channel, tag) => finish(channel, frame(tag, listing('-5'), '0'))],
    ['no number', (channel, tag) => finish(channel, frame(tag, listing(POISON.toString()), '0'))],
  ])('that answers a question about a file with %s is told of in plain words', async (_, answer) => {
    const began = performance.now()
    const error = await asks(answer).catch((caught: unknown) => caught)
    expect(isEncodeError(error, 'COMMAND_FAILED') && error.message).toMatch(/Host "evil" (?:did not answer|cannot look|lists)/)
    expect(isEncodeError(error) && error.message).not.toMatch(UNSAFE)
    // Asked twice: over the shell that stands by, and by a command of its own.
    expect(performance.now() - began).toBeLessThan(2 * ANSWER_MS + 5000)
  })

  describe('and sends a result', () => {
    const guard: Answer = (channel, tag) =>
      void channel.on('data', (line: Buffer) => /^a /m.test(`${line}`) && channel.write(`${tag}@kept\n`))
    const sized =
      (size: string): Answer =>
      (channel, tag) =>
        finish(channel, frame(tag, listing(size), '0'))
    const fetch = async (size: string, send: Answer): Promise<unknown> => {
      const here = join(home.folder, `${randomUUID()}.mkv`)
      try {
        return await withHost({ 'ls -ldn': sized(size), '@data': send, '@kept': guard }, (host) => host.getFile('/var/encode/a.mkv', here))
      } finally {
        // What came of it is for the job to throw away.
        const { size: bytes } = await stat(here).catch(() => ({ size: 0 }))
        await rm(here, { force: true })
        expect(bytes).toBeLessThanOrEqual(1000)
      }
    }

    test.each<[string, string, Answer, RegExp]>([
      ['of 1 EB', '1000000000000000000', () => undefined, /has room for/],
      ['of more bytes than there are numbers', '9'.repeat(400), () => undefined, /has room for/],
      [
        'without end, of a few bytes as it said',
        '1000',
        (channel, tag) => {
          channel.write(`${tag}@data\n`)
          pourOut(channel, () => Buffer.alloc(65_536))
        },
        /more than the 1000 B that it said/,
      ],
      ['that never begins, behind noise without end', '1000', (channel) => pourOut(channel, () => 'a'.repeat(65_536)), /something else/],
      ['that is shorter than it said', '1000', (channel, tag) => finish(channel, `${tag}@data\nshort`), /Of the 1000 B of .* 5 B/],
      [
        'that is as long as it said, and a status that says it failed',
        '5',
        (channel, tag) => {
          channel.write(`${tag}@data\nwhole`)
          channel.stderr.write(NO_TEXT)
          channel.exit(3)
          channel.end()
        },
        /ended with status 3/,
      ],
    ])('%s, is refused, and fills no disk', async (_, size, send, reason) => {
      const error = await fetch(size, send).catch((caught: unknown) => caught)
      expect(isEncodeError(error, 'TRANSFER_FAILED') && error.message).toMatch(reason)
      expect(isEncodeError(error) && error.message).not.toMatch(UNSAFE)
    })

    test('faster than it may, loses its connection before the memory here is full', async () => {
      const error = await withHost(
        {
          '@start': (channel, tag) => {
            // As if the client had allowed any number of bytes.
            ;(channel as unknown as { outgoing: { window: number } }).outgoing.window = Number.MAX_SAFE_INTEGER
            channel.write(`${tag}@start 1 1 pid\n`)
            pourOut(channel, () => Buffer.alloc(65_536))
          },
        },
        async (host) => {
          await host.open()
        },
      ).catch((caught: unknown) => caught)
      expect(isEncodeError(error)).toBe(true)
    })
  })

  test.each<[string, Answer]>([
    ['never answers', () => undefined],
    ['answers before it is asked, twice, and never again', (channel, tag) => void channel.write(`${tag}@kept\n`.repeat(2))],
    ['pours out noise', (channel) => pourOut(channel, () => 'a'.repeat(65_536))],
    ['ends at once', (channel) => finish(channel, '')],
  ])('whose guard %s, gets no file to hold, and holds up nobody', async (_, answer) => {
    const began = performance.now()
    const source = await home.write('source', 'film')
    const put = withHost({ '@kept': answer, '': () => undefined }, async (host) => {
      await host.guardFile('/var/encode/film.mkv')
      await host.putFile(source, '/var/encode/film.mkv', { signal: AbortSignal.timeout(ANSWER_MS) })
    })
    await expect(put).rejects.toSatisfy((error: unknown) => isEncodeError(error) || (error as Error).name === 'TimeoutError')
    expect(performance.now() - began).toBeLessThan(3 * ANSWER_MS + 6000)
  })
})

test('all of that together takes little memory here', () => {
  expect(mostBytes - bytesBefore).toBeLessThan(400 * MIB)
})

function frame(tag: string, output: string, status: string): string {
  return `${tag}@start 1 1 pid\n${output}${tag}@exit ${status}\n`
}

function listing(size: string): string {
  return `-rw------- 1 0 0 ${size} Nov 21 12:00 /var/encode/film.mkv\n`
}

function finish(channel: ServerChannel, output: string | Buffer): void {
  channel.write(output)
  channel.exit(0)
  channel.end()
}

function drip(channel: ServerChannel): void {
  const timer = setInterval(() => channel.write('o'), 1000)
  channel.once('close', () => clearInterval(timer))
}
