import { execFile } from 'node:child_process'
import { chmod, chown, link, lstat, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { JobPlan } from '../../src/model/plan.ts'
import { checkPlace } from '../../src/plan/check-place.ts'
import { lacks } from '../capabilities.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const run = promisify(execFile)
const STRANGER = 65_534
const OTHER = 4_321

let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-place-')))
  await writeFile(at('film.mp4'), 'film')
})

afterEach(() => rm(folder, { recursive: true }))

describe('a result that has no place is refused before any work', () => {
  interface Case {
    readonly plan?: Partial<JobPlan>
    readonly output?: string
    readonly prepare?: () => Promise<unknown>
    readonly says: string
  }

  test.each<[string, Case]>([
    ['a folder has its name', { prepare: () => mkdir(at('film.mkv')), plan: { mayOverwrite: true }, says: 'is a folder' }],
    ['a pipe has its name', { prepare: () => run('mkfifo', [at('film.mkv')]), plan: { mayOverwrite: true }, says: 'is no file' }],
    ['a file has its name', { prepare: () => writeFile(at('film.mkv'), ''), says: 'exists already' }],
    ['a link to nowhere has its name', { prepare: () => symlink('nowhere', at('film.mkv')), says: 'exists already' }],
    [
      'another hard link to a source that stays has its name',
      {
        prepare: () => link(at('film.mp4'), at('film.mkv')),
        plan: { mayOverwrite: true, replacesSource: false },
        says: 'is the source itself',
      },
    ],
    ['its name is too long', { output: `${'a'.repeat(252)}.mkv`, says: 'too long' }],
    ['its name is too long in bytes', { output: `${'ü'.repeat(126)}.mkv`, says: 'too long' }],
    ['its name is too long, in a folder that is yet to be made', { output: `new/${'a'.repeat(252)}.mkv`, says: 'too long' }],
    ['a file stands where its folder should be', { output: 'film.mp4/film.mkv', says: 'is no folder' }],
    ['a file stands above its folder', { output: 'film.mp4/a/film.mkv', says: 'cannot be used: ENOTDIR' }],
    ['its folder is a link to nowhere', { prepare: () => symlink('nowhere', at('out')), output: 'out/film.mkv', says: 'cannot be used' }],
    ['its folder is a loop of links', { prepare: () => symlink('out', at('out')), output: 'out/film.mkv', says: 'ELOOP' }],
  ])('%s', async (_, { plan, output = 'film.mkv', prepare, says }) => {
    await prepare?.()
    await expect(checkPlace(toPlan({ ...plan, output: at(output) }), at('film.mp4'))).rejects.toMatchObject({
      code: expect.stringMatching(/RESULT_NAME_TAKEN|REPLACE_FAILED/),
      message: expect.stringContaining(says),
    })
  })

  test.skipIf(lacks('root'))('its folder lies on a filesystem that is read-only', async () => {
    await mkdir(at('disk'))
    await run('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', at('disk')])
    try {
      await expect(checkPlace(toPlan({ output: at('disk/new/film.mkv') }), at('film.mp4'))).rejects.toThrow('is not writable')
    } finally {
      await run('umount', [at('disk')])
    }
  })
})

describe('a name of 255 bytes is no trouble', () => {
  test.each([`${'a'.repeat(251)}.mkv`, `${'ü'.repeat(125)}a.mkv`])('%s', async (name) => {
    expect(await checkPlace(toPlan({ output: at(name) }), at('film.mp4'))).toBe(false)
  })
})

describe.skipIf(lacks('root'))('a source that cannot go is refused before any work', () => {
  test('it is immutable', async ({ skip }) => {
    await run('chattr', ['+i', at('film.mp4')]).catch(() => skip('This filesystem has no such flag'))
    try {
      await expect(checkPlace(toPlan(), at('film.mp4'))).rejects.toThrow('is immutable')
      expect(await checkPlace(toPlan({ replacesSource: false }), at('film.mp4'))).toBe(false)
    } finally {
      await run('chattr', ['-i', at('film.mp4')])
    }
  })

  test('the file that it may overwrite is immutable', async ({ skip }) => {
    await writeFile(at('film.mkv'), 'old')
    await run('chattr', ['+i', at('film.mkv')]).catch(() => skip('This filesystem has no such flag'))
    try {
      await expect(checkPlace(toPlan({ mayOverwrite: true }), at('film.mp4'))).rejects.toThrow('is immutable')
    } finally {
      await run('chattr', ['-i', at('film.mkv')])
    }
  })

  test('it is a mount of its own, as containers have them', async () => {
    await writeFile(at('my film.mkv'), '')
    await run('mount', ['--bind', at('film.mp4'), at('my film.mkv')])
    try {
      const plan = createPlan('run-1', at('my film.mkv'))
      await expect(checkPlace(plan, at('my film.mkv'))).rejects.toThrow('is a mount of its own')
    } finally {
      await run('umount', [at('my film.mkv')])
    }
  })
})

