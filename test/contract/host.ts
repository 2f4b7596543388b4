/** What every Host does. An implementation joins with one call of `describeHost`. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CreateHostOptions, createHost } from '../../src/host/create-host.ts'
import type { Host } from '../../src/host/host.ts'
import type { LeashTiming } from '../../src/host/shell/run-on-leash.ts'
import type { HostProcess } from '../cluster/sshd-host.ts'
import { startQuietClock } from '../quiet-clock.ts'
import { waitUntil } from '../wait-until.ts'
import { NASTY_ARGUMENTS, NASTY_NAMES } from './nasty-names.ts'

export interface HostUnderTest extends AsyncDisposable {
  /** Makes the host; as JSON it also goes to another process. */
  readonly options: CreateHostOptions
  /** What runs on the host now, but for the server that lets us in. */
  processes(): Promise<readonly HostProcess[]>
  /** What its server has logged, where there is one. */
  log?(): string
}

/** Short, so that a cut-off controller is noticed within a test. */
export const TEST_TIMING: LeashTiming = { heartbeatEveryMs: 500, heartbeatLimitSeconds: 5, graceTenths: 15 }

const ARGUMENTS_WITH_LINE_ENDS: readonly string[] = ['line\nend', 'end\n', '\n\n', 'cr\r', '\r\n', 'back\\nslash\n', ...NASTY_ARGUMENTS]

const FFMPEG_FOREVER = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=64x64', '-progress', 'pipe:1', '-f', 'null', '-']
const IGNORES_TERM = ['/bin/sh', '-c', "trap '' TERM INT HUP; echo here; while :; do sleep 1; done"]

/** What not every host has. */
export interface HostTraits {
  /** It is this machine: nothing of it has to come here, neither connections nor files. */
  readonly isLocal?: boolean
  /** Its server closes a port no sooner than the connection, so that none is opened. */
  readonly refusesPorts?: boolean
  /** Connects to a port of it, in place of bash. */
  readonly connectBy?: readonly string[]
}

const BASH_CONNECTS = ['/bin/bash', '-c', 'exec 3<>/dev/tcp/"$0"/"$1" && cat <&3']

