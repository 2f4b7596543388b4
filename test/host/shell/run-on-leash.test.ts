import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kill } from 'node:process'
import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import type { CommandChannel } from '../../../src/host/channel.ts'
import { createLocalTransport } from '../../../src/host/local/local-transport.ts'
import { killCommand, leashCommand } from '../../../src/host/shell/leash.ts'
import { quoteWord } from '../../../src/host/shell/quote-posix.ts'
import { type LeashOptions, runOnLeash } from '../../../src/host/shell/run-on-leash.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { waitUntil } from '../../wait-until.ts'
import { INNER_SHELLS, type InnerShell, openInnerShell } from './inner-shells.ts'

const OPTIONS: LeashOptions = { hostName: 'here', timing: TEST_TIMING }
const IGNORES_TERM = "trap '' TERM INT HUP; echo $$; while :; do sleep 1; done"

describe.concurrent('the leash', () => {
  test('keeps the beginning of what is said, and the end of what is complained of', async () => {
    await using transport = createLocalTransport({ hostName: 'here', env: { PATH: process.env.PATH } })
    const said = 'seq 1000000; for n in 1 2 3; do printf . >&2; done; seq 100000 >&2; sleep 0.1; printf last >&2'
    const { stdout, stderr } = await runOnLeash(transport, ['/bin/sh', '-c', said], OPTIONS)
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('')
    expect(stdout).toBe(numbers(1_000_000).slice(0, 4 * 1024 * 1024))
    expect(stderr).toBe(`...${numbers(100_000)}last`.slice(-64 * 1024))
  })

  test('ends a command that waits when no heartbeat comes, and not before', async () => {
    await using shell = await openInnerShell('dash')
    const { tag, channel, output } = await startWaiting(shell, 'echo began', 5)
    const begin = performance.now()
    const heartbeat = setInterval(() => channel.stdin.write('h\n'), 500)
    await waitUntil(() => performance.now() - begin > 6500, { what: 'the limit has passed' })
    clearInterval(heartbeat)
    expect(await listGroup(tag)).not.toEqual([])
    await waitUntil(async () => (await listGroup(tag)).length === 0, { what: 'nothing is left of it' })
    await channel.exit
    expect(output()).toBe('')
  })

  describe.each(INNER_SHELLS)('with %s as /bin/sh', (name) => {
    test('hands on output, status and the number of the ending signal', async () => {
      await using shell = await openInnerShell(name)
      const run = async (script: string) => await runOnLeash(shell.transport, ['/bin/bash', '-c', script], OPTIONS)
      expect(await run('printf "a\\0b"; printf c >&2; exit 3')).toEqual({ status: 3, stdout: 'a\0b', stderr: 'c' })
      expect((await run('kill -KILL $$')).status).toBe(137)
      expect((await run('kill -TERM $$')).status).toBe(143)
    })

    test('adds to the environment of any program, whatever its path and its arguments look like', async () => {
      await using shell = await openInnerShell(name)
      const odd = join(shell.folder, 'a=b')
      await symlink('/bin/sh', odd)
      for (const program of ['/bin/sh', 'sh', odd]) {
        const argv = [program, '-c', 'printf "%s|" "$FILM" "$X" "$@"', 'sh', 'X=1', '-i']
        const { stdout } = await runOnLeash(shell.transport, argv, { ...OPTIONS, env: { FILM: "it's" } })
        expect(stdout).toBe("it's||X=1|-i|")
      }
    })

    test("adds FFmpeg's own names without a program between", async () => {
      await using shell = await openInnerShell(name)
      const env = { AV_LOG_FORCE_NOCOLOR: '1', AV_SAID: "it's\n$HOME" }
      const run = async (more: Readonly<Record<string, string>>) =>
        await runOnLeash(shell.transport, ['/bin/sh', '-c', 'printf %s "$AV_LOG_FORCE_NOCOLOR|$AV_SAID|$FILM"'], {
          ...OPTIONS,
          env: { ...env, ...more },
        })
      expect((await run({})).stdout).toBe("1|it's\n$HOME|")
      expect((await run({ FILM: 'a' })).stdout).toBe("1|it's\n$HOME|a")
    })

    test('tells the number of the command itself', async () => {
      await using shell = await openInnerShell(name)
      const { pid, channel, output } = await startRaw(shell, 'echo $$; sleep 60')
      expect(Number(/@start (\d+)/.exec(output())?.[1])).toBe(pid)
      channel.stdin.end()
      await expectGone(pid)
    })

    test('survives heartbeats that come before it is ready for them', async () => {
      await using shell = await openInnerShell(name)
      const options = { ...OPTIONS, timing: { ...TEST_TIMING, heartbeatEveryMs: 1 } }
      const result = await runOnLeash(shell.transport, ['/bin/bash', '-c', 'sleep 0.3; echo done'], options)
      expect(result).toEqual({ status: 0, stdout: 'done\n', stderr: '' })
    })

    test('ends the command after the end of its stdin', async () => {
      await using shell = await openInnerShell(name)
      const { pid, channel } = await startRaw(shell, 'echo $$; sleep 60')
      channel.stdin.end()
      await expectGone(pid)
    })

    test('ends a command that ignores TERM after the grace', async () => {
      await using shell = await openInnerShell(name)
      const { pid, channel } = await startRaw(shell, IGNORES_TERM)
      channel.stdin.write('t\n')
      await expectGone(pid)
    })

    test('ends a stopped command', async () => {
      await using shell = await openInnerShell(name)
      const { pid, channel, output } = await startRaw(shell, 'echo $$; sleep 60')
      kill(pid, 'SIGSTOP')
      channel.stdin.write('h\n')
      await waitUntil(async () => / T /.test(await readFile(`/proc/${pid}/stat`, 'utf8')), {
        what: 'the command is stopped',
      })
      expect(output()).not.toContain('@exit')
      channel.stdin.end()
      await expectGone(pid)
    })

    test('ends the command when no heartbeat comes, and not before', async () => {
      await using shell = await openInnerShell(name)
      const { pid, channel } = await startRaw(shell, 'echo $$; sleep 60', { heartbeatSeconds: 5 })
      const begin = performance.now()
      const heartbeat = setInterval(() => channel.stdin.write('h\n'), 500)
      await waitUntil(() => performance.now() - begin > 6500, { what: 'the limit has passed' })
      clearInterval(heartbeat)
      expect(await isAlive(pid)).toBe(true)
      await expectGone(pid)
    })

    test('has a command that waits begin when it may, and not before', async () => {
      await using shell = await openInnerShell(name)
      const leave = join(shell.folder, 'leave')
      const may = Promise.withResolvers<void>()
      const script = 'cat; printf "a\\0b"; printf c >&2; [ -e "$0" ] && exit 3'
      const argv = ['/bin/bash', '-c', script, leave]
      const run = runOnLeash(shell.transport, argv, { ...OPTIONS, mayBegin: may.promise })
      await waitUntil(async () => (await listGroup(leave)).length >= WAITING_PROCESSES, { what: 'the leash stands' })
      await writeFile(leave, '')
      may.resolve()
      expect(await run).toEqual({ status: 3, stdout: 'a\0b', stderr: 'c' })
      await waitUntil(async () => (await listGroup(leave)).length === 0, { what: 'nothing is left of it' })
    })

    test('ends a command that has begun after it waited', async () => {
      await using shell = await openInnerShell(name)
      const { channel, output } = await startWaiting(shell, IGNORES_TERM)
      channel.stdin.write('g\n')
      await waitUntil(() => /@start [^\n]*\n\d+\n/.test(output()), { what: 'the command has started' })
      channel.stdin.write('t\n')
      await expectGone(Number(/@start (\d+)/.exec(output())?.[1]))
    })

    test.each([
      ['it is told to', (channel: CommandChannel) => void channel.stdin.write('t\n')],
      ['its stdin ends', (channel: CommandChannel) => void channel.stdin.end()],
    ])('ends a command that waits, when %s', async (_, end) => {
      await using shell = await openInnerShell(name)
      const { tag, channel, output } = await startWaiting(shell, 'echo began')
      end(channel)
      await waitUntil(async () => (await listGroup(tag)).length === 0, { what: 'nothing is left of it' })
      await channel.exit
      expect(output()).toBe('')
    })

    test('ends the command when its wrapper is killed', async () => {
      await using shell = await openInnerShell(name)
      const { pid, channel, output } = await startRaw(shell, IGNORES_TERM)
      kill(Number(/@start \d+ (\d+)/.exec(output())?.[1]), 'SIGKILL')
      channel.destroy()
      await expectGone(pid)
    })
  })
})

