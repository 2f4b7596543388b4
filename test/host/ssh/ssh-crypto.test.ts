import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { describeSshCrypto } from '../../../src/host/ssh/ssh-crypto.ts'

test('tells in one line whether the native binding of ssh2 is in use, and how to get it', () => {
  const binding = createRequire(import.meta.url)
    .resolve('ssh2')
    .replace(/lib\/index\.js$/, 'lib/protocol/crypto/build/Release/sshcrypto.node')
  const loads = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(binding)})`], { stdio: 'ignore' }).status === 0
  const crypto = describeSshCrypto()
  expect(crypto.isNative).toBe(loads)
  expect(crypto.description).toMatch(loads ? /^SSH encryption is native/ : /"npm rebuild ssh2"/)
})
