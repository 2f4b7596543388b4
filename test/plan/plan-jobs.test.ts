import { execFile } from 'node:child_process'
import { link, mkdir, mkdtemp, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { EncodeError } from '../../src/core/errors.ts'
import type { Config, HostConfig } from '../../src/model/config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { createFfprobe, type Ffprobe } from '../../src/plan/ffprobe.ts'
import { findSources } from '../../src/plan/find-sources.ts'
import { createPlanner } from '../../src/plan/plan-jobs.ts'
import type { PlanOptions } from '../../src/plan/plan-options.ts'
import type { PlannedFile } from '../../src/plan/planned-file.ts'
import type { ProfileChoice } from '../../src/plan/target.ts'
import { makeHostConfig } from '../contract/host-config.ts'

const run = promisify(execFile)

const CONFIG = parseConfig(
  `profiles:
  mkv: {output_options: ["-c copy"], extension: .mkv}
  cuda: {include: mkv, queue: cuda}
rules:
  small: {profile: SKIP, criteria: {res_height: "<100"}}
  avi: {profile: mkv, criteria: {path: "[.]avi$"}}
`,
  'test.yml',
  [],
)

let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-plan-')))
})

afterEach(() => rm(folder, { recursive: true }))

test('each file becomes a job with its profile, arguments and result', async () => {
  await touch('a.mp4')
  const [file] = await plan(['a.mp4'], { profile: 'mkv' })
  expect(file).toMatchObject({
    kind: 'job',
    plan: {
      id: 'job-1',
      cluster: 'local',
      profile: { name: 'mkv', queue: '_default' },
      arguments: { input: [], output: ['-c', 'copy'] },
      output: join(folder, 'a.mkv'),
      replacesSource: true,
    },
  })
})

test('a rule skips a file, or none fits it', async () => {
  await touch('tiny.mp4', 'other.mp4')
  expect(await plan(['tiny.mp4', 'other.mp4'])).toMatchObject([
    { kind: 'skipped', reason: expect.stringContaining('small') },
    { kind: 'skipped', reason: expect.any(String) },
  ])
})

test('a file that ffprobe cannot read fails alone', async () => {
  await touch('broken.mp4', 'a.mp4')
  expect((await plan(['broken.mp4', 'a.mp4'], { profile: 'mkv' })).map(({ kind }) => kind)).toEqual(['failed', 'job'])
})

test('a picture is refused, whatever its name says', async () => {
  await touch('poster.png', 'film.jpg.mp4', 'a.mp4')
  const ffprobe: Ffprobe = {
    ...FFPROBE,
    probe: async (path, signal) => ({
      ...(await FFPROBE.probe(path, signal)),
      container: path.endsWith('a.mp4') ? 'mov' : path.endsWith('.png') ? 'png_pipe' : 'image2',
    }),
  }
  const files = await plan(['poster.png', 'film.jpg.mp4', 'a.mp4'], { profile: 'mkv' }, { ffprobe })
  expect(files.map(describe)).toEqual([...Array(2).fill('failed: It is a picture, neither film nor sound'), 'job job-1'])
})

test('what lies beside films and ffmpeg would make one of is refused: a letter, the notes of a release, a single picture', async () => {
  const letter = Array.from({ length: 40 }, (_, line) => `Line ${line} of my only copy\n`).join('')
  for (const name of ['letter.txt', 'film.nfo']) await writeFile(join(folder, name), letter)
  for (const [name, frames] of [
    ['still.gif', '1'],
    ['moving.gif', '9'],
  ] as const) {
    await run('ffmpeg', ['-nostdin', '-f', 'lavfi', '-i', 'testsrc=size=64x64', '-frames:v', frames, join(folder, name)])
  }
  const files = await plan(['letter.txt', 'film.nfo', 'still.gif', 'moving.gif'], { profile: 'mkv' }, { ffprobe: createFfprobe('ffprobe') })
  expect(files.map(describe)).toEqual([
    `failed: "${join(folder, 'letter.txt')}" is text`,
    `failed: "${join(folder, 'film.nfo')}" is text`,
    'failed: It is a picture, neither film nor sound',
    'job job-1',
  ])
})

