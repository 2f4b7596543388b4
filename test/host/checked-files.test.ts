import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHost } from '../../src/host/create-host.ts'
import type { Host } from '../../src/host/host.ts'
import { receiveResumed, sendResumed } from '../../src/transfer/resume-transfer.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../cluster/sshd-host.ts'
import { configOf, createHome, type TestHome } from './ssh/ssh-fixture.ts'

/** As Linux, macOS, the BSDs and OpenSSL print it. */
const AS_PRINTED: Readonly<Record<string, string>> = {
  sha256sum: 'exec /usr/bin/sha256sum',
  shasum: '[ "$*" = "-a 256" ] && exec /usr/bin/sha256sum',
  sha256: '/usr/bin/sha256sum | cut -d" " -f1',
  openssl: '[ "$*" = "dgst -sha256" ] && echo "SHA2-256(stdin)= $(/usr/bin/sha256sum | cut -d" " -f1)"',
}
const PROGRAMS = Object.keys(AS_PRINTED)

describe.skipIf(!canStartHosts)('with "checksum", a transfer', { concurrent: true }, () => {
  let home: TestHome
  let machine: SshdHost
  let here: string
  /** Every program of this machine but those for hashes. */
  let others: string
  beforeAll(async () => {
    home = await createHome()
    machine = await startSshdHost({ name: 'sums' })
    here = join(home.folder, 'here')
    await writeFile(here, randomBytes(2_000_000))
    others = join(home.folder, 'others')
    await mkdir(others)
    const names = (await readdir('/usr/bin')).filter((name) => !PROGRAMS.includes(name))
    await Promise.all(names.map(async (name) => await symlink(join('/usr/bin', name), join(others, name))))
  })
  afterAll(async () => {
    await machine.stop()
    await home[Symbol.asyncDispose]()
  })
  const there = (name: string): string => join(machine.workingFolder, name)
  const signal = AbortSignal.timeout(60_000)

  test('of which a byte changes on the host is caught, and nothing stands under its name', async () => {
    await using host = await open({ tampers: 'always' })
    await expect(host.putFile(here, there('film'))).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(/arrived changed on host "sums": its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}/),
    })
    expect(await readdir(machine.workingFolder)).not.toContain('film')
    await writeFile(there('result'), randomBytes(2_000_000))
    await expect(host.getFile(there('result'), join(home.folder, 'back'))).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    await rm(join(home.folder, 'back'), { force: true })
  })

  test('that was caught once is made anew, from its beginning, and is whole then', async () => {
    await using host = await open({ tampers: 'once' })
    const errand = { host, path: there, note: async () => {}, regain: async () => false }
    await sendResumed(errand, { name: 'again', controllerPath: here, options: { signal } })
    expect((await readFile(there('again'))).equals(await readFile(here))).toBe(true)
    await receiveResumed(errand, { name: 'again', controllerPath: join(home.folder, 'again'), options: { signal } })
    expect((await readFile(join(home.folder, 'again'))).equals(await readFile(here))).toBe(true)
  })

  test.each(PROGRAMS)('is compared by %s where the host has only that', async (program) => {
    const bin = join(home.folder, `only-${program}`)
    await mkdir(bin)
    await script(join(bin, program), AS_PRINTED[program] ?? '')
    await using host = createTestHost({ PATH: `${bin}:${others}` })
    await host.open()
    await host.putFile(here, there(`by-${program}`))
    expect((await readFile(there(`by-${program}`))).equals(await readFile(here))).toBe(true)
  })

  test('is refused before it begins where the host has no program for it', async () => {
    await using host = createTestHost({ PATH: others })
    await expect(host.open()).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      message: 'Host "sums" has no program for SHA-256, which "checksum" asks for',
    })
  })

  /** The host's sha256sum changes what it is to look at, as a bad disk does. */
  async function open({ tampers }: { readonly tampers: 'always' | 'once' }): Promise<Host> {
    const bin = join(home.folder, `tampers-${tampers}`)
    await mkdir(bin)
    const once = tampers === 'once' ? `[ -e ${bin}/done ] || { : >${bin}/done; ` : '{ '
    const tamper = `f=$(readlink /proc/$$/fd/0); case $f in /dev/*) ;; *) ${once} printf TAMPERED | dd of="$f" bs=1 seek=1000 conv=notrunc 2>/dev/null; } ;; esac`
    await script(join(bin, 'sha256sum'), `${tamper}; exec /usr/bin/sha256sum`)
    const host = createTestHost({ PATH: `${bin}:/usr/bin:/bin` })
    await host.open()
    return host
  }

  function createTestHost(env: Readonly<Record<string, string>>): Host {
    const config = { ...configOf(machine), checksum: true, env, workingDir: machine.workingFolder }
    return createHost({ config, sshProgram: undefined, env: process.env, homeFolder: home.folder })
  }
})

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
}
