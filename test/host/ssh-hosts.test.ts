import { describe } from 'vitest'
import { canStartHosts } from '../cluster/sshd-host.ts'
import { describeHost } from '../contract/host.ts'
import { LOGIN_SHELLS, startSshHostUnderTest } from '../contract/ssh-host-under-test.ts'
import { describeVanishedController } from '../contract/vanished-controller.ts'

describe.skipIf(!canStartHosts)('a host over SSH', () => {
  for (const shell of LOGIN_SHELLS) describeHost(`with ${shell} as login shell`, async () => await startSshHostUnderTest(shell))

  describe.concurrent('whose controller is gone', () => {
    for (const shell of LOGIN_SHELLS)
      describeVanishedController(`with ${shell} as login shell`, async () => await startSshHostUnderTest(shell))
  })
})