test.each([
  ['-vn', '.mka'],
  ['-c:a libopus', '.opus'],
  ['-map 0:a', '.mka'],
])(
  'a film is left alone by a profile that would put its sound in its place (%s, %s), and gives its sound away where it stays',
  async (option, extension) => {
    await touch('film.mp4')
    const sound = { index: 1, kind: 'audio', codec: 'aac', language: 'und', isDefault: true, isAttachedPicture: false } as const
    const probe: Ffprobe['probe'] = async (path, signal) => {
      const media = await FFPROBE.probe(path, signal)
      return { ...media, streams: [...media.streams, sound] }
    }
    const ffprobe = { ...FFPROBE, probe }
    const config = parseConfig(`profiles: {sound: {output_options: ["${option}"], extension: ${extension}}}`, 'test.yml', [])
    const planned = async (options: Partial<PlanOptions>) =>
      (await plan(['film.mp4'], { profile: 'sound' }, { config, ffprobe, ...options })).map(describe)
    expect(await planned({})).toEqual([
      'skipped: it is a film, of which profile "sound" keeps the sound alone; use -k or -o to take that out',
    ])
    expect(await planned({ keepsSource: true })).toEqual(['job job-1'])
    expect(await planned({ outputFolder: join(folder, 'out') })).toEqual(['job job-1'])
  },
)

test('a second film in one file is not lost without a word', async () => {
  await touch('lenses.mp4', 'film.mp4')
  const probe: Ffprobe['probe'] = async (path, signal) => {
    const media = await FFPROBE.probe(path, signal)
    const second = media.streams.map((stream) => ({ ...stream, index: 1 }))
    return { ...media, streams: path.includes('lenses') ? [...media.streams, ...second] : media.streams }
  }
  const ffprobe = { ...FFPROBE, probe }
  const warnings = async (output: readonly string[], options: Partial<PlanOptions> = {}) => {
    const config = parseConfig(`profiles: {own: {output_options: ${JSON.stringify(output)}, extension: .mkv}}`, 'test.yml', [])
    const files = await plan(['lenses.mp4', 'film.mp4'], { profile: 'own' }, { config, ffprobe, ...options })
    return files.map((file) => (file.kind === 'job' ? file.plan.warnings : describe(file)))
  }
  expect(await warnings(['-c:v libx264'])).toEqual([['of its 2 video streams one is left out; "stream_safety: yes" keeps them'], []])
  expect(await warnings(['-c:v libx264'], { keepsSource: true })).toEqual([[], []])
  expect(await warnings(['-c copy', '-map 0'])).toEqual([[], []])
})

test('a result whose name no filesystem holds is refused before any work', async () => {
  const name = `${'a'.repeat(248)}.mkv`
  await touch(name)
  const [file] = await plan([name], { profile: 'mkv' }, { keepsSource: true })
  expect(file && describe(file)).toMatch(/^failed: The name of its result is too long for the filesystem: "a+\.mkv\.mkv"\. Rename/)
})

test('sources of one result are refused, also when the second comes later in the run', async () => {
  await touch('x.mp4', 'x.avi', 'y.mp4', 'y.avi')
  const planner = createPlanner(toOptions({}))
  const first = await planner.plan(await found(['x.mp4', 'x.avi', 'y.mp4'], { profile: 'mkv' }))
  expect(first.map(describe)).toEqual([
    `failed: "${join(folder, 'x.avi')}" would make the same result "${join(folder, 'x.mkv')}"`,
    `failed: "${join(folder, 'x.mp4')}" would make the same result "${join(folder, 'x.mkv')}"`,
    'job job-1',
  ])
  const second = await planner.plan(await found(['y.avi'], { profile: 'mkv' }))
  expect(second.map(describe)).toEqual([`failed: "${join(folder, 'y.mp4')}" would make the same result "${join(folder, 'y.mkv')}"`])
})

