/** Results that are fetched while they are written, from a real OpenSSH server. */

import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHost } from '../../src/host/create-host.ts'
import type { Growth, Host } from '../../src/host/host.ts'
import { canStartHosts, type SshdHost, startSshdHost } from '../cluster/sshd-host.ts'
import { makeHostConfig } from '../contract/host-config.ts'

const MIB = 1024 * 1024

describe.runIf(canStartHosts)('a file that is fetched while it is written', () => {
  let folder: string
  let server: SshdHost
  let host: Host

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-follow-'))
    server = await startSshdHost({ name: 'writing' })
    const { address, port, user, identityFile, knownHostsFile, workingFolder } = server
    const config = makeHostConfig({
      name: 'writing',
      type: 'streaming',
      workingDir: workingFolder,
      address,
      port,
      user,
      identityFile,
      knownHosts: knownHostsFile,
    })
    host = createHost({ config, sshProgram: undefined, env: { PATH: process.env.PATH }, homeFolder: homedir() })
    await host.open()
  }, 30_000)

  afterAll(async () => {
    await host?.[Symbol.asyncDispose]()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Has the host append one random mebibyte after the other, each once the one before has been asked for; then `last` is run. */
  function writeInSteps(path: string, steps: number, last: string): Growth {
    let written = 0
    const sh = async (script: string): Promise<void> => {
      expect((await host.run(['/bin/sh', '-c', script, path])).status).toBe(0)
    }
    return {
      async more() {
        if (written === steps) {
          await sh(last)
          return { sizeBytes: steps * MIB, isWhole: true }
        }
        await sh(`head -c ${MIB} /dev/urandom >>"$0"`)
        written += 1
        return { sizeBytes: written * MIB, isWhole: false }
      },
    }
  }

  async function follow(name: string, growth: Growth, signal?: AbortSignal): Promise<{ readonly there: string; readonly here: string }> {
    const [there, here] = [join(server.workingFolder, name), join(folder, name)]
    await host.run(['/bin/sh', '-c', ': >"$0"', there])
    await host.followFile?.(there, here, growth, { signal })
    return { there, here }
  }

  test('is the same in the end, its beginning too, which was written last', async () => {
    const path = join(server.workingFolder, 'film.mkv')
    const { there, here } = await follow('film.mkv', writeInSteps(path, 4, 'printf header | dd of="$0" conv=notrunc 2>/dev/null'))
    const [wanted, found] = [await readFile(there), await readFile(here)]
    expect(found.subarray(0, 6).toString()).toBe('header')
    expect(found.equals(wanted)).toBe(true)
  })

  test('is thrown away when something else of it was written again', async () => {
    const path = join(server.workingFolder, 'moved.mp4')
    const growth = writeInSteps(path, 8, 'printf moved | dd of="$0" bs=1 seek=2500000 conv=notrunc 2>/dev/null')
    await expect(follow('moved.mp4', growth)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    expect(existsSync(join(folder, 'moved.mp4'))).toBe(false)
  })

  test('is thrown away when it is not as long as it was said to be', async () => {
    const path = join(server.workingFolder, 'short.mp4')
    await expect(follow('short.mp4', writeInSteps(path, 2, 'printf more >>"$0"'))).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    expect(existsSync(join(folder, 'short.mp4'))).toBe(false)
  })

  test('leaves nothing when nobody wants it any more, here and there', async () => {
    const stop = new AbortController()
    const path = join(server.workingFolder, 'stopped.mkv')
    const steps = writeInSteps(path, 3, 'true')
    const growth: Growth = {
      more: async (thanBytes) => {
        if (thanBytes > MIB) stop.abort(new Error('changed my mind'))
        return await steps.more(thanBytes)
      },
    }
    await expect(follow('stopped.mkv', growth, stop.signal)).rejects.toThrow('changed my mind')
    expect(existsSync(join(folder, 'stopped.mkv'))).toBe(false)
  })
})
