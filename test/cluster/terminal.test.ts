/** The whole program in a real terminal (tmux), typed and watched as by a person. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { lacks } from '../capabilities.ts'
import { startQuietClock } from '../quiet-clock.ts'
import { type Bench, createBench } from './bench.ts'
import { writeConfig } from './encode-program.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'

const run = promisify(execFile)
const ENCODE = join(import.meta.dirname, '../../bin/encode')
const WAIT = { timeout: 60_000, interval: 100 }

describe.runIf(canStartHosts && !lacks('tmux'))('encode in a terminal', () => {
  test('shows hosts and jobs while it works, and the summary at the end', async () => {
    await using bench = await createBench()
    const { config } = await prepare(bench, 6)
    await using terminal = await openTerminal(bench, 80, 24)
    await terminal.type(`${ENCODE} -y ${config} -c home -p slow ${bench.films}; echo STATUS $?`)
    await expect.poll(terminal.screen, WAIT).toMatch(/box \(home\) +1 running\n.*a film\.mp4 +encode +━+─* +\d+%.*\n.*0\/1 file, 1 running/)
    await expect.poll(terminal.screen, WAIT).toContain('STATUS 0')
    const screen = await terminal.screen()
    expect(screen).toMatch(/a film\.mp4 +[\d.]+ [kM]B → [\d.]+ kB +−[\d.]+ %.* box/)
    expect(screen).toMatch(/Finished: 1 done/)
    expect(await terminal.cursor()).toBe('1')
    await bench.expectNothingLeft()
  })

  test('Ctrl-C ends it within 3 s, tells what was done, and gives the terminal back', async () => {
    await using bench = await createBench()
    const { config } = await prepare(bench, 20)
    await using terminal = await openTerminal(bench, 60, 12)
    await terminal.type(`${ENCODE} -y ${config} -c home -p slow ${bench.films}; echo STATUS $?`)
    await expect.poll(terminal.screen, WAIT).toMatch(/a film\.mp4 +encode.*\d+%/)
    const quietMs = startQuietClock()
    await terminal.press('C-c')
    await expect.poll(terminal.screen, WAIT).toContain('STATUS 130')
    expect(quietMs()).toBeLessThan(3_500)
    expect(await terminal.screen()).toMatch(/Interrupted|Stopped|0 done/)
    expect(await terminal.cursor()).toBe('1')
    expect(await bench.list()).toEqual(['a film.mp4'])
    await bench.expectNothingLeft()
  })

  test('a second Ctrl-C gives the terminal back at once, whatever the first one waits for', async () => {
    await using bench = await createBench()
    const { config, box } = await prepare(bench, 20)
    await using terminal = await openTerminal(bench, 80, 24)
    await terminal.type(`${ENCODE} -y ${config} -c home -p slow ${bench.films}; echo STATUS $?`)
    await expect.poll(terminal.screen, WAIT).toMatch(/a film\.mp4 +encode.*\d+%/)
    // The host answers nothing: else the first might have ended everything before the second is there.
    const frozen = (await box.processes()).map(({ pid }) => pid)
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    try {
      await terminal.press('C-c')
      await terminal.press('C-c')
      await expect.poll(terminal.screen, WAIT).toContain('STATUS 130')
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT')
    }
    expect(await terminal.screen()).toContain('Stopped at once; the hosts end what they do')
    expect(await terminal.cursor()).toBe('1')
    await bench.expectNothingLeft()
  })
})

interface Terminal extends AsyncDisposable {
  type(line: string): Promise<void>
  press(key: string): Promise<void>
  screen(): Promise<string>
  /** `1` when the cursor is to be seen. */
  cursor(): Promise<string>
}

async function openTerminal(bench: Bench, columns: number, rows: number): Promise<Terminal> {
  const tmux = async (...argv: readonly string[]) =>
    (await run('tmux', ['-S', join(bench.folder, 'tmux'), '-f', '/dev/null', ...argv])).stdout
  const env = `PS1='READY ' LC_ALL=C.UTF-8 XDG_STATE_HOME=${bench.folder}/state`
  await tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), `env -u CI ${env} sh`)
  const screen = async () => (await tmux('capture-pane', '-p')).trimEnd()
  await expect.poll(screen, WAIT).toContain('READY')
  return {
    screen,
    async type(line) {
      await tmux('send-keys', '-l', line)
      await tmux('send-keys', 'Enter')
    },
    async press(key) {
      await tmux('send-keys', key)
    },
    cursor: async () => (await tmux('display', '-p', '#{cursor_flag}')).trim(),
    async [Symbol.asyncDispose]() {
      await tmux('kill-server').catch(() => {})
    },
  }
}

async function prepare(bench: Bench, seconds: number): Promise<{ readonly config: string; readonly box: SshdHost }> {
  await bench.makeFilm('a film.mp4', { seconds })
  const box = await bench.startHost('box', 'streaming')
  return { box, config: await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }) }
}