test('a result may replace another file only when it is told to', async () => {
  await touch('a.mp4', 'a.mkv')
  expect((await plan(['a.mp4'], { profile: 'mkv' })).map(describe)).toEqual([expect.stringContaining('exists already')])
  expect((await plan(['a.mp4'], { profile: 'mkv' }, { overwrites: true })).map(describe)).toEqual(['job job-1'])
})

test('what is not there yet is nothing that --overwrite allows to replace', async () => {
  await touch('a.mp4', 'b.mp4', 'b.mkv')
  const files = await plan(['a.mp4', 'b.mp4'], { profile: 'mkv' }, { overwrites: true })
  expect(files.map((file) => file.kind === 'job' && file.plan.mayOverwrite)).toEqual([false, true])
})

test('sources of one result are refused, by whichever names their folder is reached', async () => {
  await touch('tv/x.mp4', 'tv/x.avi')
  await symlink(join(folder, 'tv'), join(folder, 'series'))
  const files = await plan(['tv/x.mp4', 'series/x.avi'], { profile: 'mkv' }, { overwrites: true })
  expect(files.map(({ kind }) => kind)).toEqual(['failed', 'failed'])
})

test('two results over one file that exists under both names are refused', async () => {
  // What a filesystem that does not tell letter cases shows: one file, two names.
  await touch('Film.mp4', 'film.avi', 'film.mkv')
  await link(join(folder, 'film.mkv'), join(folder, 'Film.mkv'))
  const files = await plan(['Film.mp4', 'film.avi'], { profile: 'mkv' }, { overwrites: true })
  expect(files.map(({ kind }) => kind)).toEqual(['failed', 'failed'])
})

test('a file that was given the inode of one that was replaced is another file', async () => {
  await touch('a.mkv', 'b.mkv')
  const planner = createPlanner(toOptions({}))
  await planner.plan(await found(['a.mkv'], { profile: 'mkv' }))
  // As if the first had been replaced, and its inode given to a new file.
  await rename(join(folder, 'a.mkv'), join(folder, 'new.mkv'))
  expect((await planner.plan(await found(['new.mkv', 'b.mkv'], { profile: 'mkv' }))).map(describe)).toEqual(['job job-2', 'job job-3'])
})

test('later in a run, --overwrite does not reach a result of the run by another letter case, and no file is taken up twice', async () => {
  await touch('Film.mp4', 'film.avi', 'film.mkv')
  const planner = createPlanner(toOptions({ overwrites: true }))
  expect((await planner.plan(await found(['Film.mp4'], { profile: 'mkv' }))).map(describe)).toEqual(['job job-1'])
  expect((await planner.plan(await found(['film.avi', 'Film.mp4'], { profile: 'mkv' }))).map(describe)).toEqual([
    expect.stringContaining('would make the same result'),
    'failed: It was taken up in this run already',
  ])
})

test('a result never replaces a file that is to be encoded itself, whatever --overwrite says', async () => {
  await touch('a.mp4', 'a.mkv')
  const files = await plan(['a.mp4', 'a.mkv'], { profile: 'mkv' }, { overwrites: true, keepsSource: true })
  expect(files.map(describe)).toEqual([`failed: Its result "${join(folder, 'a.mkv')}" would replace a source of this run`, 'job job-1'])
})

test('a source that stays is not overwritten by its own result, by whichever name that goes', async () => {
  await touch('tv/a.mkv')
  await symlink(join(folder, 'tv'), join(folder, 'out'))
  const files = await plan(['tv/a.mkv'], { profile: 'mkv' }, { overwrites: true, outputFolder: join(folder, 'out') })
  expect(files.map(describe)).toEqual([expect.stringContaining('is the source itself')])
})

