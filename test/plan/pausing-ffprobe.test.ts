import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Ffprobe } from '../../src/plan/ffprobe.ts'
import { createPausingFfprobe } from '../../src/plan/pausing-ffprobe.ts'
import { createRememberingFfprobe } from '../../src/plan/remembering-ffprobe.ts'

const AN_HOUR_MS = 3_600_000
const ANSWER = JSON.stringify({ streams: [{ index: 0, codec_type: 'audio', codec_name: 'aac' }], format: {} })

let folder: string
/** The file that each look was at, in order. */
let asked: string[]

const ffprobe: Ffprobe = {
  async read(argv) {
    asked.push(argv.at(-1) ?? '')
    return ANSWER
  },
  probe: () => Promise.reject(new Error('It looks by itself')),
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-pausing-'))
  asked = []
  for (const name of ['known', 'new']) await writeFile(join(folder, name), name)
})

afterEach(() => rm(folder, { recursive: true }))

test('looks wait for the end of the pause, files that are remembered for nothing', async () => {
  const texts = new Map<string, string>()
  const memory = { recall: (path: string) => texts.get(path), remember: (path: string, text: string) => void texts.set(path, text) }
  const looking = createPausingFfprobe(ffprobe)
  const remembering = createRememberingFfprobe(looking, { memory, program: 'ffprobe', now: () => Date.now() + AN_HOUR_MS })
  await remembering.probe(join(folder, 'known'))
  asked = []
  const pause = Promise.withResolvers<void>()
  looking.pause(pause.promise)
  const waiting = remembering.probe(join(folder, 'new'))
  expect((await remembering.probe(join(folder, 'known'))).streams).toHaveLength(1)
  expect(asked).toEqual([])
  pause.resolve()
  expect((await waiting).streams).toHaveLength(1)
  expect(asked).toEqual([join(folder, 'new')])
})

test('whoever is interrupted does not wait for the end of the pause', async () => {
  const looking = createPausingFfprobe(ffprobe)
  looking.pause(new Promise(() => {}))
  const interrupting = new AbortController()
  const waiting = looking.probe(join(folder, 'new'), interrupting.signal)
  interrupting.abort(new Error('Interrupted'))
  await expect(waiting).rejects.toThrow('Interrupted')
  expect(asked).toEqual([])
})
