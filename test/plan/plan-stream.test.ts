import { link, mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { EncodeError } from '../../src/core/errors.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import type { Ffprobe } from '../../src/plan/ffprobe.ts'
import { type FoundSource, findSources } from '../../src/plan/find-sources.ts'
import { groupSources } from '../../src/plan/group-sources.ts'
import { createPlanner } from '../../src/plan/plan-jobs.ts'
import type { PlanOptions } from '../../src/plan/plan-options.ts'
import type { PlanStream } from '../../src/plan/plan-stream.ts'
import type { PlannedFile } from '../../src/plan/planned-file.ts'
import type { Target } from '../../src/plan/target.ts'
import { makeHostConfig } from '../contract/host-config.ts'

const RULES = `rules:
  small: {profile: SKIP, criteria: {res_height: "<100"}}
  avi: {profile: odd, criteria: {path: "[.]avi$"}}
  ts: {profile: mp4, criteria: {path: "[.]ts$"}}
  rest: {profile: mkv, criteria: {res_height: ">0"}}
`
const PROFILES = `profiles:
  mkv: {output_options: ["-c copy"], extension: .mkv}
  mp4: {output_options: ["-c copy"], extension: .mp4}
  odd: {output_options: ["-c copy"], extension: .x.mkv}
  cuda: {include: mkv, queue: cuda}
`
const CONFIG = parseConfig(PROFILES + RULES, 'test.yml', [])
const NEVER = new AbortController().signal

let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-stream-')))
})

afterEach(() => rm(folder, { recursive: true }))

describe('whatever the order in which files are looked into', () => {
  const names = fc.uniqueArray(
    fc.tuple(fc.constantFrom('', 's/'), fc.constantFrom('a', 'A', 'a.x', 'b', 'tiny'), fc.constantFrom('mp4', 'avi', 'ts', 'mkv', 'x.mkv')),
    { selector: ([root, stem, extension]) => `${root}${stem}.${extension}`, minLength: 1, maxLength: 14 },
  )
  const flags = fc.record({
    keepsSource: fc.boolean(),
    overwrites: fc.boolean(),
    mirrors: fc.boolean(),
    profile: fc.constantFrom(undefined, 'mp4'),
  })

  test('the same files are refused, for the same reasons, as if all had been known first', async () => {
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        names,
        fc.array(fc.nat({ max: 13 })),
        flags,
        fc.array(fc.nat({ max: 6 }), { minLength: 14, maxLength: 14 }),
        async (parts, links, how, delays) => {
          round += 1
          const root = join(folder, String(round))
          const paths = parts.map(([below, stem, extension]) => join(root, `${below}${stem}.${extension}`))
          for (const [index, path] of paths.entries()) {
            await mkdir(dirname(path), { recursive: true })
            const other = paths[links[index] ?? index]
            if (other !== undefined && (links[index] ?? index) < index) await link(other, path)
            else await writeFile(path, 'film')
          }
          const options = {
            keepsSource: how.keepsSource,
            overwrites: how.overwrites,
            outputFolder: how.mirrors ? join(root, 'out') : undefined,
          }
          const target: Target = {
            path: root,
            cluster: undefined,
            choice: { profile: how.profile, template: undefined, mixins: [] },
            queueFile: undefined,
          }
          const sources = await Array.fromAsync(findSources([target], root))
          const whole = await createPlanner(toOptions(options)).plan(sources)
          const slow = { ...FFPROBE, probe: (path: string) => afterTurns(delays[paths.indexOf(path)] ?? 0, () => FFPROBE.probe(path)) }
          await using stream = await createPlanner(toOptions({ ...options, ffprobe: slow })).stream(sources, NEVER)
          const lots = await readAll(stream)
          expect(lots.flat().map(describeFile).sort()).toEqual(whole.map(describeFile).sort())
          const numbers = lots.flat().flatMap((file) => (file.kind === 'job' ? [file.plan.id] : []))
          expect(numbers).toEqual(numbers.map((_, index) => `job-${index + 1}`))
        },
      ),
      { numRuns: 60 },
    )
  })
})

