/** Which connection a file's bytes go over, where a server does not let as many in as are wanted. */

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canStartHosts, type SshdHost, startSshdHost } from '../../cluster/sshd-host.ts'
import { openDoor } from './door.ts'
import { configOf, createHome, createTransport, type TestHome } from './ssh-fixture.ts'

describe.runIf(canStartHosts)('results', () => {
  let home: TestHome
  let host: SshdHost
  beforeAll(async () => {
    home = await createHome()
    host = await startSshdHost({ name: 'narrow' })
  })
  afterAll(async () => {
    await host.stop()
    await home[Symbol.asyncDispose]()
  })
  const here = (name: string): string => join(home.folder, name)
  const there = (name: string): string => join(host.workingFolder, name)

  test('come over the connection that sources go where a third one is refused, which is asked for but once', async () => {
    await using door = await openDoor(host, { mostConnections: 2 })
    await using transport = createTransport(home, configOf({ ...host, ...door }))
    await transport.connect()
    const bytes = randomBytes(300_000)
    await writeFile(here('source'), bytes)
    await transport.putBytes(`cat >'${there('source')}'`, here('source'))
    for (const name of ['first', 'second']) await transport.getBytes(`cat '${there('source')}'`, here(name))
    const refusedAfterTwo = door.refused()
    expect(refusedAfterTwo).toBeGreaterThan(0)
    await transport.putBytes('cat >/dev/null', here('source'))
    await transport.getBytes(`cat '${there('source')}'`, here('third'))
    expect(door.refused()).toBe(refusedAfterTwo)
    for (const name of ['first', 'second', 'third']) expect((await readFile(here(name))).equals(bytes)).toBe(true)
    expect(door.letIn()).toBe(2)
  })

  test('come over a third connection where it is let in, so that what opens their window does not wait behind sources', async () => {
    await using door = await openDoor(host, { mostConnections: 10 })
    await using transport = createTransport(home, configOf({ ...host, ...door }))
    await transport.connect()
    await writeFile(there('small'), 'small')
    expect(await transport.getBytes(`cat '${there('small')}'`, here('small'))).toBe(5)
    await writeFile(here('up'), 'up')
    await transport.putBytes('cat >/dev/null', here('up'))
    expect(door.letIn()).toBe(3)
  })

  test('are lost with their host, and not fetched over another connection, when it goes while they come', async () => {
    await using door = await openDoor(host, { mostConnections: 10 })
    await using transport = createTransport(home, configOf({ ...host, ...door }))
    await transport.connect()
    const get = transport.getBytes('exec cat /dev/zero', here('endless'), { onBytes: (moved) => moved > 2e6 && door.close() })
    await expect(get).rejects.toMatchObject({ code: 'HOST_LOST' })
    await expect(transport.getBytes('echo', here('later'))).rejects.toMatchObject({ code: 'HOST_LOST' })
  })
})
