/** A Windows host, emulated, with a folder of films and a configuration that reaches it. */

import { readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { startWindowsServer, type WindowsServer } from '../host/windows/windows-server.ts'
import { startWindowsSshd } from '../host/windows/windows-sshd.ts'
import type { Wine } from '../host/windows/wine.ts'
import { type Bench, createBench } from './bench.ts'
import { waitUntil } from './sshd-host.ts'

export interface WindowsHouse extends AsyncDisposable {
  readonly bench: Bench
  readonly server: WindowsServer
  readonly config: string
  ffmpegs(): Promise<readonly string[]>
  expectNothingLeft(): Promise<void>
}

export interface WindowsHouseOptions {
  readonly wine: Wine
  readonly hasPowerShell: boolean
  readonly isMounted?: boolean
  /** Instead of the server that does what Microsoft's does. */
  readonly isOnSshd?: boolean
}

export async function openWindowsHouse(options: WindowsHouseOptions): Promise<WindowsHouse> {
  const { wine, hasPowerShell, isMounted = false, isOnSshd = false } = options
  const bench = await createBench()
  const server = await (isOnSshd ? startWindowsSshd : startWindowsServer)({ wine, hasPowerShell })
  const { port, user, identityFile, knownHostsFile, folder, localFolder } = server
  await symlink(bench.films, join(localFolder, 'films'))
  const host = [
    `type: ${isMounted ? 'mounted' : 'streaming'}`,
    'address: 127.0.0.1',
    `port: ${port}`,
    `user: ${user}`,
    `identity_file: ${identityFile}`,
    `known_hosts: ${knownHostsFile}`,
    `working_dir: ${folder}\\work`,
    ...(isMounted ? [`path-substitutions: ['${bench.films}/ ${folder}\\films\\']`] : []),
  ]
  const config = join(bench.folder, 'config.yml')
  await writeFile(
    config,
    [...['config:', '  clusters:', '    home:', '      gaming:'], ...host.map((line) => `        ${line}`), PROFILES].join('\n'),
  )
  const ffmpegs = async () => (await server.processes()).filter((args) => args.includes('ffmpeg.exe') && !args.includes('session.exe'))
  return {
    bench,
    server,
    config,
    ffmpegs,
    async expectNothingLeft() {
      let left: readonly string[] = []
      await waitUntil(
        async () => {
          const files = await readdir(join(localFolder, 'work')).catch(() => [])
          left = [...(await server.processes()), ...files, ...(await bench.list()).filter((name) => name.startsWith('.encode-'))]
          return left.length === 0
        },
        { what: 'nothing is left', timeoutMs: 30_000 },
      ).catch(() => {})
      expect(left).toEqual([])
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await bench[Symbol.asyncDispose]()
    },
  }
}

const PROFILES = `
profiles:
  quick:
    output_options_video: ["-c:v libx264", "-preset ultrafast", "-crf 36"]
    output_options_audio: ["-c:a aac", "-b:a 64k"]
    extension: .mkv
  slow:
    include: quick
    input_options: ["-re"]
`