test('starts nothing that waits where the server makes no process group for a channel', async () => {
  await using shell = await openInnerShell('dash')
  const command = leashCommand({ argv: ['/bin/echo', 'began'], tag: 'encode-raw', heartbeatSeconds: 600, graceTenths: 15, waits: true })
  const channel = await shell.transport.openCommand(`/bin/sh -c ${quoteWord(command)}; exit`)
  let text = ''
  channel.stderr.resume()
  channel.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  channel.stdin.on('error', () => undefined).write('g\n')
  await channel.exit
  expect(text).toBe('')
})

test('a command whose wrapper was killed before it could hold the leash is ended when it is told to', async () => {
  await using shell = await openInnerShell('dash')
  const lines: string[] = []
  const stop = new AbortController()
  const reason = new Error('enough')
  const script = 'echo $$; kill -KILL $PPID; exec sleep 60'
  const run = runOnLeash(shell.transport, ['/bin/sh', '-c', script], {
    ...OPTIONS,
    signal: stop.signal,
    onStdout: (chunk) => lines.push(chunk.toString()),
  })
  const failed = expect(run).rejects.toSatisfy((error) => error === reason || isEncodeError(error, 'COMMAND_FAILED'))
  await waitUntil(() => lines.length > 0, { what: 'the command runs' })
  stop.abort(reason)
  await failed
  await expectGone(Number(lines.join('')))
})

