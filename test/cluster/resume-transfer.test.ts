import { appendFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bench, createBench, describeFilm } from './bench.ts'
import { openCutLink } from './cut-link.ts'
import { type EncodeRun, startEncode, writeConfig } from './encode-program.ts'
import { openSlowLink, type SlowLink } from './slow-link.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

/** With a reader of its own, so that it waits for the whole source: on a machine with much to do it would be read while it arrives. */
const COPY = ['  copy:', '    input_options: ["-f mp4"]', '    output_options: ["-c copy"]', '    extension: .mkv']
/** Of a channel, either way: so much may be on its way. */
const WINDOW_BYTES = 2 * 1024 * 1024

describe.runIf(canStartHosts)('a connection that breaks in the middle of a transfer', { concurrent: true }, () => {
  test('costs the rest of it, not what has come over: source and result arrive whole in one attempt', async () => {
    await using bench = await createBench()
    const { film, sizeBytes, link, links, run } = await start(bench, { lines: ['checksum: true'] })
    await using _ = links
    await link.breakAt('up', sizeBytes * 0.6)
    await run.until('job.stage', ({ stage }) => stage === 'return')
    await link.breakAt('down', link.bytes.down + sizeBytes * 0.6)
    await expectDone(run, film)
    expect(link.bytes.up).toBeGreaterThan(sizeBytes)
    expect(link.bytes.up).toBeLessThan(mostBytes(sizeBytes))
    expect(link.bytes.down).toBeGreaterThan(sizeBytes)
    expect(link.bytes.down).toBeLessThan(mostBytes(sizeBytes))
    expect(run.events.filter(({ event }) => event === 'host.up')).toHaveLength(3)
    await bench.expectNothingLeft()
  })

  test('costs no more when it is the only one that breaks, and the host is not even told of', async () => {
    await using bench = await createBench()
    const { film, sizeBytes, link, links, run } = await start(bench)
    await using _ = links
    await link.breakAt('up', sizeBytes * 0.6, 'busiest')
    await expectDone(run, film)
    expect(link.bytes.up).toBeLessThan(mostBytes(sizeBytes))
    expect(run.events.filter(({ event }) => event === 'host.down')).toEqual([])
    await bench.expectNothingLeft()
  })

  test('as silence, after which the host hears late of what was sent before, mixes nothing up', async () => {
    await using bench = await createBench()
    const { film, sizeBytes, link, cable, links, run } = await start(bench, { lines: ['keepalive: 1', 'checksum: true'] })
    await using _ = links
    await link.whenPassed('up', sizeBytes / 2)
    cable.cut()
    await run.until('host.down')
    cable.mend()
    await expectDone(run, film)
    expect(link.bytes.up).toBeLessThan(1.5 * sizeBytes)
    await bench.expectNothingLeft()
  })
})

/**
 * Handshakes and commands, and what a busy machine has not read of the channel's window when the connection is reset. To begin anew would be
 * 1.6 times the file.
 */
function mostBytes(sizeBytes: number): number {
  return 1.05 * sizeBytes + WINDOW_BYTES
}

/** The controller reaches the slow link over another one, which can fall silent. */
async function start(bench: Bench, { lines = [] }: { readonly lines?: readonly string[] } = {}) {
  const film = await bench.makeFilm('a.mp4', { seconds: 4, options: ['-crf', '3'] })
  const sizeBytes = (await stat(film)).size
  const host = await bench.startHost('box', 'streaming')
  const link: SlowLink = await openSlowLink(host, { bytesPerSecond: 8_000_000 })
  const cable = await openCutLink({ address: '127.0.0.1', port: link.port })
  await appendFile(host.knownHostsFile, `[127.0.0.1]:${cable.port} ${host.hostPublicKey}\n`)
  const config = await writeConfig(
    bench.folder,
    { home: [{ host: { ...host, port: cable.port } as SshdHost, type: 'streaming', lines }] },
    COPY,
  )
  const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'copy', bench.films])
  const links = new AsyncDisposableStack()
  links.use(link)
  links.use(cable)
  return { film, sizeBytes, link, cable, links, run }
}

async function expectDone(run: EncodeRun, film: string): Promise<void> {
  const { status, stderr, events } = await run.ended
  expect(status, stderr).toBe(0)
  expect(events.filter(({ event }) => event === 'job.started' || event === 'job.retry')).toMatchObject([{ event: 'job.started' }])
  await describeFilm(join(film, '..', 'a.mkv'))
}
