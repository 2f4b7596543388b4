/** Files that are asked for piece by piece, of real OpenSSH servers that have less of them than they said, or give none of it. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { Growth } from '../../../src/host/host.ts'
import { sendCommand, sendOnDemand } from '../../../src/host/shell/bulk-shell.ts'
import type { GetOptions } from '../../../src/host/ssh/byte-transfer.ts'
import type { SshTransport } from '../../../src/host/ssh/ssh-transport.ts'
import type { Turn } from '../../../src/host/turn.ts'
import { createUplink } from '../../../src/transfer/uplink/uplink.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { waitUntil } from '../../wait-until.ts'
import { configOf, createHome, createTransport, type TestHome } from './ssh-fixture.ts'

const MIB = 1024 * 1024

describe.runIf(canStartHosts)('a file that is asked for piece by piece', () => {
  let home: TestHome
  let server: SshdHost
  let transport: SshTransport
  beforeAll(async () => {
    home = await createHome()
    server = await startSshdHost({ name: 'asked' })
    transport = createTransport(home, configOf(server))
    await transport.connect()
  })
  afterAll(async () => {
    await transport[Symbol.asyncDispose]()
    await server.stop()
    await home[Symbol.asyncDispose]()
  })
  const here = (name: string): string => join(home.folder, name)
  const there = (name: string): string => join(server.workingFolder, name)

  async function get(name: string, options: GetOptions): Promise<number> {
    const [tag, path] = ['encode-asked', there(name)]
    const { after } = sendCommand(tag, path)
    return await transport.getBytes('exit 1', here(name), { after, onDemand: sendOnDemand(tag, path), ...options })
  }

  const growTo = (sizeBytes: number): Growth => ({ more: async () => ({ sizeBytes, isWhole: true }) })
  const noCommand = (): Promise<void> =>
    waitUntil(async () => !(await server.processes()).some(({ args }) => /^tail|encode-asked/.test(args)), { what: 'no command is left' })

  test('arrives whole, and a last piece that is small, too', async () => {
    const bytes = randomBytes(3 * MIB + 17)
    await writeFile(there('whole'), bytes)
    expect(await get('whole', { growth: growTo(bytes.length) })).toBe(bytes.length)
    expect((await readFile(here('whole'))).equals(bytes)).toBe(true)
  })

  test.for(['while it grows', 'under a limit'])('fails at once when there is less of it than was said, %s', async (when) => {
    await writeFile(there('short'), randomBytes(2 * MIB + 5))
    const saidBytes = 40 * MIB
    const how = when === 'while it grows' ? { growth: growTo(saidBytes) } : { maxBytes: saidBytes, turn: takeLimitedTurn() }
    await expect(get('short', how)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringContaining('ended with status 1: the file ends too early'),
    })
    expect(existsSync(here('short'))).toBe(false)
    await noCommand()
  })

  test('fails with what the host says when it cannot be read', async () => {
    // As a disk with bad blocks: it can be opened, and not read.
    await mkdir(there('folder'))
    await expect(get('folder', { growth: growTo(MIB) })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringContaining('Is a directory'),
    })
  })

  test('fails soon when nothing comes of what was asked for, though its command lives, and leaves nothing there', async () => {
    const onDemand = `echo begin; head -c ${MIB} /dev/zero; exec tail -f /dev/null`
    const stuck = get('stuck', { onDemand, after: 'begin\n', growth: growTo(20 * MIB), answerMs: 300 })
    await expect(stuck).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(/^Of \d+ B that it was asked for, the host gave none within 0.3 s$/),
    })
    expect(existsSync(here('stuck'))).toBe(false)
    await noCommand()
  })

  test('may take its time between pieces, as long as nothing was asked for', async () => {
    const bytes = randomBytes(2 * MIB)
    await writeFile(there('slow'), bytes)
    const answerMs = 300
    let isWhole = false
    const growth: Growth = {
      async more() {
        const sizeBytes = isWhole ? bytes.length : MIB
        const told = { sizeBytes, isWhole }
        if (isWhole) {
          const askedAt = performance.now()
          await waitUntil(() => performance.now() - askedAt > answerMs * 2, { what: 'it would have been given up' })
        }
        isWhole = true
        return told
      },
    }
    expect(await get('slow', { growth, answerMs })).toBe(bytes.length)
    expect((await readFile(here('slow'))).equals(bytes)).toBe(true)
  })
})

function takeLimitedTurn(): Turn {
  return createUplink({ bytesPerSecond: undefined, clock: systemClock }).take({
    host: 'asked',
    hostBytesPerSecond: 50e6,
    direction: 'from-host',
    neededAtMs: () => 0,
  })
}
