import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLocalFiles } from '../../src/host/local/local-files.ts'
import { createLocalTransport } from '../../src/host/local/local-transport.ts'
import { createPosixHost } from '../../src/host/posix-host.ts'
import { makeHostConfig } from '../contract/host-config.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-posix-host-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A real host of this machine that counts what is asked of its transport. */
function openCounted() {
  const asked = { commands: 0, preparations: 0 }
  const config = makeHostConfig({ name: 'counted', type: 'streaming', workingDir: folder })
  const transport = createLocalTransport({ hostName: config.name, env: process.env })
  const host = createPosixHost({
    config,
    transport: {
      ...transport,
      openCommand(commandLine, signal) {
        asked.commands += 1
        return transport.openCommand(commandLine, signal)
      },
      prepareTransfers() {
        asked.preparations += 1
      },
    },
    createFiles: () => createLocalFiles({ hostName: config.name }),
  })
  return { host, asked }
}

test('an open host has begun what its first job would wait for: its guard, and what transfers want', async () => {
  const { host, asked } = openCounted()
  await using _closed = host
  await host.open()
  expect(asked).toEqual({ commands: 2, preparations: 1 })
  const { release } = await host.guardFile(join(folder, 'first'))
  release()
  expect(asked.commands).toBe(2)
})

test('a host that is only looked at is asked one question', async () => {
  const { host, asked } = openCounted()
  await using _closed = host
  await host.open(undefined, { changesNothing: true })
  expect(asked).toEqual({ commands: 1, preparations: 0 })
})
