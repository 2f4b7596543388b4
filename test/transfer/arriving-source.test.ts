/** A source that is read while it travels: real OpenSSH servers, and the ffmpeg of this machine on them. */

import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHost } from '../../src/host/create-host.ts'
import type { Host } from '../../src/host/host.ts'
import { ArrivalUnfit, type ArrivingSource, openArrivingSource, type SourceBeginning } from '../../src/transfer/arriving-source.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../cluster/sshd-host.ts'
import { makeHostConfig } from '../contract/host-config.ts'

const run = promisify(execFile)

describe.runIf(canStartHosts)('a source that arrives', () => {
  let folder: string
  let server: SshdHost
  let host: Host
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-arriving-'))
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=2,noise=alls=40:allf=t']
    const sound = ['-f', 'lavfi', '-i', 'sine=duration=2']
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '4', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
    await ffmpeg(...picture, ...sound, ...codecs, join(folder, 'film.mp4'))
    for (const name of ['film.mkv', 'film.ts']) await ffmpeg('-i', join(folder, 'film.mp4'), '-c', 'copy', join(folder, name))
    server = await startSshdHost({ name: 'arriving', hide: [folder] })
    host = await openHost(server)
  }, 30_000)

  afterAll(async () => {
    for (const close of closing.reverse()) await close()
    await rm(folder, { recursive: true, force: true })
  }, 30_000)

  async function openHost(there: SshdHost): Promise<Host> {
    closing.push(() => there.stop())
    const { address, port, user, identityFile, knownHostsFile, workingFolder } = there
    const config = makeHostConfig({
      ...{ name: there.name, type: 'streaming', workingDir: workingFolder },
      ...{ address, port, user, identityFile, knownHosts: knownHostsFile },
    })
    const opened = createHost({ config, sshProgram: undefined, env: { PATH: process.env.PATH }, homeFolder: homedir() })
    closing.push(async () => await opened[Symbol.asyncDispose]())
    await opened.open()
    return opened
  }

  async function openSource(name: string, on = host, beginning?: SourceBeginning): Promise<ArrivingSource> {
    const path = join(folder, name)
    const { size, mtimeMs } = await stat(path)
    const extension = name.slice(name.lastIndexOf('.'))
    return await openArrivingSource({
      host: on,
      source: { path, sizeBytes: size, mtimeMs },
      extension,
      beginning,
      signal: AbortSignal.timeout(30_000),
    })
  }

  /** What a host's ffmpeg reads, packet by packet. */
  async function listPackets(source: ArrivingSource, options: readonly string[] = [], on = host, onOutput?: (text: string) => void) {
    const argv = [
      'ffmpeg',
      '-nostdin',
      '-v',
      'error',
      ...options,
      ...source.inputOptions,
      '-i',
      source.input,
      '-map',
      '0',
      '-c',
      'copy',
      '-f',
      'framemd5',
      '-',
    ]
    let output = ''
    const onStdout = (chunk: Buffer): void => {
      output += chunk
      onOutput?.(output)
      source.heed(chunk)
    }
    const result = await on.run([...source.launcher, ...argv], { onStdout })
    return { ...result, stdout: output.slice(output.indexOf('\n') + 1) }
  }

  const portOf = ({ launcher }: ArrivingSource): number => Number(launcher.at(-1))

  test.for(['film.mp4', 'film.mkv', 'film.ts'])('gives all of %s, wherever its index stands', async (name) => {
    await using source = disposable(await openSource(name))
    const { status, stdout, stderr } = await listPackets(source)
    const { stdout: wanted } = await run('ffmpeg', [
      '-v',
      'error',
      '-i',
      join(folder, name),
      '-map',
      '0',
      '-c',
      'copy',
      '-f',
      'framemd5',
      '-',
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toBe(wanted)
    await source.assertWhole(stderr)
    expect(source.broken.aborted).toBe(false)
  })

  test.for(['film.mp4', 'film.mkv', 'film.ts'])('is one with the beginning of %s, which the host has already', async (name) => {
    const path = join(folder, name)
    const { size } = await stat(path)
    const hostPath = join(server.workingFolder, `it's: the first,  part of ${name}`)
    const sizeBytes = Math.floor(size / 3)
    await writeFile(hostPath, (await readFile(path)).subarray(0, sizeBytes))
    await using source = disposable(await openSource(name, host, { hostPath, sizeBytes }))
    const { status, stdout, stderr } = await listPackets(source)
    const { stdout: wanted } = await run('ffmpeg', ['-v', 'error', '-i', path, '-map', '0', '-c', 'copy', '-f', 'framemd5', '-'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toBe(wanted)
    await source.assertWhole(stderr)
  })

  test('gives nothing to who does not know the token, which no command line shows', async () => {
    await using source = disposable(await openSource('film.mkv'))
    const port = portOf(source)
    // Who asks before there is a token waits for it.
    const early = ask(port, `encode:${'0'.repeat(32)}`)
    let password = ''
    const encoding = listPackets(source, ['-re'], host, (output) => {
      password = output.slice(0, 32)
    })
    const seen = new Set<string>()
    while (!source.hasServed) for (const { args } of await server.processes()) seen.add(args)
    for (const { args } of await server.processes()) seen.add(args)
    expect([...seen].some((args) => args.includes(source.input))).toBe(true)
    expect(password).toMatch(/^[0-9a-f]{32}$/)
    expect([...seen].filter((args) => args.includes(password))).toEqual([])
    expect(await early).toEqual({ status: 407, bytes: 0 })
    for (const guess of [undefined, 'encode:', `encode:${'0'.repeat(32)}`, `encode:${password}0`]) {
      expect(await ask(port, guess)).toEqual({ status: 407, bytes: 0 })
    }
    expect(await ask(port, `encode:${password}`, 'DELETE')).toEqual({ status: 405, bytes: 0 })
    expect((await encoding).status).toBe(0)
    await source.assertWhole('')
  })

  test('is of no use to a host that makes no random numbers', async () => {
    await using source = disposable(await openSource('film.mkv'))
    const early = ask(portOf(source), 'encode:')
    early.catch(() => undefined)
    await host.run([...source.launcher, 'true'], { env: { PATH: '/nowhere' }, onStdout: (chunk) => source.heed(chunk) })
    expect(source.broken.reason).toBeInstanceOf(ArrivalUnfit)
    expect(source.broken.reason).toMatchObject({ isOfHost: true })
    await expect(early).rejects.toThrow()
  })

  test('closes its port with the job, even if nobody has told of a token', async () => {
    const source = await openSource('film.mkv')
    const early = ask(portOf(source), 'encode:')
    early.catch(() => undefined)
    await source.close()
    expect(await isOpen(portOf(source))).toBe(false)
    await expect(early).rejects.toThrow()
  })

  test('is not taken for whole when ffmpeg ends well before its end', async () => {
    await using source = disposable(await openSource('film.ts'))
    const { status } = await listPackets(source, ['-t', '0.2'])
    expect(status).toBe(0)
    await expect(source.assertWhole('')).rejects.toBeInstanceOf(ArrivalUnfit)
  })

  test('breaks when the file becomes shorter while it is read', async () => {
    await copyFile(join(folder, 'film.ts'), join(folder, 'growing.ts'))
    await using source = disposable(await openSource('growing.ts'))
    const reading = listPackets(source, ['-re'])
    while (!source.hasServed) await new Promise((resolve) => setImmediate(resolve))
    await truncate(join(folder, 'growing.ts'), 1_000_000)
    await reading
    expect(source.broken.reason).toMatchObject({ code: 'SOURCE_CHANGED' })
    await expect(source.assertWhole('')).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  test('is not begun with a file that is another one by now', async () => {
    await writeFile(join(folder, 'other.ts'), 'one')
    const { size, mtimeMs } = await stat(join(folder, 'other.ts'))
    await writeFile(join(folder, 'other.ts'), 'another')
    const source = { path: join(folder, 'other.ts'), sizeBytes: size, mtimeMs }
    const opening = openArrivingSource({
      ...{ host, source, extension: '.ts', signal: AbortSignal.timeout(30_000) },
    })
    await expect(opening).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })

  test('breaks with the connection, and leaves no port behind', async () => {
    const frail = await startSshdHost({ name: 'frail', hide: [folder] })
    const frailHost = await openHost(frail)
    await using source = disposable(await openSource('film.ts', frailHost))
    const reading = listPackets(source, ['-re'], frailHost)
    reading.catch(() => undefined)
    while (!source.hasServed) await new Promise((resolve) => setImmediate(resolve))
    await frail.kill()
    await expect(reading).rejects.toMatchObject({ code: 'HOST_LOST' })
    await expect(source.assertWhole('')).rejects.toMatchObject({ code: 'HOST_LOST' })
    expect(await isOpen(portOf(source))).toBe(false)
  })

  test('is refused by a host that forwards nothing', async () => {
    const strict = await openHost(await startSshdHost({ name: 'strict', sshdOptions: ['AllowTcpForwarding no'] }))
    await expect(openSource('film.mkv', strict)).rejects.toMatchObject({ isOfHost: true })
  })
})

async function ffmpeg(...argv: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...argv])
}

function disposable(source: ArrivingSource): ArrivingSource & AsyncDisposable {
  return Object.defineProperty(source, Symbol.asyncDispose, { value: async () => await source.close() }) as ArrivingSource & AsyncDisposable
}

async function ask(
  port: number,
  credentials: string | undefined,
  method = 'GET',
): Promise<{ readonly status: number; readonly bytes: number }> {
  const headers = credentials === undefined ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
  return await new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path: '/source.mkv', method, headers, agent: false }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, bytes }))
    })
    asking.once('error', reject)
    asking.end()
  })
}

async function isOpen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.unref()
    socket.on('connect', () => socket.destroy())
  })
}
