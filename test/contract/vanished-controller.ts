/** What a host does when its controller is killed, or falls silent as behind a cut network: nothing of it stays. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { HoldHostTask } from '../fixtures/hold-host.ts'
import { waitUntil } from '../wait-until.ts'
import type { HostUnderTest } from './host.ts'

const CONTROLLER = fileURLToPath(new URL('../fixtures/hold-host.ts', import.meta.url))

export function describeVanishedController(name: string, start: () => Promise<HostUnderTest>): void {
  describe(name, () => {
    test('ends ffmpeg and removes guarded files after the controller was killed', async () => await expectTidied(start, 'SIGKILL'))
    test('ends ffmpeg and removes guarded files after the controller fell silent', async () => await expectTidied(start, 'SIGSTOP'))
  })
}

async function expectTidied(start: () => Promise<HostUnderTest>, signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  await using under = await start()
  const folder = await mkdtemp(join(tmpdir(), 'encode-held-'))
  const task: HoldHostTask = { host: under.options, guarded: join(folder, "it's $(guarded)\n!"), released: join(folder, 'released') }
  const controller = spawn(process.execPath, [CONTROLLER, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(controller, 'exit')
  try {
    const isReady = once(controller.stdout, 'data').then(() => true)
    if (!(await Promise.race([isReady, ended.then(() => false)])))
      throw new Error(`The controller ended by itself. The host:\n${under.log?.()}`)
    expect((await stat(task.guarded)).isFile()).toBe(true)
    controller.kill(signal)
    await waitUntil(async () => (await under.processes()).length === 0, { what: 'nothing runs on the host', timeoutMs: 30_000 })
    await expect(stat(task.guarded)).rejects.toThrow('ENOENT')
    expect((await stat(task.released)).isFile()).toBe(true)
  } finally {
    controller.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true })
  }
}
