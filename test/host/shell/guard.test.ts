import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CommandChannel } from '../../../src/host/channel.ts'
import { receiveCommand } from '../../../src/host/shell/bulk-shell.ts'
import { createGuard } from '../../../src/host/shell/guard.ts'
import { guardCommand } from '../../../src/host/shell/guard-script.ts'
import { encodeArgument } from '../../../src/host/shell/quote-posix.ts'
import { waitUntil } from '../../cluster/sshd-host.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { NASTY_NAMES } from '../../contract/nasty-names.ts'
import { INNER_SHELLS, type InnerShell, openInnerShell } from './inner-shells.ts'

describe.concurrent('the guard', { timeout: 30_000 }, () => {
  describe.each(INNER_SHELLS)('with %s as /bin/sh', (name) => {
    test('removes exactly what it was told, when its stdin ends', async () => {
      await using shell = await openInnerShell(name)
      const files = await makeFiles(shell)
      const guard = await startRaw(shell, 0)
      for (const file of files) guard.say(`a ${encodeArgument(file)}`)
      const kept = files.filter((_, index) => index % 3 === 0)
      for (const file of kept) guard.say(`f ${encodeArgument(file)}`)
      for (const bad of ['relative', '/', '//', '/..', '/tmp/..', `${shell.folder}/media/../..`, '/./']) guard.say(`a ${bad}`)
      await guard.hasKept(files.length + 7)
      guard.channel.stdin.end()
      await guard.channel.exit
      expect((await readdir(join(shell.folder, 'media'))).sort()).toEqual(kept.map((file) => file.slice(file.lastIndexOf('/') + 1)).sort())
    })

    test('removes nothing when it is told to quit', async () => {
      await using shell = await openInnerShell(name)
      const files = await makeFiles(shell)
      const guard = await startRaw(shell, 5)
      for (const file of files) guard.say(`a ${encodeArgument(file)}`)
      await guard.hasKept(files.length)
      guard.say('q')
      guard.channel.stdin.end()
      await guard.channel.exit
      expect(await readdir(join(shell.folder, 'media'))).toHaveLength(files.length)
    })

    test('removes files and ends transfers when no heartbeat comes', async () => {
      await using shell = await openInnerShell(name)
      const [file = ''] = await makeFiles(shell)
      const arriving = join(shell.folder, 'media', 'arriving')
      const transfer = await shell.transport.openCommand(receiveCommand(`encode-${name}`, arriving))
      transfer.stdin.on('error', () => undefined).write('some bytes')
      await waitUntil(async () => (await readdir(join(shell.folder, 'media'))).includes('arriving'), { what: 'bytes arrive' })
      const guard = await startRaw(shell, 5, `encode-${name}`)
      guard.say(`a ${encodeArgument(file)}`)
      guard.say(`a ${encodeArgument(arriving)}`)
      await guard.hasKept(2)
      await transfer.exit
      await guard.channel.exit
      const left = await readdir(join(shell.folder, 'media'))
      expect(left).not.toContain('arriving')
      expect(left).toHaveLength(NASTY_NAMES.length - 1)
    })
  })

  test('is left with what is not released when the host is closed, and removes it', async () => {
    await using shell = await openInnerShell('dash')
    const [left = '', released = ''] = await makeFiles(shell)
    const guard = createGuard(shell.transport, { hostName: 'here', timing: TEST_TIMING })
    await guard.add(left)
    const { release } = await guard.add(released)
    release()
    await guard[Symbol.asyncDispose]()
    await waitUntil(async () => !(await readdir(join(shell.folder, 'media'))).includes('empty'), { what: 'the file is gone' })
    expect(await readdir(join(shell.folder, 'media'))).toHaveLength(NASTY_NAMES.length - 1)
  })

  test('is started again, with all names, after somebody killed it', async () => {
    await using shell = await openInnerShell('dash')
    const opened: CommandChannel[] = []
    const said: string[] = []
    const transport = {
      ...shell.transport,
      async openCommand(line: string) {
        const channel = await shell.transport.openCommand(line)
        opened.push(channel)
        const write = channel.stdin.write.bind(channel.stdin)
        channel.stdin.write = ((chunk: string) => {
          said.push(chunk)
          return write(chunk)
        }) as typeof channel.stdin.write
        return channel
      },
    }
    await using guard = createGuard(transport, { hostName: 'here', timing: TEST_TIMING })
    await guard.add('/tmp/first')
    const { release } = await guard.add('/tmp/second')
    release()
    opened[0]?.signal('KILL')
    await opened[0]?.exit
    said.length = 0
    await guard.add('/tmp/third')
    expect(opened).toHaveLength(2)
    expect(said).toEqual(['a /tmp/first\n', 'a /tmp/third\n'])
  })
})

async function makeFiles({ folder }: InnerShell): Promise<readonly string[]> {
  const media = join(folder, 'media')
  await mkdir(media)
  const files = NASTY_NAMES.map((name) => join(media, name))
  for (const [index, file] of files.entries()) await (index === 1 ? mkdir(join(file, 'deep'), { recursive: true }) : writeFile(file, ''))
  return files
}

async function startRaw(shell: InnerShell, heartbeatSeconds: number, tag = 'encode-raw') {
  const channel = await shell.transport.openCommand(guardCommand({ tag, heartbeatSeconds, waitSeconds: 1 }))
  let text = ''
  channel.stdin.on('error', () => undefined)
  channel.stderr.resume()
  channel.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return {
    channel,
    say: (line: string) => channel.stdin.write(`${line}\n`),
    hasKept: async (count: number) => await waitUntil(() => text.split('@kept').length === count + 1, { what: 'the guard has the names' }),
  }
}
