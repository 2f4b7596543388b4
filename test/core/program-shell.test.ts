import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createProgramShell } from '../../src/core/program-shell.ts'

const whole = { startFailure: undefined, isTimedOut: false, isTooLong: false }

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-program-shell-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  return folder
}

/** What nobody has waited for yet has ended all the same. */
function isRunning(pid: string): boolean {
  return /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', pid.trim()], { encoding: 'utf8' }).stdout)
}

/** Number of the shell that started it. */
const ASK_PARENT = ['-c', 'echo $PPID'] as const

describe('a shell that stands by for short programs', () => {
  test('tells what a program says and its exit status, as if it had been started directly', async () => {
    const { run } = createProgramShell()
    const argv = ['-c', 'printf "a film\\n"; printf "a complaint" >&2; exit 3']
    expect(await run('/bin/sh', argv)).toEqual({ ...whole, status: 3, stdout: 'a film\n', stderr: 'a complaint' })
    expect(await run('/bin/sh', ['-c', 'kill -SEGV $$'])).toMatchObject({ status: 139, stdout: '' })
    expect(await run('/bin/sh', ['-c', 'cat; pwd'])).toMatchObject({ stdout: `${process.cwd()}\n` })
  })

  test('is the same one for one program after the other, and one for each of those that run at a time', async () => {
    const { run } = createProgramShell()
    const first = await run('/bin/sh', ASK_PARENT)
    expect(await run('/bin/sh', ASK_PARENT)).toEqual(first)
    const all = await Promise.all([1, 2, 3].map(async () => (await run('/bin/sh', ASK_PARENT)).stdout))
    expect(new Set(all).size).toBe(3)
  })

  test('hands on every argument as it is', async () => {
    const { run } = createProgramShell()
    const nasty = ['', ' ', "it's", "'", '$(id)', '`id`', '\\', 'a\nb\r', '-n', '*', '!', '"', '~', '\u{1F3AC} é', '\x7f\x1b\x01']
    expect((await run('/usr/bin/printf', ['[%s]', ...nasty])).stdout).toBe(nasty.map((word) => `[${word}]`).join(''))
    const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0'))
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 20, maxLength: 40 }), async (words) => {
        expect((await run('/usr/bin/printf', ['[%s]', ...words])).stdout).toBe(words.map((one) => `[${one}]`).join(''))
      }),
      { numRuns: 5 },
    )
  })

  test('knows no functions and aliases of the environment', async () => {
    expect((await createProgramShell().run('printf', ['%s', 'film'])).stdout).toBe('film')
  })

  test('has programs keep the memory that they have, unless somebody has his own way with it', async () => {
    const ask = ['-c', 'echo $MALLOC_MMAP_THRESHOLD_ $MALLOC_TRIM_THRESHOLD_'] as const
    expect(await createProgramShell().run('/bin/sh', ask)).toMatchObject({ stdout: '33554432 1073741824\n' })
    vi.stubEnv('MALLOC_TRIM_THRESHOLD_', '1')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await createProgramShell().run('/bin/sh', ask)).toMatchObject({ stdout: '33554432 1\n' })
  })

  test('bears megabytes, and what looks like the end of an answer', async () => {
    const { run } = createProgramShell()
    const { stdout } = await run('/bin/sh', ['-c', `yes ${'0123456789abcdef'.repeat(2)} | head -c 3000000; echo; echo abcdef 0`])
    expect(stdout.length).toBe(3_000_010)
    expect((await run('/bin/sh', ['-c', 'yes film | head -c 1000000 >&2; echo last >&2'])).stderr).toMatch(/last\n$/)
  })

  test('ends a program that takes too long, or says too much, and the next one has another shell', async () => {
    const { run } = createProgramShell()
    expect(await run('/bin/sh', ['-c', 'sleep 60'], { timeoutMs: 50 })).toMatchObject({ status: undefined, isTimedOut: true })
    const long = await run('/bin/sh', ['-c', 'yes film'], { maxOutputBytes: 100_000 })
    expect(long).toMatchObject({ status: undefined, isTooLong: true })
    expect(long.stdout.length).toBeLessThanOrEqual(100_000)
    const exact = await run('/bin/sh', ['-c', 'printf 12345'], { maxOutputBytes: 5 })
    expect(exact).toMatchObject({ status: 0, stdout: '12345', isTooLong: false })
    expect(await run('/bin/sh', ['-c', 'printf 123456'], { maxOutputBytes: 5 })).toMatchObject({ isTooLong: true })
  })

  test('when the signal is aborted it rejects with its reason after the program has ended', async () => {
    const { run } = createProgramShell()
    const file = join(await makeFolder(), 'pid')
    const stop = new AbortController()
    const reason = new Error('enough')
    const running = run('/bin/sh', ['-c', `echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 61.25`, file], { signal: stop.signal })
    await expect.poll(() => existsSync(file)).toBe(true)
    stop.abort(reason)
    await expect(running).rejects.toBe(reason)
    expect(isRunning(await readFile(file, 'utf8'))).toBe(false)
    await expect(run('/bin/true', [], { signal: stop.signal })).rejects.toBe(reason)
  })

  test('tells by the system code why a program cannot be started', async () => {
    const { run } = createProgramShell()
    expect(await run('/no/such/program', [])).toMatchObject({ status: undefined, startFailure: 'ENOENT' })
    expect(await run('/etc/passwd', [])).toMatchObject({ status: undefined, startFailure: 'EACCES' })
    expect(await run('/bin/true', ['x'.repeat(300_000)])).toMatchObject({ startFailure: 'E2BIG' })
    expect(await run('/bin/sh', ['-c', 'exit 127'])).toMatchObject({ status: 127, startFailure: undefined })
  })

  test('that was killed from outside is replaced, and the program is started again', async () => {
    const { run } = createProgramShell()
    const folder = await makeFolder()
    // Kills the shell that it has for a parent, once.
    const script = `mkdir "$0" 2>/dev/null && kill -KILL $PPID; echo film`
    expect(await run('/bin/sh', ['-c', script, join(folder, 'once')])).toMatchObject({ status: 0, stdout: 'film\n' })
    expect(await run('/bin/sh', ['-c', 'echo next'])).toMatchObject({ status: 0, stdout: 'next\n' })
  })

  test('ends after a while with nothing to do', async () => {
    const { run } = createProgramShell({ idleMs: 10 })
    const { stdout: parent } = await run('/bin/sh', ASK_PARENT)
    await expect.poll(() => isRunning(parent)).toBe(false)
    expect((await run('/bin/sh', ASK_PARENT)).stdout).not.toBe(parent)
  })

  test('keeps no process from ending, and ends with it', async () => {
    const url = JSON.stringify(import.meta.resolve('../../src/core/program-shell.ts'))
    const script = `const { createProgramShell } = await import(${url}); console.log((await createProgramShell().run('/bin/sh', ['-c', 'echo $PPID'])).stdout)`
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 })
    expect(status).toBe(0)
    await expect.poll(() => isRunning(stdout)).toBe(false)
  })

  test('is waited for by whoever disposes of it, and then nothing is left of it', async () => {
    const url = JSON.stringify(import.meta.resolve('../../src/core/program-shell.ts'))
    const script = [
      `const { createProgramShell } = await import(${url})`,
      `const shell = createProgramShell()`,
      `const all = await Promise.all([1, 2].map(async () => (await shell.run('/bin/sh', ['-c', 'echo $PPID'])).stdout.trim()))`,
      `await shell[Symbol.asyncDispose]()`,
      `console.log(all.join(' '))`,
    ].join(';')
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 })
    expect([status, stdout.split(' ').filter(isRunning)]).toEqual([0, []])
    expect(stdout.split(' ')).toHaveLength(2)
  })

  test('is not wanted on Windows, where programs are started directly', async () => {
    const parent = (await createProgramShell({ platform: 'win32' }).run('/bin/sh', ASK_PARENT)).stdout.trim()
    expect(parent).toBe(String(process.pid))
  })
})
