/** What is asked of a connection that has ended in the same moment. */

import { PassThrough } from 'node:stream'
import ssh2 from 'ssh2'
import { expect, test } from 'vitest'
import { loadSshSettings, toDestination } from '../../../src/host/ssh/ssh-settings.ts'
import { createStandingConnection } from '../../../src/host/ssh/standing-connection.ts'
import { createHome, toHostConfig } from './ssh-fixture.ts'

test.for(['a command', 'a port', 'the SFTP server', 'a way through'] as const)(
  'for %s that is asked for when its socket has ended, and nobody has told yet, a connection is lost',
  async (what) => {
    await using home = await createHome()
    const around = { sshProgram: undefined, env: {}, homeFolder: home.folder }
    const settings = await loadSshSettings(toDestination(toHostConfig({ address: '127.0.0.1', user: 'somebody' })), around)
    // As one whose socket is gone: ssh2 throws from every call.
    const connection = createStandingConnection(new ssh2.Client(), new PassThrough(), {
      settings,
      jump: undefined,
      keepaliveSeconds: 5,
      hostKey: undefined,
      mostSessions: undefined,
      mostCommandBytes: undefined,
    })
    const asked = {
      'a command': () => connection.openSession('true'),
      'a port': () => connection.listen(() => undefined),
      'the SFTP server': () => connection.openSftp(),
      'a way through': () => connection.openTcp('127.0.0.1', 22),
    }[what]
    await expect(asked()).rejects.toMatchObject({ code: 'HOST_LOST' })
    expect(connection.lost.aborted).toBe(true)
  },
)