test.each(['b.mkv', 'b.ts'])(
  'a file that bears the name of two results is told the first source, though %s is looked into last',
  async (last) => {
    await touch('b.mkv', 'b.ts', 'b.mp4')
    const target: Target = {
      path: folder,
      cluster: undefined,
      choice: { profile: 'mp4', template: undefined, mixins: [] },
      queueFile: undefined,
    }
    const sources = await Array.fromAsync(findSources([target], folder))
    const ffprobe = { ...FFPROBE, probe: (path: string) => afterTurns(path.endsWith(last) ? 99 : 0, () => FFPROBE.probe(path)) }
    await using stream = await createPlanner(toOptions({ keepsSource: true, ffprobe })).stream(sources, NEVER)
    const skipped = (await readAll(stream)).flat().filter(({ kind }) => kind === 'skipped')
    expect(skipped).toMatchObject([{ reason: `it bears the name of the result of "${join(folder, 'b.mkv')}", which stays` }])
  },
)

test('files that have nothing to do with each other do not wait for each other; those of one result do', async () => {
  await touch('a.mp4', 'b.mp4', 'b.avi', 'c.mp4')
  const gates = new Map(['a.mp4', 'b.mp4', 'b.avi', 'c.mp4'].map((name) => [join(folder, name), Promise.withResolvers<void>()]))
  const ffprobe: Ffprobe = {
    ...FFPROBE,
    probe: async (path) => await (gates.get(path)?.promise ?? Promise.resolve()).then(() => FFPROBE.probe(path)),
  }
  await using stream = await open(['a.mp4', 'b.mp4', 'b.avi', 'c.mp4'], { ffprobe })
  gates.get(join(folder, 'c.mp4'))?.resolve()
  expect((await stream.next(1)).map(nameOf)).toEqual(['c.mp4'])
  gates.get(join(folder, 'b.avi'))?.resolve()
  gates.get(join(folder, 'a.mp4'))?.resolve()
  expect((await stream.next(1)).map(nameOf)).toEqual(['a.mp4'])
  expect(stream.leftSources().map(({ path }) => path)).toEqual([join(folder, 'b.mp4'), join(folder, 'b.avi')])
  gates.get(join(folder, 'b.mp4'))?.resolve()
  expect((await stream.next(1)).map(({ kind }) => kind)).toEqual(['failed', 'failed'])
  expect(stream.leftCount).toBe(0)
})

