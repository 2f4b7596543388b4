import { appendFile, readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../wait-until.ts'
import { createBench } from './bench.ts'
import { openCutLink } from './cut-link.ts'
import { startEncode, writeConfig } from './encode-program.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

describe.runIf(canStartHosts)('a network that is cut', () => {
  test('is noticed within 15 s, and the host that is cut off ends its ffmpeg and removes its files by itself', async () => {
    await using bench = await createBench()
    await bench.makeFilm('a.mp4', { seconds: 40 })
    const far = await bench.startHost('far', 'streaming')
    await using link = await openCutLink(far)
    await appendFile(far.knownHostsFile, `[127.0.0.1]:${link.port} ${far.hostPublicKey}\n`)
    const config = await writeConfig(bench.folder, {
      home: [{ host: { ...far, port: link.port } as SshdHost, type: 'streaming' }],
    })
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    await run.until('job.progress', (event) => event.stage === 'encode' && event.host === 'far')
    link.cut()
    const cutMs = performance.now()
    await run.until('host.down', (event) => event.host === 'far')
    expect(performance.now() - cutMs).toBeLessThan(17_000)
    await waitUntil(async () => (await far.processes()).every(({ args }) => !args.includes('ffmpeg')), {
      what: 'ffmpeg on the host that is cut off has ended',
      timeoutMs: 45_000,
    })
    await waitUntil(async () => (await readdir(far.workingFolder)).length === 0, { what: 'its work files are gone', timeoutMs: 15_000 })
    expect(performance.now() - cutMs).toBeLessThan(50_000)
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    expect(await bench.list()).toEqual(['a.mp4'])
    // Its sshd still believes in the connection; only now does it hear the end.
    await link[Symbol.asyncDispose]()
    await bench.expectNothingLeft()
  })
})
