import { describe, expect, test } from 'vitest'
import type { CommandChannel, CommandTransport } from '../../../src/host/channel.ts'
import { describeShell } from '../../../src/host/facts/describe-shell.ts'
import { createLocalTransport } from '../../../src/host/local/local-transport.ts'

describe('the question for a shell', () => {
  test.each([
    ['cmd.exe', 'AWindows_NTB$env:OS', 'windows'],
    ['PowerShell', 'A%OS%BWindows_NT', 'windows'],
    ['a POSIX shell', 'A%OS%B:OS', 'posix'],
  ])('is answered by %s as soon as that has spoken, whatever holds its session up', async (_, answer, kind) => {
    await using shell = openShell(`echo '${answer}'; exec sleep 60`)
    expect(await describeShell(shell.transport, AbortSignal.timeout(20_000))).toMatchObject({ kind, said: `${answer}\n` })
  })

  test('waits for a shell that is silent as long as the caller does, and judges it by nothing', async () => {
    await using shell = openShell('exec sleep 60')
    const stop = new AbortController()
    const asked = describeShell(shell.transport, stop.signal)
    await shell.started
    stop.abort(new Error('long enough'))
    await expect(asked).rejects.toThrow('long enough')
  })

  test('is answered by nothing where the session ends at once', async () => {
    await using shell = openShell('exit 1')
    expect(await describeShell(shell.transport, AbortSignal.timeout(20_000))).toEqual({ kind: 'none', said: '' })
  })
})

/** Whatever it is asked it does this, and is ended afterwards. */
function openShell(line: string) {
  const local = createLocalTransport({ hostName: 'box', env: { PATH: '/usr/bin:/bin' } })
  const { promise: started, resolve: start } = Promise.withResolvers<CommandChannel>()
  const transport: CommandTransport = {
    ...local,
    async openCommand(_, signal) {
      const channel = await local.openCommand(line, signal)
      start(channel)
      return channel
    },
  }
  return {
    transport,
    started,
    async [Symbol.asyncDispose]() {
      const channel = await started
      channel.signal('KILL')
      await channel.exit
      await local[Symbol.asyncDispose]()
    },
  }
}
