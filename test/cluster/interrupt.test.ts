import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Stage } from '../../src/model/events.ts'
import { startQuietClock } from '../quiet-clock.ts'
import { waitUntil } from '../wait-until.ts'
import { type Bench, createBench, describeFilm } from './bench.ts'
import { type ClusterHost, runEncode, runPlain, startEncode, writeConfig } from './encode-program.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

describe.runIf(canStartHosts)('Ctrl-C', () => {
  test.each<[Stage, 'mounted' | 'streaming', NodeJS.Signals, number]>([
    ['fetch', 'streaming', 'SIGINT', 130],
    ['encode', 'streaming', 'SIGINT', 130],
    ['encode', 'mounted', 'SIGINT', 130],
    ['encode', 'mounted', 'SIGTERM', 143],
    ['return', 'streaming', 'SIGINT', 130],
    ['verify', 'streaming', 'SIGINT', 130],
  ])('in stage %s of a %s host: %s leaves no process, no file, the source as it was, and exit %i', async (stage, type, signal, status) => {
    await using bench = await createBench()
    const { config, before } = await prepare(bench, type)
    const profile = stage === 'encode' ? 'slow' : 'fetched'
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', profile, '-s', bench.films])
    await run.until('job.stage', (event) => event.stage === stage)
    if (stage === 'encode') await run.until('job.progress', (event) => event.stage === 'encode' && (event.size_bytes ?? 0) > 0)
    const quietMs = startQuietClock()
    run.child.kill(signal)
    const ended = await run.ended
    expect(quietMs()).toBeLessThan(3_000)
    expect(ended.status).toBe(status)
    expect(ended.stderr).toBe('')
    expect(await fingerprint(bench)).toEqual(before)
    await bench.expectNothingLeft()
    expect(run.events.at(-1)).toMatchObject({ event: 'run.finished', exit: status, failed: 0 })
  })

  test('while hosts are still being opened ends at once', async () => {
    await using bench = await createBench()
    await bench.makeFilm('a.mp4')
    const box = await bench.startHost('box', 'streaming')
    // A port that accepts and says nothing: the key exchange never comes.
    const { createServer } = await import('node:net')
    const mute = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => mute.once('listening', resolve))
    const { port } = mute.address() as { port: number }
    const config = await writeConfig(bench.folder, { home: [{ host: { ...box, port } as SshdHost, type: 'streaming' }] })
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bench.films])
    await run.until('job.queued')
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    mute.close()
    await bench.expectNothingLeft()
  })

  test('a second one ends the controller at once; the host cleans up by itself, and resume finishes the work', async () => {
    await using bench = await createBench()
    const { config, before } = await prepare(bench, 'mounted')
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    await run.until('job.progress', (event) => (event.size_bytes ?? 0) > 0)
    run.child.kill('SIGINT')
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    await bench.expectNothingLeft()
    expect(await fingerprint(bench)).toEqual(before)
  })
})

describe.runIf(canStartHosts)('a controller that is killed', () => {
  // They mostly wait.
  test.concurrent.each(['mounted', 'streaming'] as const)(
    'leaves nothing on a %s host, and resume goes on with what it left',
    async (type) => {
      await using bench = await createBench()
      const { config, before, hosts } = await prepare(bench, type, { seconds: 4 })
      const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
      await run.until('job.progress', (event) => event.stage === 'encode' && (event.size_bytes ?? 0) > 0)
      run.child.kill('SIGKILL')
      await run.ended
      await waitUntil(async () => (await Promise.all(hosts.map((host) => host.processes()))).flat().length === 0, {
        what: 'the hosts have ended every process',
        // What is promised; a quiet machine takes five seconds.
        timeoutMs: 30_000,
      })
      expect(await fingerprint(bench)).toMatchObject(before)
      const { stdout } = await runPlain(bench.folder, ['history'])
      expect(stdout).toMatch(/ died .*, 1 left\n"encode resume" continues with what is left\n$/)
      const resumed = await runEncode(bench.folder, ['resume', '-y', config])
      expect(resumed.status, resumed.stdout).toBe(0)
      expect(resumed.events.filter(({ event }) => event === 'job.done')).toHaveLength(1)
      expect(await bench.list()).toEqual(['a.mkv'])
      await bench.expectNothingLeft()
      const again = await runEncode(bench.folder, ['resume', '-y', config])
      expect(again.status).toBe(0)
      expect(again.events.at(-1)).toMatchObject({ event: 'run.finished', done: 0, failed: 0 })
    },
  )
})

