import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, copyFile, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { untilAborted } from '../../../src/core/until-aborted.ts'
import type { TransferOptions } from '../../../src/host/host.ts'
import type { DirectCommand } from '../../../src/host/shell/bulk-shell.ts'
import { type Begin, type ClientTransferOptions, getThroughClient, putThroughClient } from '../../../src/host/ssh/client-transfer.ts'
import type { SshTransport } from '../../../src/host/ssh/ssh-transport.ts'
import type { Turn } from '../../../src/host/turn.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { collectGarbage } from '../../fixtures/collect-garbage.ts'
import { startQuietClock } from '../../quiet-clock.ts'
import { waitUntil } from '../../wait-until.ts'
import { configOf, createClient, createHome, createTransport, run, type TestHome } from './ssh-fixture.ts'

const SIZE_BYTES = 80 * 1000 * 1000 + 7
const MEASURED_EVERY_BYTES = 4_000_000

const MOVERS = ['ssh2', 'the OpenSSH client of the system'] as const

describe.skipIf(!canStartHosts).each(MOVERS)('bytes through %s', (mover) => {
  const isClient = mover !== 'ssh2'
  let home: TestHome
  let host: SshdHost
  let transport: SshTransport
  let source: string
  let sourceHash: string
  beforeAll(async () => {
    home = await createHome()
    host = await startSshdHost({ name: 'bytes' })
    transport = transportTo(host)
    source = join(home.folder, 'source')
    const file = await open(source, 'w')
    for (let left = SIZE_BYTES; left > 0; left -= 1_000_000) await file.write(randomBytes(Math.min(left, 1_000_000)))
    await file.close()
    sourceHash = await hash(source)
  })
  afterAll(async () => {
    await transport[Symbol.asyncDispose]()
    await host.stop()
    await home[Symbol.asyncDispose]()
  })
  /** The client moves all that it is given: of a beginning that another one moves there is nothing. */
  function transportTo(to: SshdHost): SshTransport {
    const transport = createTransport(home, configOf(to))
    if (!isClient) return transport
    const client = createClient(home, to)
    const direct = (commandLine: string) => ({
      commandLine: `echo encode-mark >&2; ${commandLine}`,
      mark: 'encode-mark',
      endCommandLine: 'true',
    })
    return {
      ...transport,
      async putBytes(commandLine, path, options) {
        return await putThroughClient(await client, path, ...leaveAll(options, direct(commandLine)))
      },
      async getBytes(commandLine, path, options) {
        const [begin, how] = leaveAll(options, direct(`read -r n; ${commandLine}`))
        return await getThroughClient(await client, path, begin, { ...how, maxBytes: how.maxBytes ?? 1e12 })
      },
    }
  }
  const remote = (name: string): string => join(host.workingFolder, name)
  const here = (name: string): string => join(home.folder, name)
  const runsCat = async (): Promise<boolean> => (await host.processes()).some(({ args }) => /^(cat|head|tail|yes)/.test(args))
  const noCat = (): Promise<void> => waitUntil(async () => !(await runsCat()), { what: 'no cat is left' })

  test('arrive the same there and back, counted, in little memory', async () => {
    const heldBefore = measureHeldBytes()
    let heldMost = 0
    let measuredAt = 0
    const counts: number[] = []
    const onBytes = (bytes: number): void => {
      counts.push(bytes)
      if (Math.abs(bytes - measuredAt) < MEASURED_EVERY_BYTES) return
      measuredAt = bytes
      heldMost = Math.max(heldMost, measureHeldBytes())
    }
    expect(await transport.putBytes(`cat > ${remote('up')}`, source, { onBytes })).toBe(SIZE_BYTES)
    expect(await hash(remote('up'))).toBe(sourceHash)
    expect(counts.at(-1)).toBe(SIZE_BYTES)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))

    expect(await transport.getBytes(`cat ${remote('up')}`, here('down'), { onBytes })).toBe(SIZE_BYTES)
    expect(await hash(here('down'))).toBe(sourceHash)
    expect(counts.at(-1)).toBe(SIZE_BYTES)
    expect((await stat(here('down'))).mode & 0o777).toBe(0o600)
    await rm(here('down'))
    expect(heldMost - heldBefore).toBeLessThan(48 * 1024 * 1024)
  })

  test('fail when the host takes none, or gives none, for as long as is allowed, though it answers otherwise', async () => {
    const stalled = { code: 'TRANSFER_FAILED', message: 'The host moved no byte for 0.4 s' }
    await expect(transport.putBytes('exec sleep 600', source, { stallMs: 400 })).rejects.toMatchObject(stalled)
    await expect(transport.getBytes('echo; exec sleep 600', here('down'), { stallMs: 400 })).rejects.toMatchObject(stalled)
    expect(await transport.getBytes('sleep 0.6; echo', here('down'), { stallMs: 0 })).toBe(1)
    await rm(here('down'))
  })

  // Between a client and a server of OpenSSH's it is their own business.
  if (!isClient)
    test('survive a change of the session key in the middle', async () => {
      await using other = await startSshdHost({ name: 'rekey', sshdOptions: ['RekeyLimit 8M'] })
      await using rekeying = transportTo(other)
      const up = join(other.workingFolder, 'up')
      await rekeying.putBytes(`cat > ${up}`, source)
      expect(await hash(up)).toBe(sourceHash)
      await rekeying.getBytes(`cat ${up}`, here('down'))
      expect(await hash(here('down'))).toBe(sourceHash)
      await rm(here('down'))
    })

  test('travel on a connection of their own, many files at once', async () => {
    const names = Array.from({ length: isClient ? 3 : 12 }, (_, index) => `many${index}`)
    await Promise.all(names.map((name) => writeFile(here(`small${name}`), name.repeat(1000))))
    await Promise.all(names.map((name) => transport.putBytes(`cat > ${remote(name)}`, here(`small${name}`))))
    await Promise.all(names.map((name) => transport.getBytes(`cat ${remote(name)}`, here(name))))
    for (const name of names) expect(await hash(here(name))).toBe(await hash(here(`small${name}`)))
  })

  // Of nothing there is nothing to go on with.
  if (!isClient)
    test('of an empty file arrive as well', async () => {
      await writeFile(here('empty'), '')
      expect(await transport.putBytes(`cat > ${remote('empty')}`, here('empty'))).toBe(0)
      expect(await transport.getBytes(`cat ${remote('empty')}`, here('empty-back'))).toBe(0)
      expect((await stat(here('empty-back'))).size).toBe(0)
    })

  test('go on behind an offset', async () => {
    const offset = 7_000_003
    await writeFile(here('begun'), await readFile(source).then((bytes) => bytes.subarray(0, offset)))
    await copyFile(here('begun'), remote('begun'))
    expect(await transport.putBytes(`cat >> ${remote('begun')}`, source, { offset })).toBe(SIZE_BYTES)
    expect(await hash(remote('begun'))).toBe(sourceHash)
    expect(await transport.getBytes(`tail -c +${offset + 1} ${remote('begun')}`, here('begun'), { offset })).toBe(SIZE_BYTES)
    expect(await hash(here('begun'))).toBe(sourceHash)
    await rm(here('begun'))
  })

  test('that are more than the host said fail, and do not fill the disk', async () => {
    let most = 0
    const get = transport.getBytes('exec cat /dev/zero', here('flood'), { maxBytes: 3_000_000, onBytes: (bytes) => (most = bytes) })
    await expect(get).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: 'The host sends more than the 3000000 B that it said the file has',
    })
    expect(most).toBeLessThan(3_100_000)
    expect(await readdir(home.folder)).not.toContain('flood')
    await noCat()
  })

  test('leave off where they are when a put is cut: what has arrived is the beginning, and nothing writes to it any more', async () => {
    const takenBytes = 10_000_000
    const seen = Promise.withResolvers<void>()
    const cut = new AbortController()
    await run(transport, `mkfifo ${remote('gate')}`)
    // However fast the bytes move, most of them are not over there when it is cut.
    const take = `head -c ${takenBytes} > ${remote('cut')}; cat ${remote('gate')} > /dev/null; cat >> ${remote('cut')}`
    const onBytes = (bytes: number): void => (bytes > takenBytes ? seen.resolve() : undefined)
    const put = transport.putBytes(take, source, { onBytes, cut: cut.signal })
    await seen.promise
    cut.abort(new Error('cut'))
    await run(transport, `echo > ${remote('gate')}; rm ${remote('gate')}`)
    await put
    await noCat()
    const arrived = await readFile(remote('cut'))
    expect(arrived.length).toBeGreaterThanOrEqual(takenBytes)
    expect(arrived.length).toBeLessThan(SIZE_BYTES)
    expect(arrived.equals((await readFile(source)).subarray(0, arrived.length))).toBe(true)
    await rm(remote('cut'))
  })

  // The client of the system is stopped by a signal.
  if (!isClient)
    test('leave the way to others at once when a put is cut that nobody over there takes', async () => {
      const cut = new AbortController()
      const seen = Promise.withResolvers<boolean>()
      let isResting = false
      const turn: Turn = {
        isMetered: false,
        pieceBytes: () => 65_536,
        take: async () => undefined,
        count: () => undefined,
        watch: () => ({ [Symbol.dispose]: () => undefined }),
        stall(isStalled) {
          if (!isStalled || cut.signal.aborted) return
          cut.abort(new Error('cut'))
          setImmediate().then(() => seen.resolve(isResting))
        },
        rest: () => {
          isResting = true
        },
      }
      await run(transport, `mkfifo ${remote('gate')}`)
      const put = transport.putBytes(`cat ${remote('gate')} > /dev/null; cat > ${remote('late')}`, source, { cut: cut.signal, turn })
      expect(await seen.promise).toBe(true)
      await run(transport, `echo > ${remote('gate')}; rm ${remote('gate')}`)
      const sentBytes = await put
      expect(sentBytes).toBeLessThan(SIZE_BYTES)
      expect((await stat(remote('late'))).size).toBe(sentBytes)
      await rm(remote('late'))
    })

  test('stop when a put is aborted, and nothing runs on there', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    const put = transport.putBytes(`cat > ${remote('aborted')}`, source, {
      signal: abort.signal,
      onBytes: (bytes) => bytes > 5e6 && abort.abort(reason),
    })
    await expect(put).rejects.toBe(reason)
    await noCat()
    expect((await run(transport, 'echo usable')).stdout).toBe('usable\n')
  })

  test('stop when a get is aborted, and no file is left here', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    const get = transport.getBytes('exec yes', here('aborted'), {
      signal: abort.signal,
      onBytes: (bytes) => bytes > 5e6 && abort.abort(reason),
    })
    await expect(get).rejects.toBe(reason)
    expect(await readdir(home.folder)).not.toContain('aborted')
    await noCat()
    await expect(transport.getBytes('true', here('never'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await readdir(home.folder)).not.toContain('never')
  })

  test('are rejected with what the host says when it cannot take or give them', async () => {
    await expect(transport.putBytes(`cat > ${remote('no/such/folder')}`, source)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(/ended with status 1: .*No such file or directory/),
    })
    await expect(transport.putBytes('head -c 3000000 > /dev/null; exit 0', source)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `The host stopped taking "${source}" before its end`,
    })
    await expect(transport.getBytes(`cat ${remote('missing')}`, here('missing'))).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(/No such file or directory/),
    })
    await expect(transport.getBytes('head -c 3000000 /dev/zero; kill -KILL $$', here('missing'))).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringContaining(isClient ? 'was ended by a signal' : 'was ended by KILL'),
    })
    expect(await readdir(home.folder)).not.toContain('missing')
  })

  test('never go over or through what stands under the name already', async () => {
    await writeFile(here('mine'), 'mine')
    await symlink(here('elsewhere'), here('link'))
    for (const name of ['mine', 'link']) {
      await expect(transport.getBytes('echo theirs', here(name))).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: `"${here(name)}" cannot be written: something of that name exists`,
      })
    }
    expect((await stat(here('mine'))).size).toBe(4)
    expect(await readdir(home.folder)).toEqual(expect.arrayContaining(['link']))
    expect(await readdir(home.folder)).not.toContain('elsewhere')
  })

  test('of a file that grows while it is sent are not taken for the file', async () => {
    await writeFile(here('growing'), Buffer.alloc(8e6))
    let growing: Promise<void> | undefined
    const put = transport.putBytes(`sleep 0.6; cat > ${remote('growing')}`, here('growing'), {
      onBytes: () => {
        growing ??= appendFile(here('growing'), 'more')
      },
    })
    await expect(put).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    await growing
  })

  test('of what is no file or cannot be read are not sent', async () => {
    await expect(transport.putBytes('cat >/dev/null', here('nothing'))).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
    await expect(transport.putBytes('cat >/dev/null', home.folder)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  })

  test('do not hold up commands', async () => {
    const abort = new AbortController()
    const get = transport.getBytes('exec yes', here('endless'), { signal: abort.signal })
    const put = transport.putBytes('exec sleep 600', source, { signal: abort.signal })
    await setImmediate()
    const quietMs = startQuietClock()
    expect((await run(transport, 'echo prompt')).stdout).toBe('prompt\n')
    expect(quietMs()).toBeLessThan(2000)
    abort.abort()
    await Promise.allSettled([get, put])
  })

  test('are lost when the host dies, and no file is left here', async () => {
    await using other = await startSshdHost({ name: 'mortal' })
    await using mortal = transportTo(other)
    let dying: Promise<void> | undefined
    // Each way has a connection of its own, and only one that stands can be lost.
    const moved = { down: 0, up: 0 }
    const count = (way: keyof typeof moved) => (bytes: number) => {
      moved[way] = bytes
      if (moved.down > 2e6 && moved.up > 0) dying ??= other.kill()
    }
    const get = mortal.getBytes('exec yes', here('lost'), { onBytes: count('down') })
    const put = mortal.putBytes('exec sleep 600', source, { onBytes: count('up') })
    await Promise.all([expect(get).rejects.toMatchObject({ code: 'HOST_LOST' }), expect(put).rejects.toMatchObject({ code: 'HOST_LOST' })])
    await dying
    expect(await readdir(home.folder)).not.toContain('lost')
  })

  async function hash(file: string): Promise<string> {
    const digest = createHash('sha256')
    for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer)
    return digest.digest('hex')
  }
})

function leaveAll(options: TransferOptions = {}, direct: DirectCommand): [Begin, ClientTransferOptions] {
  const { offset = 0, signal } = options
  const unfit = Promise.withResolvers<never>()
  const begin: Begin = async (until) => {
    const ready = new Promise<void>((resolve) => until?.addEventListener('abort', () => resolve()))
    await untilAborted(Promise.race([ready, unfit.promise]), signal)
    return offset
  }
  return [begin, { ...options, direct, onUnfit: (why) => unfit.reject(new Error(why)), onFaltered: () => undefined }]
}

/** What is in buffers that are still in use. */
function measureHeldBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}
