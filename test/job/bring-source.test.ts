/** A source that is being fetched when its slot falls free: on a real host behind a slow line, and on routes of the test's making. */

import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { createHost } from '../../src/host/create-host.ts'
import type { Host, HostFacts, TransferOptions } from '../../src/host/host.ts'
import { TransferCut } from '../../src/host/transfer-cut.ts'
import { bringSource } from '../../src/job/bring-source.ts'
import type { JobContext } from '../../src/job/job-context.ts'
import { runJob } from '../../src/job/run-job.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'
import { createArrivalMemory } from '../../src/transfer/arrival-memory.ts'
import { ArrivalUnfit, type SourceBeginning } from '../../src/transfer/arriving-source.ts'
import type { MediaRoute } from '../../src/transfer/media-route.ts'
import { openSlowLink, type SlowLink } from '../cluster/slow-link.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../cluster/sshd-host.ts'
import { makeHostConfig } from '../contract/host-config.ts'
import { createFakeClock } from '../fixtures/fake-clock.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const run = promisify(execFile)
const ffprobe = createFfprobe('ffprobe')

/** The same bytes each time, and few of them. */
const ENCODE = ['-c:v', 'mpeg4', '-q:v', '31', '-threads', '1', '-bitexact']

describe.runIf(canStartHosts)('a source on its way over a slow line', () => {
  const BYTES_PER_SECOND = 3e6
  let folder: string
  let server: SshdHost
  let link: SlowLink
  let host: Host
  let facts: HostFacts
  let film: string
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-bring-')))
    film = join(folder, 'film.mp4')
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=0.85,noise=alls=40:allf=t']
    // Its index stands at the end: ffmpeg asks for that first, and then goes back.
    await run('ffmpeg', ['-nostdin', '-v', 'error', ...picture, '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '4', film])
    server = await startSshdHost({ name: 'far', hide: [folder] })
    link = await openSlowLink(server, { bytesPerSecond: BYTES_PER_SECOND })
    await appendFile(server.knownHostsFile, `[127.0.0.1]:${link.port} ${server.hostPublicKey}\n`)
    const { user, identityFile, knownHostsFile, workingFolder } = server
    const config = makeHostConfig({
      ...{ name: 'far', type: 'streaming', workingDir: workingFolder },
      ...{ address: '127.0.0.1', port: link.port, user, identityFile, knownHosts: knownHostsFile },
    })
    host = createHost({ config, sshProgram: undefined, env: { PATH: process.env.PATH }, homeFolder: homedir() })
    facts = await host.open()
  }, 30_000)
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]()
    await link?.[Symbol.asyncDispose]()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('is cut when its slot falls free, and ffmpeg reads what is there from the disk and the rest from here: nothing goes twice', async () => {
    const source = await ffprobe.probe(film)
    const plan = createPlan('run-1', film, { source, arguments: { input: [], output: ENCODE } })
    expect(source.sizeBytes).toBeGreaterThan(BYTES_PER_SECOND * 1.9)
    const wanted = join(folder, 'wanted.mkv')
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', film, ...ENCODE, wanted])
    const slot = Promise.withResolvers<void>()
    const stages: string[] = []
    const noted = new Set<string>()
    const before = link.bytes.up
    let arrivingBytes = 0
    const outcome = await runJob({
      ...{ plan, attempt: 1, host, facts, clock: systemClock, signal: new AbortController().signal },
      ...{ readMedia: ffprobe.read, flsPath: undefined, logFile: join(folder, 'log'), arrivals: createArrivalMemory() },
      slot: {
        ...{ hasSlot: false, take: () => slot.promise, takeEarly: () => slot.promise, release: () => undefined },
        ...{ withdrawn: new AbortController().signal, claimResult: () => true },
      },
      files: {
        note: async (place, path) => void noted.add(`${place} ${path}`),
        forget: async (place, path) => void noted.delete(`${place} ${path}`),
      },
      workFolder: async () => server.workingFolder,
      onStage: (stage) => stages.push(stage),
      flushStages: async () => undefined,
      onProgress(stage, { sizeBytes }) {
        if (stage === 'fetch' && (sizeBytes ?? 0) > source.sizeBytes / 10) slot.resolve()
      },
      onMoved: (way, bytes) => {
        if (way === 'fetch') arrivingBytes = bytes
      },
      onWaiting: () => undefined,
      onWarning: () => undefined,
    })

    expect(outcome).toMatchObject({ kind: 'done' })
    expect(stages).toEqual(['fetch', 'encode', 'return', 'verify', 'replace'])
    expect(arrivingBytes).toBeGreaterThanOrEqual(source.sizeBytes)
    // Beside it goes what ffmpeg asks for and then leaves, since the index stands at the end.
    expect(link.bytes.up - before).toBeLessThan(source.sizeBytes * 1.35)
    expect(await hashPackets(plan.output)).toBe(await hashPackets(wanted))
    expect((await readdir(dirname(plan.output))).sort()).toEqual(['film.mkv', 'wanted.mkv'])
    expect(await readdir(server.workingFolder)).toEqual([])
    expect([...noted]).toEqual([])
  })
})

