/** Shells that are /bin/sh somewhere, each under the name `sh`, and a transport whose commands they read in its place. */

import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandTransport } from '../../../src/host/channel.ts'
import { createLocalTransport } from '../../../src/host/local/local-transport.ts'
import { lacks } from '../../capabilities.ts'

/** zsh and busybox learn from their name that they are sh. */
export const INNER_SHELLS: readonly string[] = (['dash', 'bash', 'busybox', 'mksh', 'ksh', 'zsh'] as const).filter((name) => !lacks(name))

export interface InnerShell extends AsyncDisposable {
  readonly transport: CommandTransport
  /** A command line for /bin/sh as this shell's. */
  readonly translate: (commandLine: string) => string
  readonly folder: string
}

export async function openInnerShell(name: string): Promise<InnerShell> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-inner-'))
  const sh = join(folder, 'bin', 'sh')
  await mkdir(join(folder, 'bin'))
  await symlink(`/usr/bin/${name}`, sh)
  const local = createLocalTransport({ hostName: name, env: { PATH: process.env.PATH } })
  const translate = (commandLine: string): string => commandLine.replaceAll('/bin/sh', sh)
  return {
    folder,
    translate,
    transport: { ...local, openCommand: async (line, signal) => await local.openCommand(translate(line), signal) },
    async [Symbol.asyncDispose]() {
      await local[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