test('what a leash left behind is killed over a channel of its own, and nothing else', async () => {
  await using shell = await openInnerShell('dash')
  const { pid, channel, output } = await startRaw(shell, 'echo $$; sleep 60', { tag: 'encode-left' })
  const wrapper = Number(/@start \d+ (\d+)/.exec(output())?.[1])
  const killWith = async (tag: string, started: { pid: number; wrapper: number }): Promise<void> => {
    const killer = await shell.transport.openCommand(killCommand(tag, { ...started, mode: 'group' }))
    for (const stream of [killer.stdout, killer.stderr]) stream.resume()
    await killer.exit
  }
  await killWith('encode-other', { pid: process.pid, wrapper })
  expect(await isAlive(pid)).toBe(true)
  await killWith('encode-left', { pid: process.pid, wrapper })
  await expectGone(pid)
  channel.destroy()
})

describe.concurrent('where the server makes no process group for a channel', () => {
  test.each([
    ['setsid', '/usr/bin:/bin'],
    // A folder with the few tools that the leash needs, and no setsid.
    ['pid', undefined],
  ])('the leash still ends the command, in mode %s', async (mode, path) => {
    await using shell = await openInnerShell('dash')
    const tools = join(shell.folder, 'tools')
    await mkdir(tools)
    for (const tool of ['sleep', 'ps', 'printf']) await symlink(`/usr/bin/${tool}`, join(tools, tool))
    // The shell in between stays the leader of the group.
    const within = (line: string): string => `PATH=${path ?? tools}; /bin/sh -c ${quoteWord(line)}; exit`
    const { pid, channel, output } = await startRaw(shell, IGNORES_TERM, { within, heartbeatSeconds: 5 })
    expect(/@start \d+ \d+ (\w+)/.exec(output())?.[1]).toBe(mode)
    channel.stdin.write('t\n')
    await expectGone(pid, 3500)
    await waitUntil(() => output().includes('@exit 137\n'), { what: 'the end is told' })
    channel.stdin.end()
    await channel.exit
  })
})

