import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { describeSshCrypto } from '../../../src/host/ssh/ssh-crypto.ts'
import { canStartHosts, startSshdHost } from '../../cluster/sshd-host.ts'
import { configOf, createHome } from './ssh-fixture.ts'

test('tells in one line whether the native binding of ssh2 is in use, and how to get it', () => {
  const binding = createRequire(import.meta.url)
    .resolve('ssh2')
    .replace(/lib\/index\.js$/, 'lib/protocol/crypto/build/Release/sshcrypto.node')
  const loads = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(binding)})`], { stdio: 'ignore' }).status === 0
  const crypto = describeSshCrypto()
  expect(crypto.isNative).toBe(loads)
  expect(crypto.description).toMatch(loads ? /^SSH encryption is native/ : /"npm rebuild ssh2"/)
})

test.skipIf(!canStartHosts)('without the binding bytes move under keys that are kept, and after these were changed', async () => {
  await using home = await createHome()
  await using server = await startSshdHost({ name: 'plain', sshdOptions: ['RekeyLimit 1M'] })
  const [source, target] = [join(home.folder, 'source'), join(server.workingFolder, 'target')]
  await writeFile(source, randomBytes(5_000_000))
  const host = { config: configOf(server, { workingDir: server.workingFolder }), sshProgram: undefined, env: {}, homeFolder: home.folder }
  const script = `
    import Module from 'node:module'
    Module._extensions['.node'] = () => { throw new Error('left out') }
    const { createHost } = await import(${JSON.stringify(new URL('../../../src/host/create-host.ts', import.meta.url).href)})
    const { describeSshCrypto } = await import(${JSON.stringify(new URL('../../../src/host/ssh/ssh-crypto.ts', import.meta.url).href)})
    const host = createHost(${JSON.stringify(host)})
    await host.open()
    await host.putFile(${JSON.stringify(source)}, ${JSON.stringify(target)})
    await host.getFile(${JSON.stringify(target)}, ${JSON.stringify(`${source}-back`)})
    await host[Symbol.asyncDispose]()
    process.stdout.write(String(describeSshCrypto().isNative))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  expect(stdout).toBe('false')
  for (const file of [target, `${source}-back`]) expect((await readFile(file)).equals(await readFile(source))).toBe(true)
})