describe('a source that is being fetched', () => {
  const SIZE_BYTES = 100e6

  test('is cut when its slot is there and a second is missing at the speed that it has', async () => {
    const bring = start()
    await bring.move(10e6, 1_000)
    expect(bring.isCut()).toBe(false)
    bring.giveSlot()
    await bring.move(20e6, 1_000)
    expect(bring.isCut()).toBe(true)
    bring.leaveOff(21e6)
    // It is not read from here in the end: then all of it is fetched, with nothing in its way.
    await bring.ended
    expect(bring.beginnings).toMatchObject([{ hostPath: '/there/part', sizeBytes: 21e6 }])
    expect(bring.fetches).toEqual(['may be cut', 'whole'])
  })

  test('goes on to its end when its slot comes so late that nothing would be gained', async () => {
    const bring = start()
    await bring.move(10e6, 1_000)
    await bring.move(92e6, 8_200)
    bring.giveSlot()
    await bring.move(93e6, 100)
    expect(bring.isCut()).toBe(false)
    bring.arrive()
    await bring.ended
    expect(bring.beginnings).toEqual([])
    expect(bring.fetches).toEqual(['may be cut'])
  })

  test('is cut later when the line has become slow meanwhile', async () => {
    const bring = start()
    await bring.move(10e6, 100)
    await bring.move(90e6, 1_000)
    bring.giveSlot()
    await bring.move(90.1e6, 100)
    expect(bring.isCut()).toBe(false)
    await bring.move(90.2e6, 30_000)
    expect(bring.isCut()).toBe(true)
    bring.leaveOff(90.2e6)
    await bring.ended
  })

  test('of which nothing has arrived when it is cut is read from here alone', async () => {
    const bring = start()
    bring.giveSlot()
    await bring.move(0, 10)
    bring.leaveOff(0)
    await bring.ended
    expect(bring.beginnings).toEqual([undefined])
  })

  test('fails as its transfer does, cut or not', async () => {
    const bring = start()
    await bring.move(10e6, 1_000)
    bring.giveSlot()
    await bring.move(11e6, 1_000)
    bring.fail(new Error('lost'))
    await expect(bring.ended).rejects.toThrow('lost')
    expect(bring.beginnings).toEqual([])
  })

  test('is not cut in a second attempt, which goes the way that depends on the least', async () => {
    const bring = start({ attempt: 2 })
    bring.giveSlot()
    await bring.move(10e6, 10_000)
    expect(bring.isCut()).toBe(false)
    bring.arrive()
    await bring.ended
    expect(bring.fetches).toEqual(['whole'])
  })

  /** Its transfer is the test's to move; a source that should be read from here is said to be unfit for that. */
  function start({ attempt = 1 }: { readonly attempt?: number } = {}) {
    const clock = createFakeClock()
    const [slot, arrival] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const beginnings: (SourceBeginning | undefined)[] = []
    const fetches: string[] = []
    let first: TransferOptions | undefined
    const route: MediaRoute = {
      ...{ hostSource: '/there/source', hostResult: '/there/result', bringBack: undefined, cleanUp: async () => undefined },
      async fetch(options) {
        fetches.push(options.cut === undefined ? 'whole' : 'may be cut')
        if (first !== undefined) return
        first = options
        await arrival.promise
      },
      async arrive(_options, beginning) {
        beginnings.push(beginning)
        throw new ArrivalUnfit('Not here', { isOfHost: false })
      },
    }
    const plan = createPlan('run-1', '/films/a.mp4')
    const context = {
      ...{ plan: { ...plan, source: { ...plan.source, sizeBytes: SIZE_BYTES } }, attempt, clock },
      ...{ host: { config: makeHostConfig({ name: 'far', type: 'streaming' }) }, facts: {}, arrivals: createArrivalMemory() },
      ...{ signal: new AbortController().signal, onStage: () => undefined, onProgress: () => undefined },
      slot: { hasSlot: false, takeEarly: () => slot.promise },
    } as unknown as JobContext
    const ended = bringSource(context, route)
    ended.catch(() => undefined)
    return {
      ...{ ended, beginnings, fetches },
      async move(toBytes: number, ms: number) {
        await clock.advance(ms)
        first?.onBytes?.(toBytes)
        await clock.advance(0)
      },
      giveSlot: () => slot.resolve(),
      isCut: () => first?.cut?.aborted === true,
      leaveOff: (sizeBytes: number) => arrival.reject(new TransferCut('/there/part', sizeBytes)),
      fail: (error: Error) => arrival.reject(error),
      arrive: () => arrival.resolve(),
    }
  }
})

async function hashPackets(path: string): Promise<string> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', path, '-c', 'copy', '-f', 'streamhash', '-'])
  return stdout
}
