import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lacks } from '../capabilities.ts'

const run = promisify(execFile)
const FIXTURE = join(import.meta.dirname, '../fixtures/watch-signals.ts')
const WAIT = { timeout: 60_000, interval: 50 }

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-signals-'))
})

afterEach(async () => {
  const lines = await told()
  if (lines?.some((line) => line.startsWith('end')) === false) process.kill(await pidOfProgram(), 'SIGKILL')
  await rm(folder, { recursive: true })
})

describe('without a terminal', () => {
  test('SIGHUP has the configuration read again, as often as it comes; SIGUSR1 drains; SIGTERM ends, and what comes later is nothing', async () => {
    const child = spawn(process.execPath, [FIXTURE, join(folder, 'told')], { stdio: 'ignore', detached: true })
    const ended = once(child, 'exit')
    await expect.poll(told, WAIT).toEqual([])
    child.kill('SIGHUP')
    await expect.poll(told, WAIT).toEqual(['reload'])
    child.kill('SIGHUP')
    await expect.poll(told, WAIT).toEqual(['reload', 'reload'])
    child.kill('SIGUSR1')
    await expect.poll(told, WAIT).toEqual(['reload', 'reload', 'drain'])
    child.kill('SIGTERM')
    await expect.poll(told, WAIT).toEqual(['reload', 'reload', 'drain', 'end SIGTERM'])
    expect(await ended).toEqual([0, null])
  })
})

describe.runIf(!lacks('tmux'))('in a terminal', () => {
  test('SIGHUP has the configuration read again while the terminal is there, and ends the run when it goes', async () => {
    await using terminal = await openTerminal(`exec ${process.execPath} ${FIXTURE} ${join(folder, 'told')}`)
    await expect.poll(told, WAIT).toEqual([])
    process.kill(await pidOfProgram(), 'SIGHUP')
    await expect.poll(told, WAIT).toEqual(['reload'])
    await terminal.close()
    await expect.poll(told, WAIT).toEqual(['reload', 'end SIGHUP'])
  })

  test('what runs behind a shell ends with the terminal, too', async () => {
    await using terminal = await openTerminal(`${process.execPath} ${FIXTURE} ${join(folder, 'told')}; true`)
    await expect.poll(told, WAIT).toEqual([])
    await terminal.close()
    await expect.poll(told, WAIT).toContain('end SIGHUP')
  })

  test('what uses no terminal (nohup) goes on without it', async () => {
    await using terminal = await openTerminal(`nohup ${process.execPath} ${FIXTURE} ${join(folder, 'told')} </dev/null >/dev/null 2>&1`)
    await expect.poll(told, WAIT).toEqual([])
    const pid = await pidOfProgram()
    await terminal.close()
    process.kill(pid, 'SIGUSR1')
    await expect.poll(told, WAIT).toContain('drain')
    expect(await told()).not.toContain('end SIGHUP')
  })
})

/** Lines after the first, which tells the process id; undefined before that. */
async function told(): Promise<readonly string[] | undefined> {
  const text = await readFile(join(folder, 'told'), 'utf8').catch(() => '')
  return text === '' ? undefined : text.trimEnd().split('\n').slice(1)
}

async function pidOfProgram(): Promise<number> {
  return Number(/^pid (\d+)$/m.exec(await readFile(join(folder, 'told'), 'utf8'))?.[1])
}

interface Terminal extends AsyncDisposable {
  close(): Promise<void>
}

async function openTerminal(command: string): Promise<Terminal> {
  const socket = join(folder, 'tmux')
  await run('tmux', ['-S', socket, '-f', '/dev/null', 'new-session', '-d', command])
  const close = async (): Promise<void> => void (await run('tmux', ['-S', socket, 'kill-server']).catch(() => {}))
  return { close, [Symbol.asyncDispose]: close }
}
