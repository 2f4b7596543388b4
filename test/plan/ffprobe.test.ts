import { execFile } from 'node:child_process'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFfprobe } from '../../src/plan/ffprobe.ts'

let folder: string
const { probe } = createFfprobe('ffprobe')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-ffprobe-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('a film that was cut off, and what is none, are told with what ffprobe stumbled over', async () => {
  const cut = join(folder, 'cut.mp4')
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=duration=1', '-c:v', 'mpeg4', cut])
  await truncate(cut, 20_000)
  await expect(probe(cut)).rejects.toThrow(/^ffprobe cannot read it: it is no film, or cut off \(moov atom not found\)$/)
  const text = join(folder, 'notes.ts')
  await writeFile(text, 'a shopping list\n'.repeat(1000))
  await expect(probe(text)).rejects.toThrow(
    /^ffprobe cannot read it: it is no film, or cut off \(Invalid data found when processing input\)$/,
  )
})

test('another complaint is told as it is, without the path', async () => {
  await expect(createFfprobe('ffprobe').read(['-v', 'error', join(folder, 'none.mp4')])).rejects.toThrow(
    /^ffprobe cannot read it: No such file or directory$/,
  )
})