describe.skipIf(lacks('root'))('another user', () => {
  beforeEach(() => chmod(folder, 0o755))

  test.each<[string, { readonly mode: number; readonly folderOwner: number; readonly fileOwner: number; readonly says: string }]>([
    ['may replace a read-only file in a folder of theirs', { mode: 0o755, folderOwner: STRANGER, fileOwner: OTHER, says: 'fine' }],
    ['may not write to a folder of somebody else', { mode: 0o755, folderOwner: OTHER, fileOwner: STRANGER, says: 'is not writable' }],
    ['may not go into a folder without its x', { mode: 0o766, folderOwner: OTHER, fileOwner: STRANGER, says: 'not writable' }],
    ['may replace others’ files in a folder that all may write to', { mode: 0o777, folderOwner: OTHER, fileOwner: OTHER, says: 'fine' }],
    [
      'may not where each may only remove their own',
      { mode: 0o1777, folderOwner: OTHER, fileOwner: OTHER, says: 'belongs to somebody else' },
    ],
    ['may replace their own file there', { mode: 0o1777, folderOwner: OTHER, fileOwner: STRANGER, says: 'fine' }],
  ])('%s', async (_, { mode, folderOwner, fileOwner, says }) => {
    await mkdir(at('films'))
    await writeFile(at('films/film.mp4'), 'film', { mode: 0o444 })
    await chown(at('films/film.mp4'), fileOwner, fileOwner)
    await chown(at('films'), folderOwner, folderOwner)
    await chmod(at('films'), mode)
    expect(await askStranger(createPlan('run-1', at('films/film.mp4')))).toContain(says)
  })

  test('may have a folder made only where they may write', async () => {
    const plan = toPlan({ output: at('new/deep/film.mkv'), replacesSource: false })
    expect(await askStranger(plan)).toBe(`The folder "${folder}" is not writable`)
    await chown(folder, STRANGER, STRANGER)
    expect(await askStranger(plan)).toBe('fine')
  })
})

test('a result may take the name of its own source in another letter case, where the filesystem does not tell', async () => {
  const plan = createPlan('run-1', at('film.mp4'), { output: at('FILM.MP4') })
  await link(at('film.mp4'), at('FILM.MP4'))
  expect(await checkPlace(plan, at('film.mp4'))).toBe(true)
  await rm(at('FILM.MP4'))
  await writeFile(at('FILM.MP4'), 'another film')
  await expect(checkPlace(plan, at('film.mp4'))).rejects.toThrow('exists already')
})

test('a file of the result’s name that may be overwritten is told', async () => {
  await writeFile(at('film.mkv'), 'old')
  expect(await checkPlace(toPlan({ mayOverwrite: true }), at('film.mp4'))).toBe(true)
})

/** A user who may not do what root may. */
async function askStranger(plan: JobPlan): Promise<string> {
  const program = join(dirname(import.meta.dirname), 'fixtures/check-place.ts')
  const env = { PATH: process.env.PATH, PLAN: JSON.stringify(plan) }
  const { stdout } = await run(process.execPath, [program], { uid: STRANGER, gid: STRANGER, env, cwd: '/' })
  return stdout
}

function toPlan(fields: Partial<JobPlan> = {}): JobPlan {
  return createPlan('run-1', at('film.mp4'), { ...fields, output: fields.output ?? at('film.mkv') })
}

function at(name: string): string {
  return join(folder, name)
}

test('a folder that a job makes while it is looked for is as good as one that was there', async () => {
  for (let round = 0; round < 300; round += 1) {
    const name = `new-${round}`
    const checking = checkPlace(toPlan({ output: at(`${name}/film.mkv`) }), at('film.mp4'))
    // Between two of its looks, in some of the rounds.
    const making = (async () => {
      for (let turn = 0; turn < round % 10; turn += 1) await lstat(at('film.mp4'))
      await mkdir(at(name))
    })()
    expect(await Promise.all([checking, making])).toEqual([false, undefined])
  }
})
