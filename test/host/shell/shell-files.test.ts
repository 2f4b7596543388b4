import { expect, test } from 'vitest'
import type { RunResult } from '../../../src/host/host.ts'
import { createShellFiles } from '../../../src/host/shell/shell-files.ts'

test('a refusal of macOS, whatever the permissions say, is told with its cure', async () => {
  const files = filesThatAnswer({ status: 1, stdout: '', stderr: 'ls: /Users/ann/Desktop: Operation not permitted\n' })
  await expect(files.statFile('/Users/ann/Desktop/film.mp4')).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    message: expect.stringContaining('Operation not permitted'),
    hint: expect.stringContaining('Allow full disk access for remote users'),
  })
})

test('another refusal is told without it', async () => {
  const files = filesThatAnswer({ status: 1, stdout: '', stderr: 'Permission denied\n' })
  await expect(files.statFile('/films/film.mp4')).rejects.toMatchObject({ code: 'COMMAND_FAILED', hint: undefined })
})

function filesThatAnswer(answer: RunResult) {
  const nobody = async (): Promise<never> => await Promise.reject(new Error('No bytes move here'))
  return createShellFiles({
    hostName: 'mac',
    run: async () => answer,
    guard: { tag: 'encode-test', start: async () => {}, hold: () => {}, letGo: () => {} },
    transport: { putBytes: nobody, getBytes: nobody },
  })
}
