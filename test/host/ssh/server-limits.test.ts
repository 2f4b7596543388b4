import { describe, expect, test } from 'vitest'
import { toMostSessions } from '../../../src/host/ssh/server-limits.ts'
import { canRunDropbear, DROPBEAR } from '../../cluster/disguise.ts'
import { canStartHosts, startSshdHost } from '../../cluster/sshd-host.ts'
import { configOf, createHome, createTransport, run } from './ssh-fixture.ts'

test.for([
  ['SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n', undefined],
  ['SSH-2.0-OpenSSH_for_Windows_9.5\r\n', undefined],
  ['SSH-2.0-dropbear_2020.81\r\n', undefined],
  ['SSH-2.0-dropbear_2022.82\r\n', 1],
  ['SSH-2.0-dropbear_2022.83\r\n', 1],
  ['SSH-2.0-dropbear_2024.86\r\n', 1],
  ['SSH-2.0-dropbear_2025.87\r\n', undefined],
  ['SSH-2.0-dropbear\r\n', 1],
  ['Welcome to the attic\r\nSSH-2.0-dropbear_2022.83\r\n', 1],
  ['SSH-2.0-no-SSH-2.0-dropbear_2022.83\r\n', undefined],
  ['', undefined],
] as const)('%j bears %s at a time', ([ident, most]) => {
  expect(toMostSessions(ident)).toBe(most)
})

describe.skipIf(!canStartHosts || !canRunDropbear)('Dropbear', () => {
  test('runs commands that come many at a time, and hangs up on none', async () => {
    await using home = await createHome()
    // A shell that reads no files of this machine's user: commands end while others begin.
    await using host = await startSshdHost({ name: 'dropbear', loginShell: '/bin/sh', ...DROPBEAR })
    await using transport = createTransport(home, configOf(host))
    const oneAfterTheOther = async (first: number): Promise<string[]> => {
      const said: string[] = []
      for (let index = 0; index < 8; index += 1) said.push((await run(transport, `echo ${first + index}`)).stdout)
      return said
    }
    const said = await Promise.all(Array.from({ length: 8 }, (_, lane) => oneAfterTheOther(lane * 8)))
    expect(said.flat()).toEqual(Array.from({ length: 64 }, (_, index) => `${index}\n`))
    expect(transport.lost.aborted).toBe(false)
  })

  test('takes the longest command line that it is sent, and is not sent a longer one, on which it would hang up', async () => {
    await using home = await createHome()
    await using host = await startSshdHost({ name: 'dropbear', loginShell: '/bin/sh', ...DROPBEAR })
    await using transport = createTransport(home, configOf(host))
    const longest = 'echo all of it #'.padEnd(9000, '.')
    expect((await run(transport, longest)).stdout).toBe('all of it\n')
    await expect(run(transport, `${longest}.`)).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      message: expect.stringContaining('takes command lines of 9000 bytes, and this one has 9001'),
    })
    expect((await run(transport, 'echo still there')).stdout).toBe('still there\n')
  })
})
