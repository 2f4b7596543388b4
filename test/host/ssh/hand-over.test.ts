/** Transfers that begin over one connection and go on over another: whatever breaks in between, every byte comes once. */

import { randomBytes } from 'node:crypto'
import { appendFile, chmod, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CreateHostOptions, createHost } from '../../../src/host/create-host.ts'
import type { Host, TransferOptions } from '../../../src/host/host.ts'
import { TransferCut } from '../../../src/host/transfer-cut.ts'
import { type Errand, receiveResumed, sendResumed } from '../../../src/transfer/resume-transfer.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { waitUntil } from '../../wait-until.ts'
import { type Door, openDoor } from './door.ts'
import { createSlowTurn } from './slow-turn.ts'
import { configOf, createHome, type TestHome } from './ssh-fixture.ts'

/** More than a client moves before it can be told to stand still. */
const SIZE_BYTES = 40_000_001
const WAYS = ['there', 'back'] as const
/** A client as users start theirs by scripts, which also keeps what it has said by the time that it is heard. */
const SCRIPT = `#!/bin/sh
exec 3>&1
{ ssh "$@" 2>&1 >&3 3>&-; echo $? >"$0.status"; } | tee -a "$0.heard" >&2
exit "$(cat "$0.status")"
`

describe.skipIf(!canStartHosts).each(WAYS)('a large file on its way %s', (way) => {
  let home: TestHome
  let server: SshdHost
  let bytes: Buffer
  let door: Door
  let host: Host
  let sshProgram: string
  const notes: string[] = []
  beforeAll(async () => {
    home = await createHome()
    server = await startSshdHost({ name: 'handover' })
    bytes = randomBytes(SIZE_BYTES)
    await writeFile(here('source'), bytes)
    await writeFile(there('source'), bytes)
    door = await openDoor(server, { mostConnections: 50 })
    sshProgram = await home.write('ssh-script', SCRIPT)
    await chmod(sshProgram, 0o755)
    host = createHost(options())
    await host.open()
    // Both connections of ssh2 for bytes stand then.
    await writeFile(here('little'), 'little')
    await host.putFile(here('little'), there('little'))
    await host.getFile(there('little'), here('little back'))
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await door[Symbol.asyncDispose]()
    await server.stop()
    await home[Symbol.asyncDispose]()
  })
  afterEach(async () => {
    expect(await findClients(server.identityFile)).toEqual([])
    const isTransfer = ({ args }: { args: string }): boolean => args.includes('-bulk-') || /^(cat|tail|dd)\b/.test(args)
    await waitUntil(async () => !(await server.processes()).some(isTransfer), { what: 'no transfer runs there' })
    for (const file of [here('arrived'), there('arrived'), there('arrived.part')]) await rm(file, { force: true })
  })
  const options = (): CreateHostOptions => ({
    config: configOf({ ...server, ...door }, { workingDir: server.workingFolder, checksum: true }),
    sshProgram,
    env: { PATH: process.env.PATH },
    homeFolder: home.folder,
    clientFromBytes: 1_000_000,
    clientFromBusyRatio: 0,
    onNote: (note) => notes.push(note),
  })
  const here = (name: string): string => join(home.folder, name)
  const there = (name: string): string => join(server.workingFolder, name)
  const arrived = (): string => (way === 'there' ? there('arrived') : here('arrived'))
  const move = async (options: TransferOptions): Promise<void> =>
    way === 'there' ? await host.putFile(here('source'), arrived(), options) : await host.getFile(there('source'), arrived(), options)
  /** As `move`, and goes on where a connection broke. */
  const moveResumed = async (options: TransferOptions, onTry: (offset: number) => void): Promise<void> => {
    const watched: Errand['host'] = {
      mark: host.mark,
      adoptFile: host.adoptFile,
      statFile: host.statFile,
      removeFiles: host.removeFiles,
      async putFile(from, to, how) {
        onTry(how?.offset ?? 0)
        await host.putFile(from, to, how)
      },
      async getFile(from, to, how) {
        onTry(how?.offset ?? 0)
        await host.getFile(from, to, how)
      },
    }
    const errand: Errand = { host: watched, path: there, note: async () => undefined, regain: async () => false }
    const all = { ...options, signal: new AbortController().signal }
    if (way === 'there') return await sendResumed(errand, { name: 'arrived', controllerPath: here('source'), options: all })
    await receiveResumed(errand, { name: 'source', controllerPath: arrived(), options: all })
  }
  const expectArrived = async (): Promise<void> => expect((await readFile(arrived())).equals(bytes)).toBe(true)

  test('begins over the connection that stands, behind what has arrived already, and ends over another, counted on and whole', async () => {
    const turn = createSlowTurn()
    const offset = 1_000_003
    const counts: number[] = []
    await writeFile(way === 'there' ? `${arrived()}.part` : arrived(), bytes.subarray(0, offset))
    await move({ turn, offset, onBytes: (moved) => counts.push(moved) })
    await expectArrived()
    expect(turn.countedBytes()).toBeGreaterThan(0)
    expect(turn.countedBytes()).toBeLessThan(SIZE_BYTES - offset)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
    expect(counts.at(-1)).toBe(SIZE_BYTES)
    expect(notes).toEqual([])
  })

  test('is gone on with when the other connection breaks behind the beginning', async () => {
    const turn = createSlowTurn({ holds: true })
    const stood = door.letIn()
    const tries: number[] = []
    const moving = moveResumed({ turn }, (offset) => tries.push(offset))
    await turn.handedOver
    door.cut(stood)
    turn.hurry()
    await moving
    await expectArrived()
    expect(tries).toEqual([0, expect.any(Number)])
    expect(tries[1]).toBeGreaterThan(0)
  })

  test('is gone on with when the other connection broke while it stood', async () => {
    const turn = createSlowTurn()
    const tries: number[] = []
    const stood = door.letIn()
    await rm(`${sshProgram}.heard`, { force: true })
    // As one that waits for its turn: nothing moves, and the client stands.
    const standing = Promise.withResolvers<void>()
    const take = async (): Promise<void> => await standing.promise
    const moving = moveResumed({ turn: { ...turn, take } }, (offset) => tries.push(offset))
    await waitUntil(async () => /encode-stands-|@data/.test(await readFile(`${sshProgram}.heard`, 'utf8').catch(() => '')), {
      what: 'the client stands',
    })
    door.cut(stood)
    standing.resolve()
    turn.hurry()
    await moving
    await expectArrived()
    expect(notes).toEqual([])
  })

  test('is lost with the connection that it began on, and leaves what has arrived to go on with', async () => {
    // One that is still on its way to the host: from one that stands, the rest would come.
    await writeFile(sshProgram, '#!/bin/sh\nexec sleep 600\n')
    await using restored = new AsyncDisposableStack()
    restored.defer(() => writeFile(sshProgram, SCRIPT))
    const turn = createSlowTurn()
    const moving = move({ turn, isResumable: true })
    moving.catch(() => undefined)
    const begun = way === 'there' ? `${arrived()}.part` : arrived()
    const size = (): Promise<number> =>
      stat(begun).then(
        (found) => found.size,
        () => 0,
      )
    await waitUntil(async () => (await size()) > 0, { what: 'bytes have arrived', everyMs: 1 })
    // Those for commands and for the other way stay.
    door.cut(way === 'there' ? 1 : 2)
    turn.hurry()
    await expect(moving).rejects.toMatchObject({ code: 'HOST_LOST' })
    const found = await readFile(begun)
    expect(found.length).toBeGreaterThan(0)
    expect(found.equals(bytes.subarray(0, found.length))).toBe(true)
  })

  test.each(['while the other connection is made', 'behind the beginning'])('ends when it is aborted %s', async (when) => {
    const turn = createSlowTurn({ holds: true })
    const abort = new AbortController()
    const stood = door.letIn()
    const moving = move({ turn, signal: abort.signal })
    moving.catch(() => undefined)
    if (when === 'behind the beginning') await turn.handedOver
    else await waitUntil(() => door.letIn() > stood, { what: 'the client comes', everyMs: 1 })
    abort.abort(new Error('enough'))
    await expect(moving).rejects.toThrow('enough')
    if (way === 'back') await expect(stat(arrived())).rejects.toThrow('ENOENT')
  })

  if (way === 'there')
    test.each([false, true])('leaves off where it is when it is cut (behind the beginning: %s)', async (isBehind) => {
      const turn = createSlowTurn({ holds: true })
      const cut = new AbortController()
      let moved = 0
      const moving = move({ turn, cut: cut.signal, onBytes: (count) => (moved = count) })
      moving.catch(() => undefined)
      if (isBehind) await turn.handedOver
      else await waitUntil(() => moved > 0, { what: 'bytes move', everyMs: 1 })
      cut.abort(new Error('cut'))
      await expect(moving).rejects.toBeInstanceOf(TransferCut)
      const found = await readFile(`${arrived()}.part`)
      expect(found.length).toBeLessThan(SIZE_BYTES)
      expect(found.equals(bytes.subarray(0, found.length))).toBe(true)
    })

  if (way === 'back')
    test('is refused over the other connection in the words of the first when it is more than the host said', async () => {
      const turn = createSlowTurn()
      const moved = Promise.withResolvers<void>()
      const moving = move({ turn, onBytes: () => moved.resolve() })
      moving.catch(() => undefined)
      await moved.promise
      await appendFile(there('source'), Buffer.alloc(1_000_000))
      await expect(moving).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: `The host sends more than the ${SIZE_BYTES} B that it said the file has`,
      })
      expect(turn.countedBytes()).toBeGreaterThan(0)
      await expect(stat(arrived())).rejects.toThrow('ENOENT')
      await truncate(there('source'), SIZE_BYTES)
    })

  test('stays on that connection, and asks for no other one, while this process waits for the line', async () => {
    // A client that cannot be started is told of.
    await using waiting = createHost({ ...options(), clientFromBusyRatio: 1.1, sshProgram: here('no-ssh') })
    await waiting.open()
    const turn = createSlowTurn()
    const slowBytes = way === 'there' ? 40_000 : 1
    const onBytes = (moved: number): void => void (moved >= slowBytes && turn.hurry())
    if (way === 'there') await waiting.putFile(here('source'), arrived(), { turn, onBytes })
    else await waiting.getFile(there('source'), arrived(), { turn, onBytes })
    await expectArrived()
    expect(turn.countedBytes()).toBe(0)
    expect(notes).toEqual([])
  })

  test('stays on that connection where the other one breaks before it stands', async () => {
    const turn = createSlowTurn()
    const stood = door.letIn()
    const moving = move({ turn })
    await waitUntil(() => door.letIn() > stood, { what: 'the client comes', everyMs: 1 })
    door.cut(stood)
    await waitUntil(() => notes.length > 0, { what: 'the client is given up' })
    turn.hurry()
    await moving
    await expectArrived()
    expect(turn.countedBytes()).toBe(0)
  })
})

async function findClients(identityFile: string): Promise<readonly { readonly pid: number }[]> {
  const found: { readonly pid: number }[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (args.includes(`IdentityFile=${identityFile}`)) found.push({ pid: Number(pid) })
  }
  return found
}
