import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EncodeError } from '../../../src/core/errors.ts'
import type { CommandTransport } from '../../../src/host/channel.ts'
import { createLocalTransport } from '../../../src/host/local/local-transport.ts'
import { quoteWord } from '../../../src/host/shell/quote-posix.ts'
import { createRunWaiting, type RunWaiting } from '../../../src/host/shell/run-waiting.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { waitUntil } from '../../wait-until.ts'

let folder: string
let local: CommandTransport
/** Command lines that were opened. */
let opened: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-waiting-'))
  local = createLocalTransport({ hostName: 'here', env: { PATH: process.env.PATH } })
  opened = []
})

afterEach(async () => {
  await local[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('a command that waits is made ready once those of its host are short, two at a time', async () => {
  const run = createRunWaiting(counting(local))
  const first = begin(run, 'first')
  first.go()
  await first.result
  const [second, third, fourth] = [begin(run, 'second'), begin(run, 'third'), begin(run, 'fourth')]
  await waitUntil(() => opened.length === 3, { what: 'two are made ready' })
  expect(await read('second')).toBeUndefined()
  second.go()
  await waitUntil(() => opened.length === 4, { what: 'the next is made ready' })
  for (const { go } of [third, fourth]) go()
  expect(await Promise.all([second.result, third.result, fourth.result])).toEqual([OK, OK, OK])
  expect(await Promise.all(['second', 'third', 'fourth'].map(read))).toEqual(['began', 'began', 'began'])
  expect(opened).toHaveLength(4)
})

test('who may begin before it is among the first in the line does', async () => {
  const run = await createShort(counting(local))
  const [first, second, third] = [begin(run, 'first'), begin(run, 'second'), begin(run, 'third')]
  third.go()
  expect(await third.result).toEqual(OK)
  for (const { go } of [first, second]) go()
  expect(await Promise.all([first.result, second.result])).toEqual([OK, OK])
})

test('what cannot be made ready begins when it may all the same, and the next is not tried', async () => {
  const failing: CommandTransport = {
    ...local,
    async openCommand(line) {
      opened.push(line)
      if (isWaiting(line)) throw new EncodeError('HOST_UNREACHABLE', 'The server has no session left')
      return await local.openCommand(line)
    },
  }
  const run = await createShort(failing)
  for (const name of ['first', 'second']) {
    const command = begin(run, name)
    if (name === 'first') await waitUntil(() => opened.some(isWaiting), { what: 'it is made ready' })
    command.go()
    expect(await command.result).toEqual(OK)
    expect(await read(name)).toBe('began')
  }
  expect(opened.filter(isWaiting)).toHaveLength(1)
})

test('where commands take long, none is made ready', async () => {
  const run = await createShort(counting(local), 0)
  const command = begin(run, 'first')
  command.go()
  expect(await command.result).toEqual(OK)
  expect(opened.filter(isWaiting)).toEqual([])
})

test('where the wrapper gets no process group of its own, none is made ready', async () => {
  const within: CommandTransport = {
    ...local,
    async openCommand(line) {
      opened.push(line)
      return await local.openCommand(`/bin/sh -c ${quoteWord(line)}; exit`)
    },
  }
  const run = await createShort(within)
  const command = begin(run, 'first')
  command.go()
  expect(await command.result).toEqual(OK)
  expect(opened.filter(isWaiting)).toEqual([])
})

test('where a connection would have to be opened for it, none is made ready', async () => {
  const run = await createShort({ ...counting(local), hasRoom: () => false })
  const command = begin(run, 'first')
  command.go()
  expect(await command.result).toEqual(OK)
  expect(opened.filter(isWaiting)).toEqual([])
})

test.each(['refused', 'aborted'])('a command that waits and is %s ends with the reason, and never begins', async (how) => {
  const run = await createShort(counting(local))
  const stop = new AbortController()
  const command = begin(run, 'first', stop.signal)
  await waitUntil(() => opened.some(isWaiting), { what: 'it is made ready' })
  const reason = new Error('enough')
  if (how === 'refused') command.refuse(reason)
  else stop.abort(reason)
  await expect(command.result).rejects.toBe(reason)
  const next = begin(run, 'next')
  next.go()
  expect(await next.result).toEqual(OK)
  expect(await read('first')).toBeUndefined()
})

const OK = { status: 0, stdout: 'done\n', stderr: '' }

function counting(transport: CommandTransport): CommandTransport {
  return {
    ...transport,
    async openCommand(line, signal) {
      opened.push(line)
      return await transport.openCommand(line, signal)
    },
  }
}

/** Of a host whose last command was short. */
async function createShort(transport: CommandTransport, shortMs?: number): Promise<RunWaiting> {
  const run = createRunWaiting(transport, shortMs)
  const short = begin(run, 'short')
  short.go()
  await short.result
  opened = []
  return run
}

function begin(run: RunWaiting, name: string, signal?: AbortSignal) {
  const { promise: mayBegin, resolve: go, reject: refuse } = Promise.withResolvers<void>()
  const argv = ['/bin/sh', '-c', 'printf began >"$0"; echo done', join(folder, name)]
  const result = run(argv, { hostName: 'here', timing: TEST_TIMING, mayBegin, signal })
  result.catch(() => undefined)
  return { result, go, refuse }
}

function isWaiting(commandLine: string): boolean {
  return / '?-\w*g'? /.test(commandLine)
}

async function read(name: string): Promise<string | undefined> {
  return await readFile(join(folder, name), 'utf8').catch(() => undefined)
}
