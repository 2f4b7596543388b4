/** How much of one channel is on its way: on lines under a clock of their own, and to a real OpenSSH server whose command takes nothing. */

import { EventEmitter } from 'node:events'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { ClientChannel } from 'ssh2'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { type ChannelFlow, watchChannelFlow } from '../../../src/host/ssh/channel-flow.ts'
import { openConnection } from '../../../src/host/ssh/connection.ts'
import { createConnectionPool } from '../../../src/host/ssh/connection-pool.ts'
import { loadSshSettings, toDestination } from '../../../src/host/ssh/ssh-settings.ts'
import { createUplink } from '../../../src/transfer/uplink/uplink.ts'
import { canStartHosts, startSshdHost } from '../../cluster/sshd-host.ts'
import { makeHostileKeys, startHostileServer } from '../../fixtures/hostile-server.ts'
import { waitUntil } from '../../wait-until.ts'
import { configOf, createHome, createTransport, toHostConfig } from './ssh-fixture.ts'

const KIB = 1024
const WIDEST_BYTES = 2048 * KIB
/** What is under way at least before anybody waits; see `channel-flow.ts`. */
const LEAST_BYTES = 256 * KIB
const STEP_MS = 5

describe('bytes under way on a line', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test.for([
    { bytesPerSecond: 1e6, roundTripMs: 2, pieceBytes: 64 * KIB },
    { bytesPerSecond: 5e6, roundTripMs: 10, pieceBytes: 64 * KIB },
    { bytesPerSecond: 12.5e6, roundTripMs: 40, pieceBytes: 256 * KIB },
    { bytesPerSecond: 2e6, roundTripMs: 300, pieceBytes: 512 * KIB },
  ])('are what $bytesPerSecond B/s carry in 0.1 s and two round trips of $roundTripMs ms, and keep it busy', async (line) => {
    const { bytesPerSecond, roundTripMs, pieceBytes } = line
    const { mostUnderWayBytes, carriedBytes, seconds } = await sendFor(10_000, line)
    const limit = Math.max(LEAST_BYTES, (bytesPerSecond / 1000) * (100 + 2 * roundTripMs))
    expect(mostUnderWayBytes).toBeGreaterThan(limit / 2)
    // What a step of the line adds to the rate, when it is measured, included.
    expect(mostUnderWayBytes).toBeLessThan(limit * 1.1 + pieceBytes)
    expect(carriedBytes / (bytesPerSecond * seconds)).toBeGreaterThan(0.97)
  })

  test('are all that the far side allows where the line carries more than that', async () => {
    const { mostUnderWayBytes, carriedBytes, seconds } = await sendFor(10_000, {
      bytesPerSecond: 100e6,
      roundTripMs: 1,
      pieceBytes: 1024 * KIB,
    })
    expect(mostUnderWayBytes).toBe(WIDEST_BYTES)
    expect(carriedBytes / (100e6 * seconds)).toBeGreaterThan(0.97)
  })

  test('are enough from the beginning: what a far line carries in the first second is what it can, but for the way there', async () => {
    const line = { bytesPerSecond: 12.5e6, roundTripMs: 40, pieceBytes: 256 * KIB }
    expect((await sendFor(1_000, line)).carriedBytes).toBeGreaterThan(12.5e6 * 0.95)
  })

  test.for([1024, 2048])(
    'go on to a far side that opens its window in steps of %i KiB, which are more than need be under way',
    async (stepKib) => {
      const line = { bytesPerSecond: 5e6, roundTripMs: 10, pieceBytes: 64 * KIB, stepBytes: stepKib * KIB }
      const { carriedBytes, mostUnderWayBytes, seconds } = await sendFor(20_000, line)
      // Once all of the window must have been taken, the line rests for a round trip each time, whoever sends.
      expect(carriedBytes / (5e6 * seconds)).toBeGreaterThan(stepKib === 1024 ? 0.9 : 0.15)
      expect(mostUnderWayBytes).toBeLessThan(stepKib * KIB + 2 * line.pieceBytes)
    },
  )

  interface Line {
    readonly bytesPerSecond: number
    readonly roundTripMs: number
    /** The window is opened once so many have arrived. */
    readonly stepBytes?: number
  }

  /** A channel whose window opens half a round trip after its bytes have arrived, which takes the other half behind the line's rate. */
  function openLine({ bytesPerSecond, roundTripMs, stepBytes = 1 }: Line) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
    const bytesPerStep = (bytesPerSecond / 1000) * STEP_MS
    const outgoing = { window: WIDEST_BYTES }
    const channel = Object.assign(new EventEmitter(), { outgoing, destroyed: false, writable: true })
    const connection = new EventEmitter()
    const flow = watchChannelFlow(channel as unknown as ClientChannel, { connection: connection as unknown as Duplex, wayMs: roundTripMs })
    let [queuedBytes, carriedBytes, mostUnderWayBytes, arrivedBytes] = [0, 0, 0, 0]
    const carrying = setInterval(() => {
      const bytes = Math.min(queuedBytes, bytesPerStep)
      queuedBytes -= bytes
      carriedBytes += bytes
      arrivedBytes += bytes
      if (arrivedBytes < stepBytes) return
      const opened = arrivedBytes
      arrivedBytes = 0
      setTimeout(() => {
        outgoing.window += opened
        connection.emit('data')
      }, roundTripMs)
    }, STEP_MS)

    /** As ssh2: what the window does not take waits for it. */
    async function write(bytes: number): Promise<void> {
      for (let left = bytes; left > 0; ) {
        const taken = Math.min(left, outgoing.window)
        outgoing.window -= taken
        queuedBytes += taken
        left -= taken
        mostUnderWayBytes = Math.max(mostUnderWayBytes, WIDEST_BYTES - outgoing.window)
        if (left > 0) await new Promise((resolve) => connection.once('data', resolve))
      }
    }

    return {
      carriedBytes: () => carriedBytes,
      mostUnderWayBytes: () => mostUnderWayBytes,
      async send(forMs: number, pieceBytes: number): Promise<void> {
        let isOver = false
        const sending = (async () => {
          while (!isOver) {
            await flow.room(pieceBytes, () => undefined)
            await write(pieceBytes)
          }
        })()
        await vi.advanceTimersByTimeAsync(forMs)
        isOver = true
        const carriedInTime = carriedBytes
        await vi.advanceTimersByTimeAsync(5_000)
        await sending
        clearInterval(carrying)
        carriedBytes = carriedInTime
      },
    }
  }

  async function sendFor(forMs: number, { pieceBytes, ...line }: Line & { readonly pieceBytes: number }) {
    const opened = openLine(line)
    await opened.send(forMs, pieceBytes)
    return { mostUnderWayBytes: opened.mostUnderWayBytes(), carriedBytes: opened.carriedBytes(), seconds: forMs / 1000 }
  }
})

