import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Turn } from '../../../src/host/turn.ts'
import { sendResumed } from '../../../src/transfer/resume-transfer.ts'
import { waitUntil } from '../../wait-until.ts'
import { describeOnWine } from './describe-on-wine.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer } from './windows-server.ts'

const SIZE_BYTES = 12_000_001

describeOnWine('a transfer to Windows', (on) => {
  let film: string
  beforeAll(async () => {
    film = join(on.homeFolder, 'film.mkv')
    await writeFile(film, randomBytes(SIZE_BYTES))
  })

  test('goes on where it was after its connection broke, and leaves nothing else there', async () => {
    await using server = await startWindowsServer({ wine: on.wine, hasPowerShell: true })
    // Another way to the same machine, so that it stands ready when the first one breaks.
    await using way = await startWindowsServer({ wine: on.wine, hasPowerShell: true })
    await using first = reachWindows(server, on.homeFolder)
    await using second = reachWindows(way, on.homeFolder)
    await Promise.all([first.open(), second.open()])
    const work = (name: string): string => `${server.folder}\\work\\${name}`
    let host = first
    let isBroken = false
    let arrivedBytes = 0
    const guarded = async (name: string): Promise<void> => void (await host.guardFile(work(name)))
    await sendResumed(
      {
        get host() {
          return host
        },
        path: work,
        note: guarded,
        regain: async ([name = '']) => {
          await first.leave()
          host = second
          await second.guardFile(work(name.replace('.part', '.taken')))
          const isTaken = await second.adoptFile(first.mark, work(name), work(name.replace('.part', '.taken')))
          expect(isTaken).toBe(true)
          expect(await second.adoptFile(second.mark, work(name.replace('.part', '.taken')), work(name))).toBe(true)
          arrivedBytes = (await second.statFile(work(name)))?.sizeBytes ?? 0
          return true
        },
      },
      {
        name: 'film.mkv',
        controllerPath: film,
        options: {
          signal: AbortSignal.timeout(110_000),
          onBytes(bytes) {
            if (isBroken || bytes < SIZE_BYTES / 3) return
            isBroken = true
            server.breakConnections()
          },
        },
      },
    )
    expect(arrivedBytes).toBeGreaterThan(SIZE_BYTES / 4)
    expect((await readFile(join(server.localFolder, 'work', 'film.mkv'))).equals(await readFile(film))).toBe(true)
    expect(await readdir(join(server.localFolder, 'work'))).toEqual(['film.mkv'])
  })

  test('begins again while what it left is still open there, or where its guard stands no more', async () => {
    await using server = await startWindowsServer({ wine: on.wine, hasPowerShell: true })
    await using first = reachWindows(server, on.homeFolder)
    await using second = reachWindows(server, on.homeFolder)
    await Promise.all([first.open(), second.open()])
    const partial = `${server.folder}\\work\\film.part`
    const taken = `${server.folder}\\work\\film.taken`
    await first.guardFile(partial)
    const held = new AbortController()
    const putting = first.putFile(film, `${server.folder}\\work\\film.mkv`, {
      partialPath: partial,
      signal: held.signal,
      turn: holdAfter(4_000_000),
    })
    putting.catch(() => undefined)
    await waitUntil(async () => ((await second.statFile(partial))?.sizeBytes ?? 0) > 2_000_000, { what: 'something has come over' })
    expect(await second.adoptFile(first.mark, partial, taken)).toBe(false)
    held.abort(new Error('enough'))
    await expect(putting).rejects.toThrow('enough')
    // As after the machine was started again.
    expect(await second.adoptFile('encode-of-nobody', partial, taken)).toBe(false)
    expect(await second.adoptFile(first.mark, partial, taken)).toBe(true)
  })
})

/** A place among transfers that never comes up again after so many bytes. */
function holdAfter(bytes: number): Turn {
  let left = bytes
  return {
    isMetered: true,
    pieceBytes: () => 65_536,
    async take(wanted: number, signal?: AbortSignal) {
      left -= wanted
      if (left > 0) return
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))
    },
    count: () => {},
    rest: () => {},
    watch: () => ({ [Symbol.dispose]: () => {} }),
  } as unknown as Turn
}
