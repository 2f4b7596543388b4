import { describe } from 'vitest'
import { BUSYBOX, canRunDropbear, DROPBEAR, MACOS } from '../cluster/disguise.ts'
import { canStartHosts } from '../cluster/sshd-host.ts'
import { describeHost } from '../contract/host.ts'
import { startDisguisedHostUnderTest } from '../contract/ssh-host-under-test.ts'
import { describeVanishedController } from '../contract/vanished-controller.ts'

describe.skipIf(!canStartHosts)('a host over SSH', () => {
  describeHost('that passes for a Mac', async () => await startDisguisedHostUnderTest(MACOS))
  describeHost('whose tools are all busybox', async () => await startDisguisedHostUnderTest(BUSYBOX), { connectBy: ['nc'] })
  describe.skipIf(!canRunDropbear)('on Dropbear', () => {
    describeHost('without SFTP', async () => await startDisguisedHostUnderTest(DROPBEAR), { refusesPorts: true })
  })

  // Without /proc, what is left there is found by ps; on Dropbear no process group is made for it.
  describe.concurrent('whose controller is gone', () => {
    describeVanishedController('that passes for a Mac', async () => await startDisguisedHostUnderTest(MACOS))
    describe.skipIf(!canRunDropbear)('on Dropbear', () => {
      describeVanishedController('without SFTP', async () => await startDisguisedHostUnderTest(DROPBEAR))
    })
  })
})
