import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Ffprobe, LOOKS_AT_ONCE } from '../../src/plan/ffprobe.ts'
import { createPacedFfprobe } from '../../src/plan/paced-ffprobe.ts'
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
  folder = await mkdtemp(join(tmpdir(), 'encode-paced-'))
  asked = []
  for (const name of ['known', 'new']) await writeFile(join(folder, name), name)
})

afterEach(() => rm(folder, { recursive: true }))

test('where none is begun looks wait, and files that are remembered for nothing', async () => {
  const texts = new Map<string, string>()
  const memory = { recall: (path: string) => texts.get(path), remember: (path: string, text: string) => void texts.set(path, text) }
  const looking = createPacedFfprobe(ffprobe, { processors: 2 })
  const now = () => Date.now() + AN_HOUR_MS
  const remembering = createRememberingFfprobe(looking, { memory, program: 'ffprobe', now, ask: ffprobe.read })
  await remembering.probe(join(folder, 'known'))
  await remembering.kept()
  asked = []
  looking.setPace('none')
  const waiting = remembering.probe(join(folder, 'new'))
  expect((await remembering.probe(join(folder, 'known'))).streams).toHaveLength(1)
  expect(asked).toEqual([])
  looking.setPace('idle')
  expect((await waiting).streams).toHaveLength(1)
  expect(asked).toEqual([join(folder, 'new')])
})

test('whoever is interrupted waits no longer', async () => {
  const looking = createPacedFfprobe(ffprobe, { processors: 2 })
  looking.setPace('none')
  const interrupting = new AbortController()
  const waiting = looking.probe(join(folder, 'new'), interrupting.signal)
  interrupting.abort(new Error('Interrupted'))
  await expect(waiting).rejects.toThrow('Interrupted')
  expect(asked).toEqual([])
})

test.each([
  ['full', LOOKS_AT_ONCE],
  ['beside', 2],
  ['idle', 1],
] as const)('at the pace "%s" %d looks are under way at once', async (pace, most) => {
  const answer = Promise.withResolvers<string>()
  let underWay = 0
  const looking = createPacedFfprobe(
    {
      ...ffprobe,
      read() {
        underWay += 1
        return answer.promise
      },
    },
    { processors: 2 },
  )
  looking.setPace(pace)
  const looks = Array.from({ length: 40 }, () => looking.read([]))
  await new Promise(setImmediate)
  expect(underWay).toBe(most)
  looking.setPace('full')
  answer.resolve(ANSWER)
  await Promise.all(looks)
  expect(underWay).toBe(40)
})