test('where a rule may turn out to be unusable, nothing is given before all is known', async () => {
  await touch('a.mp4', 'b.mp4')
  const config = parseConfig(
    `${PROFILES}rules: {b: {profile: cuda, criteria: {path: "b[.]"}}, rest: {profile: mkv, criteria: {res_height: ">0"}}}\n`,
    't.yml',
    [],
  )
  await using stream = await open(['a.mp4', 'b.mp4'], { config })
  await expect(stream.next(1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await using other = await open(['a.mp4'], { config })
  expect((await other.next(1)).map(({ kind }) => kind)).toEqual(['job'])
})

test('an ffprobe that vanishes under way fails the files that are left, and not the run', async () => {
  await touch('a.mp4', 'b.mp4')
  const given = Promise.withResolvers<void>()
  const ffprobe: Ffprobe = {
    ...FFPROBE,
    async probe(path) {
      if (path.endsWith('a.mp4')) return await FFPROBE.probe(path)
      await given.promise
      throw new EncodeError('CONFIG_INVALID', 'There is no "ffprobe" on this machine')
    },
  }
  await using stream = await open(['a.mp4', 'b.mp4'], { ffprobe })
  expect((await stream.next(1)).map(({ kind }) => kind)).toEqual(['job'])
  given.resolve()
  expect(await stream.next(1)).toMatchObject([{ kind: 'failed', reason: 'There is no "ffprobe" on this machine' }])
})

test('whoever is interrupted, or reads no further, waits for no file', async () => {
  await touch('a.mp4')
  const asked = Promise.withResolvers<void>()
  const ffprobe: Ffprobe = {
    ...FFPROBE,
    probe: (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        asked.resolve()
      }),
  }
  const interrupting = new AbortController()
  await using stream = await open(['a.mp4'], { ffprobe }, interrupting.signal)
  await asked.promise
  const reading = stream.next(1)
  interrupting.abort(new Error('Interrupted'))
  await expect(reading).rejects.toThrow('Interrupted')
  await using unread = await open(['a.mp4'], { ffprobe })
  expect(unread.leftCount).toBe(1)
})

test('ten thousand files are grouped in a moment, and clusters take turns', async () => {
  const target: Target = {
    path: '/films',
    cluster: undefined,
    choice: { profile: 'mkv', template: undefined, mixins: [] },
    queueFile: undefined,
  }
  const sources = Array.from({ length: 10_000 }, (_, number): FoundSource => {
    const path = `/films/Season ${number % 100}/Episode ${number >> 1}.${number % 2 === 0 ? 'mp4' : 'avi'}`
    return { kind: 'source', path, givenPath: path, root: '/films', target, sizeBytes: 1, inode: `1:${number}` }
  })
  const groups = await groupSources(sources, ({ path }) => [path.replace(/\.\w+$/, '.mkv')], false)
  expect(groups).toHaveLength(10_000)
  const same = await groupSources(sources, () => ['/films/one.mkv'], false)
  expect(same.map((group) => group.length)).toEqual([10_000])
})

async function open(names: readonly string[], options: Partial<PlanOptions> = {}, signal = NEVER): Promise<PlanStream> {
  const choice = { profile: options.config === undefined ? 'mkv' : undefined, template: undefined, mixins: [] }
  const targets = names.map((path) => ({ path, cluster: undefined, choice, queueFile: undefined }))
  return await createPlanner(toOptions(options)).stream(await Array.fromAsync(findSources(targets, folder)), signal)
}

async function readAll(stream: PlanStream): Promise<readonly (readonly PlannedFile[])[]> {
  const lots: (readonly PlannedFile[])[] = []
  while (stream.leftCount > 0) lots.push(await stream.next(1))
  return lots
}

function toOptions(options: Partial<PlanOptions>): PlanOptions {
  return {
    config: CONFIG,
    ffprobe: FFPROBE,
    outputFolder: undefined,
    keepsSource: false,
    overwrites: false,
    hosts: new Map([['local', [makeHostConfig({ name: 'local', type: 'local' })]]]),
    signal: NEVER,
    toJobId: (number) => `job-${number}`,
    ...options,
  }
}

/** Facts without films: only names and sizes matter here. */
const FFPROBE: Ffprobe = {
  read: async () => '',
  async probe(path): Promise<MediaInfo> {
    const { size, mtimeMs } = await stat(path)
    const kind = { index: 0, kind: 'video', codec: 'h264', language: 'und', isDefault: true, isAttachedPicture: false } as const
    const video = { ...kind, width: 1280, height: path.includes('tiny') ? 90 : 720 }
    return { path, sizeBytes: size, mtimeMs, container: 'mov', durationSeconds: 60, streams: [video] }
  },
}

async function afterTurns<Result>(turns: number, call: () => Promise<Result>): Promise<Result> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  return await call()
}

/** Without the number, which is of the order. */
function describeFile(file: PlannedFile): string {
  return file.kind === 'job'
    ? `${file.plan.source.path} → ${file.plan.output}, ${file.plan.mayOverwrite}`
    : `${file.file} ${file.kind}: ${file.reason}`
}

function nameOf(file: PlannedFile): string {
  return (file.kind === 'job' ? file.plan.source.path : file.file).slice(folder.length + 1)
}

async function touch(...names: readonly string[]): Promise<void> {
  for (const name of names) await writeFile(join(folder, name), 'film')
}
