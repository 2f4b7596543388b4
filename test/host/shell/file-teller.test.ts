import { spawnSync } from 'node:child_process'
import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CommandTransport } from '../../../src/host/channel.ts'
import { createFileTeller } from '../../../src/host/shell/file-teller.ts'
import { fileTellerCommand } from '../../../src/host/shell/file-teller-script.ts'
import { createShellFiles } from '../../../src/host/shell/shell-files.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { NASTY_NAMES } from '../../contract/nasty-names.ts'
import { waitUntil } from '../../wait-until.ts'
import { INNER_SHELLS, openInnerShell } from './inner-shells.ts'

/** Counts what is opened. */
function count(transport: CommandTransport): { readonly counted: CommandTransport; readonly lines: string[] } {
  const lines: string[] = []
  const openCommand: CommandTransport['openCommand'] = async (line, signal) => {
    lines.push(line)
    return await transport.openCommand(line, signal)
  }
  return { lines, counted: { ...transport, openCommand } }
}

describe.concurrent('a teller of files', () => {
  describe.each(INNER_SHELLS)('with %s as /bin/sh', (name) => {
    test('tells kind and size of any name, all in one session, and nothing of what is not plain', async () => {
      await using shell = await openInnerShell(name)
      const media = join(shell.folder, 'media')
      await mkdir(media)
      for (const [index, nasty] of NASTY_NAMES.entries()) await writeFile(join(media, nasty), 'x'.repeat(index))
      await symlink(NASTY_NAMES[1] ?? '', join(media, 'a link'))
      await symlink('nothing', join(media, 'a broken link'))
      const { counted, lines } = count(shell.transport)
      await using teller = createFileTeller(counted, { timing: TEST_TIMING })
      const told = await Promise.all(NASTY_NAMES.map(async (nasty) => await teller.look(join(media, nasty))))
      expect(told).toEqual(NASTY_NAMES.map((_, index) => ({ kind: 'file', sizeBytes: index })))
      expect(await teller.look(media)).toMatchObject({ kind: 'folder' })
      expect(await teller.look(join(media, 'a link'))).toEqual({ kind: 'file', sizeBytes: 1 })
      for (const unclear of [join(media, 'a broken link'), join(media, 'none'), '/dev/null']) {
        expect(await teller.look(unclear)).toBeUndefined()
      }
      expect(lines).toHaveLength(1)
      expect((await readdir(media)).length).toBe(NASTY_NAMES.length + 2)
    })

    test('ends with its stdin, and when no heartbeat comes', async () => {
      await using shell = await openInnerShell(name)
      const open = async (heartbeatSeconds: number) =>
        await shell.transport.openCommand(fileTellerCommand({ tag: 'encode-teller', heartbeatSeconds }))
      const [ended, silent] = [await open(0), await open(5)]
      for (const channel of [ended, silent]) for (const stream of [channel.stdout, channel.stderr]) stream.resume()
      ended.stdin.end()
      await Promise.all([ended.exit, silent.exit])
    })

    test('leaves no zombie behind for a question', async () => {
      await using shell = await openInnerShell(name)
      await using teller = createFileTeller(shell.transport, { timing: TEST_TIMING })
      for (let round = 0; round < 20; round += 1) await teller.look(shell.folder)
      const all = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).stdout.split('\n')
      const own = all.filter((line) => line.includes(shell.folder)).map((line) => line.trim().split(/\s+/)[0])
      const zombies = all.filter((line) => own.includes(line.trim().split(/\s+/)[1]) && line.trim().split(/\s+/)[2]?.startsWith('Z'))
      expect(zombies.length).toBeLessThan(5)
    })
  })
})

test('a host without a teller, or with one that is killed, is asked by a command', async () => {
  await using shell = await openInnerShell('dash')
  const film = join(shell.folder, 'film.mkv')
  await writeFile(film, 'film')
  const { counted, lines } = count(shell.transport)
  const none: CommandTransport = { ...counted, openCommand: async () => await Promise.reject(new Error('no session')) }
  const asked: string[] = []
  const files = (transport: CommandTransport) => {
    const teller = createFileTeller(transport, { timing: TEST_TIMING })
    const run = async () => {
      asked.push('command')
      return { status: 0, stdout: `-rw-r--r-- 1 0 0 ${(await stat(film)).size} Jan  1 00:00 ${film}\n`, stderr: '' }
    }
    const guard = { tag: 'x', start: async () => {}, hold: () => {}, letGo: () => {} }
    const bulk = { putBytes: async () => 0, getBytes: async () => 0 }
    return { teller, ...createShellFiles({ hostName: 'nas', run, guard, teller, transport: bulk }) }
  }
  const without = files(none)
  for (let round = 0; round < 5; round += 1) expect(await without.statFile(film)).toEqual({ kind: 'file', sizeBytes: 4 })
  expect(asked).toHaveLength(5)

  const { statFile, teller } = files(counted)
  expect(await statFile(film)).toEqual({ kind: 'file', sizeBytes: 4 })
  const tag = /encode-[0-9a-f]{24}/.exec(lines[0] ?? '')?.[0] ?? ''
  const isThere = () => spawnSync('pgrep', ['-f', tag]).status === 0
  expect(isThere()).toBe(true)
  spawnSync('pkill', ['-KILL', '-f', tag])
  await waitUntil(async () => !isThere(), { what: 'the teller is gone' })
  expect(await statFile(film)).toEqual({ kind: 'file', sizeBytes: 4 })
  await waitUntil(async () => (await statFile(film)) !== undefined && lines.length === 2, { what: 'another teller' })
  await teller[Symbol.asyncDispose]()
})

test('a question is given up with its signal, and when no answer comes', async () => {
  await using shell = await openInnerShell('dash')
  const silent: CommandTransport = { ...shell.transport, openCommand: async () => await shell.transport.openCommand('exec sleep 60') }
  await using teller = createFileTeller(silent, { timing: TEST_TIMING, answerMs: 50 })
  expect(await teller.look('/tmp')).toBeUndefined()
  const reason = new Error('enough')
  await expect(teller.look('/tmp', AbortSignal.abort(reason))).rejects.toBe(reason)
})
