import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CommandChannel } from '../../../src/host/channel.ts'
import { adoptArguments } from '../../../src/host/shell/adopt-file.ts'
import { receiveCommand } from '../../../src/host/shell/bulk-shell.ts'
import { createGuard } from '../../../src/host/shell/guard.ts'
import { guardCommand } from '../../../src/host/shell/guard-script.ts'
import { encodeArgument } from '../../../src/host/shell/quote-posix.ts'
import { runOnLeash } from '../../../src/host/shell/run-on-leash.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { NASTY_NAMES } from '../../contract/nasty-names.ts'
import { waitUntil } from '../../wait-until.ts'
import { INNER_SHELLS, type InnerShell, openInnerShell } from './inner-shells.ts'

describe.concurrent('the guard', () => {
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

  describe.each(INNER_SHELLS)('with %s as /bin/sh, when a connection broke in the middle of a transfer', (name) => {
    test('ends the transfer, keeps its files for a while, and lets another connection take them over meanwhile', async () => {
      await using shell = await openInnerShell(name)
      const media = join(shell.folder, 'media')
      await mkdir(media)
      const [mark, arriving, taken, left] = [
        `encode-${name}-broken`,
        join(media, 'arriving'),
        join(media, "it's taken"),
        join(media, 'left'),
      ]
      await writeFile(left, '')
      const transfer = await shell.transport.openCommand(receiveCommand(mark, arriving))
      transfer.stdin.on('error', () => undefined).write('some bytes')
      await waitUntil(async () => (await stat(arriving).catch(() => undefined))?.size === 10, { what: 'bytes arrive' })
      const guard = await startRaw(shell, 0, mark)
      for (const file of [arriving, left]) guard.say(`a ${encodeArgument(file)}`)
      guard.say('g 3')
      await guard.hasKept(2)
      guard.channel.stdin.end()
      await transfer.exit
      expect((await readdir(media)).sort()).toEqual(['arriving', 'left'])
      expect(await adopt(shell, mark, arriving, taken)).toBe(true)
      await guard.channel.exit
      expect(await readdir(media)).toEqual(["it's taken"])
      expect(await readFile(taken, 'utf8')).toBe('some bytes')
    })

    test('a transfer that has not heard of it writes no more once its file was taken over', async () => {
      await using shell = await openInnerShell(name)
      const [mark, from, to] = [`encode-${name}-late`, join(shell.folder, 'from'), join(shell.folder, 'to')]
      const transfer = await shell.transport.openCommand(receiveCommand(mark, from))
      transfer.stdin.on('error', () => undefined).write('some bytes')
      await waitUntil(async () => (await stat(from).catch(() => undefined))?.size === 10, { what: 'bytes arrive' })
      const guard = await startRaw(shell, 0, mark)
      expect(await adopt(shell, mark, from, to)).toBe(true)
      transfer.stdin.write(' and more')
      await transfer.exit
      expect(await readFile(to, 'utf8')).toBe('some bytes')
      guard.say('q')
      await guard.channel.exit
    })
  })

  test('and another one never both have a file, and never neither: it is taken over or removed', async () => {
    await using shell = await openInnerShell('dash')
    const media = join(shell.folder, 'media')
    await mkdir(media)
    const names = Array.from({ length: 40 }, (_, index) => `file${index}`)
    for (const name of names) await writeFile(join(media, name), name)
    const guard = await startRaw(shell, 0, 'encode-race')
    for (const name of names) guard.say(`a ${join(media, name)}`)
    await guard.hasKept(names.length)
    guard.channel.stdin.end()
    const adopted: string[] = []
    // The guard waits for a second and begins; what comes before that is taken over, and what comes after is gone.
    for (const name of names) if (await adopt(shell, 'encode-race', join(media, name), join(media, `${name}.taken`))) adopted.push(name)
    await guard.channel.exit
    expect((await readdir(media)).sort()).toEqual(adopted.map((name) => `${name}.taken`).sort())
    expect(adopted.length).toBeGreaterThan(0)
  })

  test('that lives no more leaves nothing that could be relied on: its host may have been started again', async () => {
    await using shell = await openInnerShell('dash')
    const [from, to] = [join(shell.folder, 'from'), join(shell.folder, 'to')]
    await writeFile(from, 'half of it never reached the disk')
    expect(await adopt(shell, 'encode-dead', from, to)).toBe(false)
    expect((await stat(from)).size).toBeGreaterThan(0)
  })

  test('is told to keep files for 20 s while any transfer may be gone on with, and else not at all', async () => {
    await using shell = await openInnerShell('dash')
    const said: string[] = []
    const transport = {
      ...shell.transport,
      async openCommand(line: string) {
        const channel = await shell.transport.openCommand(line)
        const write = channel.stdin.write.bind(channel.stdin)
        channel.stdin.write = ((chunk: string) => {
          said.push(chunk.trimEnd())
          return write(chunk)
        }) as typeof channel.stdin.write
        return channel
      },
    }
    await using guard = createGuard(transport, { hostName: 'here', timing: { ...TEST_TIMING, heartbeatEveryMs: 60_000 } })
    guard.hold('first')
    await guard.start()
    guard.hold('first')
    guard.hold('second')
    guard.letGo('first')
    guard.letGo('never held')
    await guard.start()
    expect(new Set(said)).toEqual(new Set(['g 20']))
    guard.letGo('second')
    await waitUntil(() => said.at(-1) === 'g 0', { what: 'nothing is kept any more' })
  })

  test('tells that the host is lost when its line breaks, and is not started again with the same names', async () => {
    await using shell = await openInnerShell('dash')
    const broken = new Error('broken')
    const breaks = Promise.withResolvers<never>()
    const transport = {
      ...shell.transport,
      async openCommand(line: string) {
        const channel = await shell.transport.openCommand(line)
        return { ...channel, exit: Promise.race([channel.exit, breaks.promise]) }
      },
    }
    const lost: unknown[] = []
    await using guard = createGuard(transport, { hostName: 'here', timing: TEST_TIMING, onLost: (reason) => lost.push(reason) })
    await guard.add('/tmp/never-made')
    breaks.reject(broken)
    await waitUntil(() => lost.length > 0, { what: 'it is told' })
    expect(lost).toEqual([broken])
    await expect(guard.add('/tmp/another-never-made')).rejects.toBe(broken)
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

async function adopt(shell: InnerShell, mark: string, from: string, to: string): Promise<boolean> {
  const argv = adoptArguments({ mark, from, to })
  return (await runOnLeash(shell.transport, argv, { hostName: 'here', timing: TEST_TIMING })).status === 0
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