test('a link whose target would go is refused, one whose target is replaced under its name is not', async () => {
  await touch('store/a.mp4', 'store/b.mkv')
  await symlink(join(folder, 'store/a.mp4'), join(folder, 'a.mp4'))
  await symlink(join(folder, 'store/b.mkv'), join(folder, 'b.mkv'))
  const files = await plan(['a.mp4', 'b.mkv'], { profile: 'mkv' })
  expect(files.map(describe)).toEqual([expect.stringContaining('symbolic link, which would point nowhere'), 'job job-1'])
  expect((await plan(['a.mp4'], { profile: 'mkv' }, { keepsSource: true })).map(describe)).toEqual(['job job-1'])
})

test('a queue that no host of the cluster has is a configuration error', async () => {
  await touch('a.mp4')
  await expect(plan(['a.mp4'], { profile: 'cuda' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'Profile "cuda" runs in queue "cuda", which no usable host of cluster "local" has',
  })
  const host = makeHostConfig({ name: 'gpu', type: 'local', queues: { cuda: 2 } })
  expect((await plan(['a.mp4'], { profile: 'cuda' }, { hosts: new Map([['local', [host]]]) })).map(describe)).toEqual(['job job-1'])
})

test('with -k, the results of an earlier call are no sources, unless they are named themselves', async () => {
  await touch('tv/x.mkv', 'tv/y.mp4', 'tv/z.mkv')
  const again = async (...paths: readonly string[]) => (await plan(paths, { profile: 'mkv' }, { keepsSource: true })).map(describe)
  expect(await again('tv')).toEqual(['job job-1', 'job job-2', 'job job-3'])
  await touch('tv/x.mkv.mkv', 'tv/y.mkv', 'tv/z.mkv.mkv')
  const files = await plan(['tv'], { profile: 'mkv' }, { keepsSource: true })
  expect(files.filter(({ kind }) => kind === 'job')).toEqual([])
  expect(files.filter(({ kind }) => kind === 'skipped').map(describe)).toEqual(
    ['x.mkv', 'y.mp4', 'z.mkv'].map((name) => `skipped: it bears the name of the result of "${join(folder, 'tv', name)}", which stays`),
  )
  expect(await again('tv/y.mkv')).toEqual(['job job-1'])
})

test('a second name of one file is left to the first', async () => {
  await touch('a.mkv', 'c.mp4')
  await link(join(folder, 'a.mkv'), join(folder, 'b.mkv'))
  await link(join(folder, 'c.mp4'), join(folder, 'd.mp4'))
  const second = (name: string) => `skipped: it is the same file as "${join(folder, name)}", which this run encodes`
  expect((await plan(['.'], { profile: 'mkv' })).map(describe)).toEqual(['job job-1', second('a.mkv'), 'job job-2', second('c.mp4')])
})

test('a source that has other names is replaced with a warning, or left alone', async () => {
  await touch('a.mp4', 'b.mp4')
  await link(join(folder, 'a.mp4'), join(folder, 'seeding'))
  const warnings = async (options: Partial<PlanOptions>) =>
    (await plan(['a.mp4', 'b.mp4'], { profile: 'mkv' }, options)).map((file) => (file.kind === 'job' ? file.plan.warnings : describe(file)))
  const words = 'it has another name (a hard link)'
  expect(await warnings({})).toEqual([[expect.stringContaining(`${words}: that keeps the old film`)], []])
  expect(await warnings({ keepsSource: true })).toEqual([[], []])
  const config = { ...CONFIG, hardLinks: 'skip' } as const
  expect(await warnings({ config })).toEqual([`skipped: ${words}`, []])
  expect(await warnings({ config, keepsSource: true })).toEqual([[], []])
})

test('under another folder, results of links stand where the links stand', async () => {
  await touch('store/real.mp4')
  await mkdir(join(folder, 'tv/s01'), { recursive: true })
  await symlink(join(folder, 'store/real.mp4'), join(folder, 'tv/s01/e1.mp4'))
  const [file] = await plan(['tv'], { profile: 'mkv' }, { outputFolder: join(folder, 'out') })
  expect(file?.kind === 'job' && file.plan.output).toBe(join(folder, 'out/s01/e1.mkv'))
  expect(file?.kind === 'job' && file.plan.source.path).toBe(join(folder, 'store/real.mp4'))
})

test('how a result is verified: the command line goes before the profile, what it includes, and the configuration', async () => {
  await touch('a.mp4')
  const config = parseConfig(
    [
      'config: {verify: off}',
      'profiles:',
      '  plain: {output_options: ["-c copy"], extension: .mkv}',
      '  careful: {include: plain, verify: full}',
      '  child: {include: careful}',
      'templates:',
      '  short: {cli: {video-codec: "-c:v copy"}, extension: .mkv, verify: quick}',
    ].join('\n'),
    'config.yml',
    [],
  )
  const level = async (choice: Partial<ProfileChoice>, options: Partial<PlanOptions> = {}) => {
    const [file] = await plan(['a.mp4'], choice, { config, ...options })
    return file?.kind === 'job' ? file.plan.profile.verify : undefined
  }
  expect(await level({ profile: 'plain' })).toBe('off')
  expect(await level({ profile: 'careful' })).toBe('full')
  expect(await level({ profile: 'child' })).toBe('full')
  expect(await level({ template: 'short' })).toBe('quick')
  expect(await level({ profile: 'child' }, { verify: 'quick' })).toBe('quick')
  expect(await level({ profile: 'plain' }, { config: parseConfig('profiles: {plain: {extension: .mkv}}', 'c.yml', []) })).toBe('quick')
})

async function plan(
  paths: readonly string[],
  choice: Partial<ProfileChoice> = {},
  options: Partial<PlanOptions> = {},
): Promise<readonly PlannedFile[]> {
  return await createPlanner(toOptions(options)).plan(await found(paths, choice))
}

async function found(paths: readonly string[], choice: Partial<ProfileChoice>) {
  const whole: ProfileChoice = { profile: undefined, template: undefined, mixins: [], ...choice }
  const targets = paths.map((path) => ({ path, cluster: undefined, choice: whole, queueFile: undefined }))
  return await Array.fromAsync(findSources(targets, folder))
}

function toOptions(options: Partial<PlanOptions>): PlanOptions {
  const host: HostConfig = makeHostConfig({ name: 'local', type: 'local' })
  return {
    config: CONFIG as Config,
    ffprobe: FFPROBE,
    outputFolder: undefined,
    keepsSource: false,
    overwrites: false,
    hosts: new Map([['local', [host]]]),
    signal: new AbortController().signal,
    toJobId: (number) => `job-${number}`,
    ...options,
  }
}

/** Facts without films: only names and sizes matter here. */
const FFPROBE: Ffprobe = {
  read: async () => '',
  async probe(path): Promise<MediaInfo> {
    if (path.includes('broken')) throw new EncodeError('SOURCE_UNREADABLE', 'ffprobe cannot read it: Invalid data')
    const { size, mtimeMs } = await stat(path)
    const height = path.includes('tiny') ? 90 : 720
    const video = {
      index: 0,
      kind: 'video',
      codec: 'h264',
      language: 'und',
      isDefault: true,
      isAttachedPicture: false,
      width: 1280,
      height,
    } as const
    return { path, sizeBytes: size, mtimeMs, container: 'mov', durationSeconds: 60, streams: [video] }
  },
}

function describe(file: PlannedFile): string {
  return file.kind === 'job' ? `job ${file.plan.id}` : `${file.kind}: ${file.reason}`
}

async function touch(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), 'film')
  }
}