interface RawOptions {
  /** Wraps the command line. */
  readonly within?: (line: string) => string
  readonly tag?: string
  /** So long, unless it is what is tested, that nothing else ends for want of heartbeats. */
  readonly heartbeatSeconds?: number
}

/** Starts a script on a leash that the test itself holds; the script prints its own number first. */
async function startRaw(
  shell: InnerShell,
  script: string,
  { within = (line) => line, tag = 'encode-raw', heartbeatSeconds = 600 }: RawOptions = {},
): Promise<{ readonly pid: number; readonly channel: CommandChannel; output(): string }> {
  const argv = ['/bin/bash', '-c', script]
  const channel = await shell.transport.openCommand(within(leashCommand({ argv, tag, heartbeatSeconds, graceTenths: 15 })))
  let text = ''
  channel.stdin.on('error', () => undefined)
  channel.stderr.resume()
  channel.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await waitUntil(() => /@start [^\n]*\n\d+\n/.test(text), { what: 'the command has started' })
  return { pid: Number(/@start [^\n]*\n(\d+)\n/.exec(text)?.[1]), channel, output: () => text }
}

/** The wrapper, and what holds the leash. */
const WAITING_PROCESSES = 5

/** Starts a script that waits for leave on a leash that the test itself holds. */
async function startWaiting(
  shell: InnerShell,
  script: string,
  heartbeatSeconds = 600,
): Promise<{ readonly tag: string; readonly channel: CommandChannel; output(): string }> {
  const tag = `encode-${randomUUID()}`
  const argv = ['/bin/bash', '-c', script]
  const channel = await shell.transport.openCommand(leashCommand({ argv, tag, heartbeatSeconds, graceTenths: 15, waits: true }))
  let text = ''
  channel.stdin.on('error', () => undefined)
  channel.stderr.resume()
  channel.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await waitUntil(async () => (await listGroup(tag)).length >= WAITING_PROCESSES, { what: 'the leash stands' })
  return { tag, channel, output: () => text }
}

/** Living processes of the group whose leader has the word in its command line. */
async function listGroup(word: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const living = await Promise.all(
    pids.map(async (pid) => {
      const [stat, words] = await Promise.all(['stat', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => ')')))
      const [state, , group] = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ')
      return { pid: Number(pid), isAlive: state !== undefined && state !== '' && state !== 'Z', group: Number(group), words: words ?? '' }
    }),
  )
  const leader = living.find(({ pid, group, words }) => pid === group && words.includes(word))
  return living.filter(({ isAlive, group }) => isAlive && group === leader?.group).map(({ pid }) => pid)
}

async function expectGone(pid: number, timeoutMs = 15_000): Promise<void> {
  await waitUntil(async () => !(await isAlive(pid)), { what: 'the command is gone', timeoutMs })
}

/** A zombie is gone but for its status, which an orphan's new parent may take its time to fetch. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return !stat.includes(') Z')
}

test('a command that is ended because this process stood still is lost, not failed', async () => {
  await using local = createLocalTransport({ hostName: 'here', env: process.env })
  let isStill = false
  const onStdout = () => {
    if (!isStill) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7500)
    isStill = true
  }
  await expect(runOnLeash(local, ['/bin/sh', '-c', 'echo ready; sleep 60'], { ...OPTIONS, onStdout })).rejects.toThrow(
    /^This machine stood still for \d+ s: host "here" ended what ran for it$/,
  )
})
