import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../wait-until.ts'
import { createBench } from './bench.ts'
import { startEncode, writeConfig } from './encode-program.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

async function countDescriptors(pid: number | undefined): Promise<number> {
  // A process that has just ended has none.
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length
}

async function countOnHost(host: SshdHost): Promise<number> {
  const processes = await host.processes()
  const counts = await Promise.all(processes.map(({ pid }) => countDescriptors(pid)))
  return counts.reduce((sum, count) => sum + count, 0)
}

describe.runIf(canStartHosts)('open files over many jobs', () => {
  test('the last of six jobs finds as many open on controller and host as the second', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const [first, last] = [await bench.makeFilm('a.mp4', { seconds: 3 }), await bench.makeFilm('z.mp4', { seconds: 3 })]
    // Done first, so that what stands by for later jobs is there.
    const warm = await bench.makeFilm('0.mp4', { seconds: 1 })
    const between: string[] = []
    for (const name of ['b', 'c', 'd']) between.push(await bench.makeFilm(`${name}.mp4`, { seconds: 1 }))
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] })
    const run = startEncode(bench.folder, [
      '-y',
      config,
      '-c',
      'home',
      '-p',
      'quick',
      warm,
      '-p',
      'slow',
      first,
      '-p',
      'quick',
      ...between,
      '-p',
      'slow',
      last,
    ])

    /** Resolves with the job. */
    const encoding = async (file: string): Promise<string> => {
      const { job } = await run.until('job.started', (event) => event.file === file)
      await run.until('job.progress', (event) => event.job === job && event.stage === 'encode' && (event.percent ?? 0) > 10)
      return job
    }
    await encoding(first)
    const here = await countDescriptors(run.child.pid)
    const there = await countOnHost(box)
    expect(Math.min(here, there)).toBeGreaterThan(10)
    const job = await encoding(last)
    // What belonged to the job before, whose result may still come back, is closed while this one is encoded.
    let isEncoded = false
    const encoded = run
      .until('job.stage', (event) => event.job === job && event.stage === 'return')
      .then(() => {
        isEncoded = true
      })
    const found = { here: 0, there: 0 }
    const isNoMore = (): boolean => found.here <= here && found.there <= there
    await waitUntil(
      async () => {
        Object.assign(found, { here: await countDescriptors(run.child.pid), there: await countOnHost(box) })
        return isNoMore() || isEncoded
      },
      { what: 'the last job is encoded' },
    )
    if (!isNoMore()) expect(found).toEqual({ here, there })
    expect(found.here).toBeGreaterThan(10)
    await encoded

    expect((await run.ended).status).toBe(0)
    await bench.expectNothingLeft()
  })
})
