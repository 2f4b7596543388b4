import { chmod, copyFile, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFfprobe, type Ffprobe } from '../../src/plan/ffprobe.ts'
import { createRememberingFfprobe, type RememberingFfprobe, type RememberingOptions } from '../../src/plan/remembering-ffprobe.ts'

const AN_HOUR_MS = 3_600_000

let folder: string
let film: string
let program: string
let texts: Map<string, string>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-remembering-'))
  film = join(folder, 'film.mkv')
  program = join(folder, 'ffprobe')
  texts = new Map()
  await writeFile(film, 'whatever')
  await writeProgram('5.1', 'h264')
})

afterEach(() => rm(folder, { recursive: true }))

test('a file that has not changed is not probed again', async () => {
  const first = await probe()
  expect(first.streams[0]?.codec).toBe('h264')
  expect(await probe()).toEqual(first)
  expect(await countProbes()).toBe(1)
})

test.each([
  ['has other bytes in the same place, of the same size and time', () => changeInPlace()],
  ['is another one of the same size and time', () => putOtherInPlace()],
  ['has grown', () => writeFile(film, 'whatever more')],
  ['has a new time', () => utimes(film, 1, 1)],
])('a file that %s is probed anew', async (_, change) => {
  await probe()
  await change()
  await probe()
  await probe()
  expect(await countProbes()).toBe(2)
})

test('another ffprobe is asked anew: another version, another program of that version, another path', async () => {
  expect((await probe()).streams[0]?.codec).toBe('h264')
  await writeProgram('7.1', 'h264')
  await probe()
  expect(await countProbes()).toBe(2)
  await writeProgram('7.1', 'hevc')
  expect((await probe()).streams[0]?.codec).toBe('hevc')
  program = join(folder, 'ffprobe-2')
  await writeProgram('7.1', 'hevc')
  await probe()
  expect(await countProbes()).toBe(4)
})

test.each([
  { where: 'answers are expected', isExpected: true, first: [['-version']] },
  { where: 'none is expected', isExpected: false, first: [] },
])(
  'where $where it asks which ffprobe it is at once or when there is something to remember, and but once',
  async ({ isExpected, first }) => {
    const asked: (readonly string[])[] = []
    const ffprobe = createFfprobe(program)
    const watched: Ffprobe = {
      ...ffprobe,
      async read(argv, signal) {
        asked.push(argv)
        return await ffprobe.read(argv, signal)
      },
    }
    const remembered = remembering(watched, { isExpected })
    expect(asked).toEqual(first)
    await Promise.all([remembered.probe(film), remembered.probe(film)])
    await remembered.kept()
    expect(texts.size).toBe(1)
    expect(asked.filter(([first]) => first === '-version')).toHaveLength(1)
  },
)

test('a file that was changed just now is not remembered: it may change again and look the same', async () => {
  await probe(Date.now())
  await probe(Date.now())
  expect(await countProbes()).toBe(2)
})

test('a file that changes while it is probed is not remembered', async () => {
  const ffprobe = createFfprobe(program)
  const changing: Ffprobe = {
    ...ffprobe,
    async read(argv, signal) {
      const answer = await ffprobe.read(argv, signal)
      if (argv.includes(film)) await writeFile(film, `${answer.length} more`)
      return answer
    },
  }
  const remembered = remembering(changing)
  await remembered.probe(film)
  await remembered.kept()
  expect(texts.size).toBe(0)
})

test('a failure is not remembered', async () => {
  await writeProgram('5.1', '')
  await expect(probe()).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  await expect(probe()).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
  expect(await countProbes()).toBe(2)
  await rm(film)
  await expect(probe()).rejects.toMatchObject({ code: 'SOURCE_MISSING' })
})

test.each(['', '{', 'null', '[]', '{"file":1}', 'said:'])('a memory that holds %j is as none', async (text) => {
  await probe()
  const known = JSON.parse(texts.get(film) ?? '{}') as { said: Record<string, string> }
  const [argv = ''] = Object.keys(known.said)
  texts.set(film, text === 'said:' ? JSON.stringify({ ...known, said: { [argv]: '{"streams":[]}' } }) : text)
  expect((await probe()).streams[0]?.codec).toBe('h264')
  expect(await countProbes()).toBe(2)
})

test('what is read to verify a result never comes from memory', async () => {
  await probe()
  const argv = JSON.parse(Object.keys((JSON.parse(texts.get(film) ?? '') as { said: object }).said)[0] ?? '') as string[]
  await remembering(createFfprobe(program)).read(argv)
  expect(await countProbes()).toBe(2)
})

test('an answer does not wait for which ffprobe it is, but one from memory does', async () => {
  const ffprobe = createFfprobe(program)
  const version = Promise.withResolvers<void>()
  const slow: Ffprobe = {
    ...ffprobe,
    async read(argv, signal) {
      if (argv[0] === '-version') await version.promise
      return await ffprobe.read(argv, signal)
    },
  }
  const first = remembering(slow)
  await first.probe(film)
  expect(texts.size).toBe(0)
  version.resolve()
  await first.kept()
  const asked = Promise.withResolvers<void>()
  const second = remembering(ffprobe, {
    ask: async (argv, signal) => {
      await asked.promise
      return await ffprobe.read(argv, signal)
    },
  })
  const recalled = second.probe(film)
  asked.resolve()
  expect((await recalled).streams[0]?.codec).toBe('h264')
  expect(await countProbes()).toBe(1)
})

function remembering(ffprobe: Ffprobe, { nowMs = Date.now() + AN_HOUR_MS, ...more }: Remembering = {}): RememberingFfprobe {
  return createRememberingFfprobe(ffprobe, {
    memory: { recall: (path) => texts.get(path), remember: (path, text) => texts.set(path, text) },
    program,
    now: () => nowMs,
    ...more,
  })
}

type Remembering = Partial<Pick<RememberingOptions, 'ask' | 'isExpected'>> & { readonly nowMs?: number | undefined }

/** As a run of its own does. */
async function probe(nowMs?: number) {
  const remembered = remembering(createFfprobe(program), { nowMs })
  const media = await remembered.probe(film)
  await remembered.kept()
  return media
}

async function countProbes(): Promise<number> {
  return (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n').length
}

/** Tells of each file that it is asked for. */
async function writeProgram(version: string, codec: string): Promise<void> {
  const said = codec === '' ? 'exit 1' : `echo '{"streams": [{"index": 0, "codec_type": "video", "codec_name": "${codec}"}], "format": {}}'`
  const lines = ['#!/bin/sh', `[ "$1" = -version ] && { echo "ffprobe version ${version}"; exit; }`, `echo "$*" >> '${folder}/calls'`, said]
  await writeFile(program, `${lines.join('\n')}\n`)
  await chmod(program, 0o755)
}

/** As a tool that edits tags and keeps the time of the file. */
async function changeInPlace(): Promise<void> {
  const { atime, mtime } = await stat(film)
  await writeFile(film, 'whatEVER')
  await utimes(film, atime, mtime)
}

/** As a result in the place of its source. */
async function putOtherInPlace(): Promise<void> {
  const { atime, mtime } = await stat(film)
  const other = join(folder, 'other')
  await copyFile(film, other)
  await utimes(other, atime, mtime)
  await rename(other, film)
}