test('a file under a limit goes whole to a server that opens its window when half of it was taken', async () => {
  await using keys = await makeHostileKeys()
  await using home = await createHome()
  let takenBytes = 0
  await using server = await startHostileServer(
    {
      command(channel) {
        channel.on('data', (chunk: Buffer) => {
          takenBytes += chunk.length
        })
        channel.on('end', () => {
          channel.exit(0)
          channel.end()
        })
      },
    },
    keys,
  )
  const knownHosts = await home.write('known_hosts', `${server.knownHost}\n`)
  const { address, port } = server
  const config = toHostConfig({ address, port, user: 'somebody', identityFile: keys.identityFile, knownHosts })
  await using transport = createTransport(home, config)
  await transport.connect()
  const bytes = Buffer.alloc(2_500_000)
  const source = await home.write('source', '')
  await writeFile(source, bytes)
  const limited = { host: 'lazy', hostBytesPerSecond: 4e6, direction: 'to-host', neededAtMs: () => 0 } as const
  const turn = createUplink({ bytesPerSecond: undefined, clock: systemClock }).take(limited)
  expect(turn.pieceBytes()).toBeLessThan(LEAST_BYTES)
  await transport.putBytes('cat >there', source, { turn, stallMs: 8_000 })
  expect(takenBytes).toBe(bytes.length)
})

describe.runIf(canStartHosts)('bytes under way to a host', () => {
  test('are few while its command takes none, and go on when it does, which is told', async () => {
    await using home = await createHome()
    await using host = await startSshdHost({ name: 'idle' })
    const settings = await loadSshSettings(toDestination(configOf(host)), { sshProgram: undefined, env: {}, homeFolder: home.folder })
    const around = { sshProgram: undefined, env: {}, homeFolder: home.folder }
    const pool = createConnectionPool((signal) => openConnection(settings, { around, prompt: undefined, keepaliveSeconds: 5 }, signal))
    await using _ = { [Symbol.asyncDispose]: () => pool.end() }
    const go = join(host.workingFolder, 'go')
    const { channel, flow, exit } = await pool.openSession('bulk', `mkfifo '${go}'; read -r word <'${go}'; cat >/dev/null`)
    for (const output of [channel, channel.stderr]) output.resume()
    const stalls: boolean[] = []
    let sentBeforeStall: number | undefined
    const [wholeBytes, piece] = [8 * 1024 * KIB, Buffer.alloc(64 * KIB)]
    let sentBytes = 0
    const sending = sendAll()
    await waitUntil(() => stalls.includes(true), { what: 'nothing more is taken' })
    // What is in the pipe and the buffers of the server has been taken.
    expect(sentBeforeStall).toBeLessThan(LEAST_BYTES + 512 * KIB)
    await appendFile(go, 'go\n')
    await sending
    expect(stalls.at(-1)).toBe(false)
    channel.end()
    expect(await exit).toMatchObject({ status: 0 })

    async function sendAll(): Promise<void> {
      while (sentBytes < wholeBytes) {
        await sendPiece(flow)
        sentBytes += piece.length
      }
    }

    async function sendPiece({ room }: ChannelFlow): Promise<void> {
      await room(piece.length, (isStalled) => {
        stalls.push(isStalled)
        if (isStalled) sentBeforeStall ??= sentBytes
      })
      await new Promise<void>((resolve, reject) => channel.write(piece, (error) => (error ? reject(error) : resolve())))
    }
  })
})