test('a controller that is killed between result and source leaves both whole, and resume ends it without encoding again', async () => {
  await using bench = await createBench()
  const film = await bench.makeFilm('a.mp4')
  const faults = join(import.meta.dirname, '../fixtures/inject-faults.ts')
  const config = await writeConfig(bench.folder, {})
  const killed = await runEncode(bench.folder, ['-y', config, '-p', 'quick', film], {
    env: { NODE_OPTIONS: `--import ${faults}`, FAULTS: JSON.stringify({ killAfter: 'link' }) },
  })
  expect(killed.status).toBe(137)
  expect(await bench.list()).toEqual(expect.arrayContaining(['a.mkv', 'a.mp4']))
  const resumed = await runEncode(bench.folder, ['resume', '-y', config])
  expect(resumed.status, resumed.stderr).toBe(0)
  expect(resumed.events.filter(({ event }) => event === 'job.done' || event === 'job.started').map(({ event }) => event)).toEqual([
    'job.done',
  ])
  expect(await bench.list()).toEqual(['a.mkv'])
  await describeFilm(join(bench.films, 'a.mkv'))
  await bench.expectNothingLeft()
})

describe.runIf(canStartHosts)('a host that dies', () => {
  test('costs only the work under way: the job goes to the other host', async () => {
    await using bench = await createBench()
    for (const name of ['a.mp4', 'b.mp4']) await bench.makeFilm(name, { seconds: 3 })
    const [one, two] = [await bench.startHost('one', 'streaming'), await bench.startHost('two', 'streaming')]
    const config = await writeConfig(bench.folder, {
      home: [
        { host: one, type: 'streaming' },
        { host: two, type: 'streaming' },
      ],
    })
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    await run.until('job.progress', (event) => event.host === 'one' && event.stage === 'encode')
    await one.kill()
    const ended = await run.ended
    expect(ended.status).toBe(0)
    expect(ended.events.filter(({ event }) => event === 'job.done').map((event) => 'host' in event && event.host)).toEqual(['two', 'two'])
    expect(ended.events.some(({ event }) => event === 'host.down')).toBe(true)
    expect(ended.events.some(({ event }) => event === 'job.retry')).toBe(true)
    expect(await bench.list()).toEqual(['a.mkv', 'b.mkv'])
  })
})

async function prepare(
  bench: Bench,
  type: 'mounted' | 'streaming',
  { seconds = 20 }: { readonly seconds?: number } = {},
): Promise<{ readonly config: string; readonly before: Readonly<Record<string, string>>; readonly hosts: readonly SshdHost[] }> {
  await bench.makeFilm('a.mp4', { seconds, options: ['-crf', '5'] })
  const host = await bench.startHost('box', type)
  const lines = type === 'mounted' ? [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`] : []
  const cluster: readonly ClusterHost[] = [{ host, type, lines }]
  // What is read from a port while it arrives needs no stage of its own to get there.
  const config = await writeConfig(bench.folder, { home: cluster }, ['  fetched: {include: quick, input_options: ["-f mov"]}'])
  return { config, before: await fingerprint(bench), hosts: [host] }
}

/** Every film with its size, time and a look into it; hidden files too. */
async function fingerprint(bench: Bench): Promise<Readonly<Record<string, string>>> {
  const prints: Record<string, string> = {}
  for (const name of await bench.list()) {
    if (name.startsWith('.encode-')) continue
    const path = join(bench.films, name)
    const { size, mtimeMs } = await stat(path)
    prints[name] = `${size} ${mtimeMs} ${(await readFile(path)).subarray(-64).toString('hex')}`
  }
  return prints
}
