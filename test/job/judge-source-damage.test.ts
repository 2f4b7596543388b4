import { execFile } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { judgeSourceDamage } from '../../src/job/judge-source-damage.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const run = promisify(execFile)
/** So much that its end lies in another block of any filesystem. */
const FILM = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=10:duration=3', '-c:v', 'libx264', '-preset', 'ultrafast']

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-damage-'))
})

afterEach(() => rm(folder, { recursive: true }))

describe('a film of which the middle is missing', () => {
  test('because it was never written, as in a download that goes on tomorrow, is refused', async () => {
    const said = await encodeWithHole('hole')
    expect(said.refusal).toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(
        /[34]\d % of ".*film\.mkv" were never written, and ffmpeg could not read or decode all of it \(matroska/,
      ),
    })
    expect(said.warnings).toEqual([])
  })

  test('is encoded as far as it goes where nothing is to be verified', async () => {
    const said = await encodeWithHole('hole', 'off')
    expect(said).toMatchObject({ refusal: undefined, warnings: [expect.stringContaining('is missing in its result')] })
  })

  test('because it was overwritten is told', async () => {
    const said = await encodeWithHole('zeros')
    expect(said).toMatchObject({ refusal: undefined, warnings: [expect.stringContaining('is missing in its result')] })
  })
})

test('of a film that is whole nothing is said, whatever its filesystem makes of it', async () => {
  const said = await encodeWithHole('none')
  expect(said).toEqual({ refusal: undefined, warnings: [] })
})

/** @param hole how the middle third of the film is spoilt. */
async function encodeWithHole(hole: 'hole' | 'zeros' | 'none', verify?: 'off') {
  const path = join(folder, 'film.mkv')
  await ffmpeg([...FILM, '-y', join(folder, 'whole.mkv')])
  const bytes = await readFile(join(folder, 'whole.mkv'))
  const third = Math.floor(bytes.length / 3)
  const middle = hole === 'zeros' ? Buffer.alloc(third) : bytes.subarray(third, 2 * third)
  await using film = await open(path, 'wx')
  await film.write(bytes, 0, third, 0)
  if (hole !== 'hole') await film.write(middle, 0, third, third)
  await film.write(bytes, 2 * third, bytes.length - 2 * third, 2 * third)
  const { size } = await stat(path)
  expect(size).toBe(bytes.length)

  const plan = createPlan('run-1', path)
  const warnings: string[] = []
  const stderr = await ffmpeg(['-i', path, '-f', 'null', '-'])
  const context = { plan: { ...plan, profile: { ...plan.profile, verify } }, onWarning: (message: string) => warnings.push(message) }
  const refusal = await judgeSourceDamage(context, stderr).then(
    () => undefined,
    (error: unknown) => error,
  )
  return { refusal, warnings }
}

async function ffmpeg(argv: readonly string[]): Promise<string> {
  return (await run('ffmpeg', ['-nostdin', '-nostats', ...argv])).stderr
}