export function describeHost(name: string, start: () => Promise<HostUnderTest>, traits: HostTraits = {}): void {
  const { isLocal = false, refusesPorts = false, connectBy = BASH_CONNECTS } = traits
  describe(name, () => {
    let under: HostUnderTest
    let host: Host
    let folder: string
    let ffmpeg: string

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'encode-contract-'))
      under = await start()
      host = createHost(under.options)
      ffmpeg = (await host.open()).ffmpegPath
    }, 30_000)

    afterAll(async () => {
      await host?.[Symbol.asyncDispose]()
      await waitUntil(async () => (await under.processes()).length === 0, { what: 'nothing runs on the host' })
      await under?.[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    }, 30_000)

    test('gives back status, standard output and standard error', async () => {
      const result = await host.run(['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'])
      expect(result).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' })
    })

    test('says 128 + n when signal n ended the command, and 127 when there is none', async () => {
      expect((await host.run(['/bin/sh', '-c', 'kill -KILL $$'])).status).toBe(137)
      expect((await host.run(['no-such-program-here'])).status).toBe(127)
    })

    test('hands on arguments as they are', async () => {
      const { stdout } = await host.run(['printf', '%s\\0', ...NASTY_ARGUMENTS])
      expect(stdout.split('\0').slice(0, -1)).toEqual(NASTY_ARGUMENTS)
    })

    test('hands on arguments with line ends as they are', async () => {
      const { stdout } = await host.run(['printf', '%s\\0', ...ARGUMENTS_WITH_LINE_ENDS])
      expect(stdout.split('\0').slice(0, -1)).toEqual(ARGUMENTS_WITH_LINE_ENDS)
    })

    test('hands on every byte of the output, and no other', async () => {
      const file = join(folder, 'bytes')
      const bytes = Buffer.concat([randomBytes(1_000_000), Buffer.from('encode-@exit 0')])
      await writeFile(file, bytes)
      const pieces: Buffer[] = []
      const { status, stdout } = await host.run(['cat', file], { onStdout: (chunk) => pieces.push(chunk) })
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    })

    test('adds to the environment, and steps back with nice', async () => {
      const env = { ENCODE_A: `it's $HOME "quoted"`, ENCODE_B: 'line\nend' }
      // Some busybox has no nice(1): what is to be niced runs all the same.
      const script = 'printf "%s|%s|%s" "$ENCODE_A" "$ENCODE_B" "$(nice 2>/dev/null || echo 7)"'
      const { stdout } = await host.run(['/bin/sh', '-c', script], {
        env,
        nice: 7,
        keepsAwake: true,
      })
      expect(stdout).toBe(`${env.ENCODE_A}|${env.ENCODE_B}|7`)
    })

    test('runs several commands at once', async () => {
      const results = await Promise.all(Array.from({ length: 12 }, async (_, index) => await host.run(['echo', String(index)])))
      expect(results.map(({ stdout }) => stdout.trim())).toEqual(results.map((_, index) => String(index)))
    })

    test('ends ffmpeg when it is told to, and says so only after that', async () => {
      await expectEnded([ffmpeg, ...FFMPEG_FOREVER], 'testsrc2', 'progress=')
    })

    test('has a command begin when it may, and not before', async () => {
      const leave = join(folder, 'leave')
      // Where a host makes commands ready while they wait, it does so once it knows that they are short.
      for (let round = 0; round < 3; round += 1) {
        await rm(leave, { force: true })
        const { promise: mayBegin, resolve: letBegin } = Promise.withResolvers<void>()
        const waiting = host.run(['/bin/sh', '-c', 'test -e "$0" && echo began', leave], { mayBegin })
        await host.run(['echo', 'meanwhile'])
        await writeFile(leave, '')
        letBegin()
        expect(await waiting).toEqual({ status: 0, stdout: 'began\n', stderr: '' })
      }
      const { promise: mayBegin, reject: refuse } = Promise.withResolvers<void>()
      const refused = host.run(['sleep', '986'], { mayBegin })
      const reason = new Error('goes elsewhere')
      refuse(reason)
      await expect(refused).rejects.toBe(reason)
      await waitUntil(async () => (await processes('sleep 986')).length === 0, { what: 'nothing waits any more' })
    })

    test('starts nothing for a signal that is already aborted', async () => {
      const reason = new Error('changed my mind')
      await expect(host.run(['echo'], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    })

    test('leaves nothing behind of a command that started something and ended', async () => {
      await host.run(['/bin/sh', '-c', 'sleep 987 >/dev/null 2>&1 & exit 0'])
      await waitUntil(async () => (await processes('sleep 987')).length === 0, { what: 'the sleep is gone' })
    })

    test('hands over connections to a port of its own loopback until that is closed', async () => {
      const { listen } = host
      if (listen === undefined || isLocal) return expect([listen, isLocal]).toEqual([undefined, true])
      const opened = listen((stream) => stream.end('hello from afar'))
      if (refusesPorts) return await expect(opened).rejects.toMatchObject({ code: 'HOST_UNSUPPORTED' })
      const listener = await opened
      const say = [...connectBy, '127.0.0.1', String(listener.port)]
      expect(await host.run(say)).toMatchObject({ status: 0, stdout: expect.stringMatching(/hello from afar$/) })
      await listener.close()
      expect((await host.run(say)).status).not.toBe(0)
      expect(listener.lost.aborted).toBe(false)
    })

    test('copies a file while it grows, and throws away what is not the same in the end', async () => {
      const { followFile } = host
      if (followFile === undefined || isLocal) return expect([followFile, isLocal]).toEqual([undefined, true])
      const [there, here] = [join(folder, 'growing'), join(folder, 'followed')]
      await writeFile(there, 'first')
      let told = 0
      const grow = async (more: string) => {
        told += 1
        if (told === 2) await host.run(['/bin/sh', '-c', 'printf %s "$0" >>"$1"', more, there])
        return { sizeBytes: told < 2 ? 5 : 11, isWhole: told >= 2 }
      }
      await followFile(there, here, { more: () => grow('second') })
      expect(await readFile(here, 'utf8')).toBe('firstsecond')
      await rm(here)
      await expect(followFile(there, here, { more: async () => ({ sizeBytes: 4, isWhole: true }) })).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
      })
      expect(existsSync(here)).toBe(false)
    })

    test('copies files there and back, whatever their size and name', async () => {
      for (const [name, size] of [...NASTY_NAMES.map((name, index) => [name, index] as const), ['big', 3_000_001] as const]) {
        const [here, there, back] = [join(folder, 'here'), host.joinPath(folder, name), join(folder, 'back')]
        const bytes = randomBytes(size)
        let moved = 0
        await writeFile(here, bytes)
        await host.putFile(here, there, { onBytes: (count) => (moved = count) })
        expect((await readFile(there)).equals(bytes), name).toBe(true)
        if (size > 0) expect(moved).toBe(size)
        expect(await host.statFile(there)).toEqual({ kind: 'file', sizeBytes: size })
        await host.getFile(there, back)
        expect((await readFile(back)).equals(bytes), name).toBe(true)
        expect((await stat(back)).mode & 0o777).toBe(0o600)
        await rm(back)
        await host.removeFiles([there])
        expect(await host.statFile(there)).toBeUndefined()
      }
    })

    test('goes on behind what an earlier try has brought over, there and back', async () => {
      const [here, there, back] = [join(folder, 'here'), host.joinPath(folder, 'there'), join(folder, 'back')]
      const [bytes, offset] = [randomBytes(2_500_000), 1_000_001]
      const counts: number[] = []
      const options = { offset, onBytes: (count: number) => counts.push(count) }
      await writeFile(here, bytes)
      await writeFile(`${there}.1.part`, bytes.subarray(0, offset))
      await host.putFile(here, there, { ...options, partialPath: `${there}.1.part` })
      expect((await readFile(there)).equals(bytes)).toBe(true)
      expect(existsSync(`${there}.1.part`)).toBe(false)
      await writeFile(back, bytes.subarray(0, offset), { mode: 0o600 })
      await host.getFile(there, back, options)
      expect((await readFile(back)).equals(bytes)).toBe(true)
      expect(counts.filter((count) => count === bytes.length)).toHaveLength(2)
      await Promise.all([here, there, back].map(async (path) => await rm(path)))
    })

    test('has nothing under the name of a file that is on its way, and all of it then', async () => {
      const [here, there] = [join(folder, 'here'), host.joinPath(folder, 'there')]
      await writeFile(here, randomBytes(3_000_000))
      await writeFile(`${there}.part`, 'an older try')
      const seen: boolean[] = []
      await host.putFile(here, there, { onBytes: () => seen.push(existsSync(there)) })
      expect(new Set(seen)).toEqual(new Set([false]))
      expect((await stat(there)).mode & 0o777).toBe(0o600)
      expect(existsSync(`${there}.part`)).toBe(false)
      await Promise.all([here, there].map(async (path) => await rm(path)))
    })

    test('takes a file over from a connection that lives or whose guard does, and from no other', async () => {
      const [from, to] = [join(folder, 'from'), join(folder, "it's taken")]
      await writeFile(from, 'left')
      const { release } = await host.guardFile(to)
      expect(await host.adoptFile('encode-of-nobody', from, to)).toBe(false)
      expect(existsSync(to)).toBe(false)
      expect(await host.adoptFile(host.mark, from, to)).toBe(true)
      expect(await readFile(to, 'utf8')).toBe('left')
      expect(await host.adoptFile(host.mark, from, to)).toBe(false)
      release()
      await rm(to)
    })

    test('refuses to fetch what is not there, and to send where nothing can be', async () => {
      await writeFile(join(folder, 'here'), 'x')
      await expect(host.getFile(join(folder, 'missing'), join(folder, 'back'))).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
      await expect(host.putFile(join(folder, 'here'), join(folder, 'no/such/folder'))).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
      await expect(host.putFile(join(folder, 'missing'), join(folder, 'there'))).rejects.toThrow()
    })

    test('tells files, folders and other things apart', async () => {
      await writeFile(join(folder, 'file'), 'four')
      await symlink(join(folder, 'file'), join(folder, 'link'))
      expect(await host.statFile(join(folder, 'file'))).toEqual({ kind: 'file', sizeBytes: 4 })
      expect(await host.statFile(join(folder, 'link'))).toEqual({ kind: 'file', sizeBytes: 4 })
      expect(await host.statFile(folder)).toMatchObject({ kind: 'folder' })
      expect(await host.statFile('/dev/null')).toEqual({ kind: 'other', sizeBytes: 0 })
      expect(await host.statFile(join(folder, 'file', 'below'))).toBeUndefined()
    })

    test('makes folders that only their owner can enter', async () => {
      const made = join(folder, "one's own", 'below')
      await host.makeFolder(made)
      await host.makeFolder(made)
      expect((await stat(made)).mode & 0o777).toBe(0o700)
      expect((await stat(join(made, '..'))).mode & 0o777).toBe(0o700)
    })

    test('removes files and whole folders, and never by a relative name or everything', async () => {
      const names = ['-rf', 'a b', 'folder'].map((name) => join(folder, 'gone', name))
      await mkdir(join(folder, 'gone', 'folder', 'deep'), { recursive: true })
      await Promise.all(names.slice(0, 2).map(async (name) => await writeFile(name, '')))
      await host.removeFiles([...names, join(folder, 'gone', 'never-there')])
      expect(await Promise.all(names.map(async (name) => await host.statFile(name)))).toEqual([undefined, undefined, undefined])
      for (const path of ['', 'relative', '/', '//', '/.', `${folder}/..`]) {
        await expect(host.removeFiles([path])).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
        await expect(host.guardFile(path)).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
      }
    })

    test('tells free space and load', async () => {
      expect(await host.freeBytes(folder)).toBeGreaterThan(0)
      expect(await host.freeBytes('/no/such/folder')).toBeUndefined()
      expect((await host.load()).cpuRatio).toBeGreaterThanOrEqual(0)
    })

    // These mostly wait, and do not look at what the others do.
    test.concurrent('ends a command that ignores TERM within three seconds', async () => {
      await expectEnded(IGNORES_TERM, 'while :', 'here')
    })

    test.concurrent('says when a command was ended from outside', async () => {
      const run = host.run(['/bin/sh', '-c', 'sleep 0.5; kill -KILL $PPID; sleep 60'])
      await expect(run).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
      await waitUntil(async () => (await processes('sleep 60')).length === 0, { what: 'the command is gone' })
    })

    test.concurrent('when it is closed, keeps what was released and removes what is still guarded', async () => {
      const [kept, left] = [join(folder, 'kept'), join(folder, 'left')]
      for (const file of [kept, left]) await writeFile(file, '')
      const before = (await processes('@kept')).length
      const other = createHost(under.options)
      await other.open()
      const { release } = await other.guardFile(kept)
      await other.guardFile(left)
      release()
      expect((await processes('@kept')).length).toBeGreaterThan(before)
      await other[Symbol.asyncDispose]()
      await waitUntil(async () => (await processes('@kept')).length === before, { what: 'the guard is gone', timeoutMs: 10_000 })
      expect((await stat(kept)).size).toBe(0)
      await expect(stat(left)).rejects.toThrow('ENOENT')
    })

    test('ends what runs when it is closed', async () => {
      const other = createHost(under.options)
      await other.open()
      const run = other.run([ffmpeg, ...FFMPEG_FOREVER, '-metadata', 'title=closing'])
      const failed = expect(run).rejects.toMatchObject({ code: 'INTERRUPTED' })
      await waitUntil(async () => (await processes('closing')).some(({ args }) => args.startsWith(ffmpeg)), { what: 'ffmpeg runs' })
      await other[Symbol.asyncDispose]()
      await failed
      // The shell around it may be a moment behind.
      await waitUntil(async () => (await processes('closing')).length === 0, { what: 'nothing of it is left' })
    })

    async function processes(part: string): Promise<readonly HostProcess[]> {
      return (await under.processes()).filter(({ args }) => args.includes(part))
    }

    async function expectEnded(argv: readonly string[], part: string, sign: string): Promise<void> {
      const stop = new AbortController()
      const reason = new Error('enough')
      const started = Promise.withResolvers<void>()
      let said = ''
      const run = host.run(argv, {
        signal: stop.signal,
        onStdout(chunk) {
          said += chunk.toString()
          if (said.includes(sign)) started.resolve()
        },
      })
      const failed = expect(run).rejects.toBe(reason)
      await Promise.race([started.promise, run])
      const quietMs = startQuietClock()
      stop.abort(reason)
      await failed
      expect(quietMs()).toBeLessThan(3200)
      const left = (await processes(part)).filter(({ args }) => !args.includes('@start'))
      expect(left).toEqual([])
    }
  })
}
