/** Limits on real connections: what a turn lets through is what arrives, on either way. */

import { createHash, randomBytes } from 'node:crypto'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createHost } from '../../../src/host/create-host.ts'
import type { Host } from '../../../src/host/host.ts'
import type { Turn } from '../../../src/host/turn.ts'
import { createUplink, type Trip } from '../../../src/transfer/uplink/uplink.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { startQuietClock } from '../../quiet-clock.ts'
import { waitUntil } from '../../wait-until.ts'
import { configOf, createHome, createTransport, type TestHome } from './ssh-fixture.ts'

const SIZE_BYTES = 3_000_001

describe.skipIf(!canStartHosts)('transfers that take turns', () => {
  let home: TestHome
  let server: SshdHost
  let host: Host
  let bytes: Buffer
  beforeAll(async () => {
    home = await createHome()
    server = await startSshdHost({ name: 'limited' })
    host = createHost({
      config: configOf(server, { workingDir: server.workingFolder }),
      sshProgram: undefined,
      env: { PATH: process.env.PATH },
      homeFolder: home.folder,
      clientFromBytes: 0,
      clientFromBusyRatio: 0,
    })
    await host.open()
    bytes = randomBytes(SIZE_BYTES)
    await writeFile(here('source'), bytes)
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await server.stop()
    await home[Symbol.asyncDispose]()
  })
  const here = (name: string): string => join(home.folder, name)
  const there = (name: string): string => join(server.workingFolder, name)
  const trip = (parts: Partial<Trip> = {}): Trip => ({
    host: 'limited',
    hostBytesPerSecond: undefined,
    direction: 'to-host',
    neededAtMs: () => 0,
    ...parts,
  })

  test('move no faster than the limit and hardly slower, up and down and both at a time', async () => {
    const limit = 4e6
    const uplink = createUplink({ bytesPerSecond: limit, clock: systemClock })
    await writeFile(there('down'), bytes)
    const [startedAt, quietMs] = [performance.now(), startQuietClock()]
    await Promise.all([
      host.putFile(here('source'), there('up'), { turn: uplink.take(trip()) }),
      host.getFile(there('down'), here('down'), { turn: uplink.take(trip({ direction: 'from-host' })) }),
    ])
    const [tookMs, tookQuietMs] = [performance.now() - startedAt, quietMs()]
    expect(tookMs / 1000).toBeGreaterThan((2 * SIZE_BYTES) / limit / 1.2)
    expect(tookQuietMs / 1000).toBeLessThan((2 * SIZE_BYTES) / limit + 1.5)
    for (const file of [there('up'), here('down')]) expect(digest(await readFile(file))).toBe(digest(bytes))
  })

  test('ask a host for no more than what may come, also behind what is there already', async () => {
    const limit = 500e3
    const turn = createUplink({ bytesPerSecond: undefined, clock: systemClock }).take(
      trip({ direction: 'from-host', hostBytesPerSecond: limit }),
    )
    const [offset, abort] = [SIZE_BYTES - 200_000, new AbortController()]
    await writeFile(there('long'), bytes)
    await writeFile(here('rest'), bytes.subarray(0, offset))
    const startedAt = performance.now()
    await host.getFile(there('long'), here('rest'), { turn, offset, isResumable: true })
    expect(performance.now() - startedAt).toBeGreaterThan(150)
    expect(digest(await readFile(here('rest')))).toBe(digest(bytes))

    const before = await readSentBytes(server)
    const get = host.getFile(there('long'), here('long'), {
      turn,
      signal: abort.signal,
      onBytes: (moved) => moved >= 200e3 && abort.abort(new Error('enough')),
    })
    await expect(get).rejects.toThrow('enough')
    // A channel that is only not read would have let two megabytes come.
    expect((await readSentBytes(server)) - before).toBeLessThan(700e3)
  })

  test("stand still for others, though the system's ssh moves the bytes, and are not taken for stalled", async () => {
    const source = await open(here('endless'), 'w')
    await source.truncate(4e9)
    await source.close()
    await using transport = createTransport(home, configOf(server), { clientFromBytes: 0, clientFromBusyRatio: 0 })
    await transport.connect()
    const [abort, stallMs] = [new AbortController(), 400]
    let moved = 0
    let onHold: ((isHeld: boolean) => void) | undefined
    const turn: Turn = {
      isMetered: false,
      pieceBytes: () => 65_536,
      take: async () => undefined,
      count(bytes) {
        moved += bytes
      },
      watch(listener) {
        onHold = listener
        return { [Symbol.dispose]: () => undefined }
      },
      stall: () => undefined,
      rest: () => undefined,
    }
    const direct = { commandLine: 'echo begun >&2; cat >/dev/null', mark: 'begun', endCommandLine: 'true' }
    const put = transport.putBytes('cat >/dev/null', here('endless'), { turn, direct, stallMs, signal: abort.signal })
    put.catch(() => undefined)
    await waitUntil(() => moved > 0, { what: 'bytes move' })
    onHold?.(true)
    const client = async () => (await findClients(server.identityFile)).map(({ state }) => state)
    await waitUntil(async () => (await client()).includes('T'), { what: 'the client stands still' })
    const [heldAt, heldMs] = [performance.now(), stallMs * 2]
    const before = moved
    await waitUntil(() => performance.now() - heldAt > heldMs, { what: 'it would have stalled' })
    // What was counted late.
    expect(moved - before).toBeLessThan(50e6)
    const still = moved
    onHold?.(false)
    await waitUntil(() => moved > still, { what: 'bytes move again' })
    onHold?.(true)
    abort.abort(new Error('enough'))
    await expect(put).rejects.toThrow('enough')
    expect(await client()).toEqual([])
  })
})

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What processes of this machine were given the key: those of the client. */
async function findClients(identityFile: string): Promise<readonly { readonly state: string | undefined }[]> {
  const found: { readonly state: string | undefined }[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const [args, status] = await Promise.all(['cmdline', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')))
    if (args?.split('\0').includes(`IdentityFile=${identityFile}`)) found.push({ state: /^State:\s+(\w)/m.exec(status ?? '')?.[1] })
  }
  return found
}

/** What the host's servers have handed to the network since they began, those that have ended left out. */
async function readSentBytes(server: SshdHost): Promise<number> {
  let sent = 0
  for (const { pid } of (await server.processes()).filter(({ args }) => args.startsWith('sshd: '))) {
    const io = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '')
    sent += Number(/^wchar: (\d+)$/m.exec(io)?.[1] ?? 0)
  }
  return sent
}
