/** A Windows host, emulated, with a folder of films and a configuration that reaches it. */

import { readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startWindowsServer, type WindowsServer } from '../host/windows/windows-server.ts'
import { startWindowsSshd } from '../host/windows/windows-sshd.ts'
import type { Wine } from '../host/windows/wine.ts'
import { type Bench, createBench } from './bench.ts'
import { expectNoneLeft } from './expect-none-left.ts'

export interface WindowsHouse extends AsyncDisposable {
  readonly bench: Bench
  readonly server: WindowsServer
  readonly config: string
  ffmpegs(): Promise<readonly string[]>
  /** @param except processes that may stay. */
  expectNothingLeft(except?: RegExp): Promise<void>
}

export interface WindowsHouseOptions {
  readonly wine: Wine
  readonly hasPowerShell: boolean
  readonly isMounted?: boolean
  /** Instead of the server that does what Microsoft's does. */
  readonly isOnSshd?: boolean
  /** More of the host's configuration. */
  readonly lines?: readonly string[]
  /** More hosts of the cluster, with their configuration. */
  readonly others?: Readonly<Record<string, readonly string[]>>
}

export async function openWindowsHouse(options: WindowsHouseOptions): Promise<WindowsHouse> {
  const { wine, hasPowerShell, isMounted = false, isOnSshd = false, lines = [], others = {} } = options
  const bench = await createBench()
  const server = await (isOnSshd ? startWindowsSshd : startWindowsServer)({ wine, hasPowerShell })
  const { folder, localFolder } = server
  await symlink(bench.films, join(localFolder, 'films'))
  const gaming = isMounted
    ? ['type: mounted', ...windowsAccessLines(server), `path-substitutions: ['${bench.films}/ ${folder}\\films\\']`, ...lines]
    : ['type: streaming', ...windowsAccessLines(server), ...lines]
  const hosts = Object.entries({ gaming, ...others }).flatMap(([name, own]) => [`      ${name}:`, ...own.map((line) => `        ${line}`)])
  const config = join(bench.folder, 'config.yml')
  await writeFile(config, ['config:', '  clusters:', '    home:', ...hosts, PROFILES].join('\n'))
  const ffmpegs = async () => (await server.processes()).filter((args) => args.includes('ffmpeg.exe') && !args.includes('session.exe'))
  return {
    bench,
    server,
    config,
    ffmpegs,
    async expectNothingLeft(except) {
      await expectNoneLeft(async () => [
        ...(await server.processes()).filter((args) => except?.test(args) !== true),
        ...(await readdir(join(localFolder, 'work')).catch(() => [])),
        ...(await bench.list()).filter((name) => name.startsWith('.encode-')),
      ])
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await bench[Symbol.asyncDispose]()
    },
  }
}

/** The lines of a host's configuration that reach it. */
export function windowsAccessLines({ port, user, identityFile, knownHostsFile, folder }: WindowsServer): readonly string[] {
  return [
    'address: 127.0.0.1',
    `port: ${port}`,
    `user: ${user}`,
    `identity_file: ${identityFile}`,
    `known_hosts: ${knownHostsFile}`,
    `working_dir: ${folder}\\work`,
  ]
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
