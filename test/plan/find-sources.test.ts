import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findSources } from '../../src/plan/find-sources.ts'
import type { Target } from '../../src/plan/target.ts'

let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-find-')))
})

afterEach(() => rm(folder, { recursive: true }))

test('a folder is walked in natural order: media files only, hidden ones and our own left out', async () => {
  await touch(
    'tv/e2.mkv',
    'tv/e10.mkv',
    'tv/notes.txt',
    'tv/.hidden.mkv',
    'tv/.cache/x.mkv',
    'tv/.encode-1.mkv',
    'tv/encode-20261122-031212-63wiu6-0f3a9c1b/x-1.source.mkv',
    'tv/s02/E1.MP4',
    'tv/cover.jpg',
  )
  expect(await find('tv')).toEqual(['tv/e2.mkv', 'tv/e10.mkv', 'tv/s02/E1.MP4'])
})

test('a copy of a disc is told as one, and its pieces are taken only where they are named', async () => {
  await touch('a.mkv', 'dvd/VIDEO_TS/VIDEO_TS.IFO', 'dvd/VIDEO_TS/VTS_01_1.VOB', 'blu/BDMV/index.bdmv', 'blu/BDMV/STREAM/00001.m2ts')
  await touch('card/AVCHD/BDMV/INDEX.BDM', 'card/AVCHD/BDMV/STREAM/00001.MTS', 'rip/VTS_01_1.VOB')
  expect(await find('.')).toEqual([
    'a.mkv',
    expect.stringMatching(/^blu\/BDMV: It is a Blu-ray: /),
    'card/AVCHD/BDMV/STREAM/00001.MTS',
    expect.stringMatching(/^dvd\/VIDEO_TS: It is a DVD: /),
    'rip/VTS_01_1.VOB',
  ])
  expect(await find('dvd/VIDEO_TS/VTS_01_1.VOB')).toEqual(['dvd/VIDEO_TS/VTS_01_1.VOB'])
})

test('a file that is named needs no media extension, and may be hidden', async () => {
  await touch('recording.bin', '.film')
  expect(await find('recording.bin', '.film')).toEqual(['recording.bin', '.film'])
})

test('a file that is named twice is taken once', async () => {
  await touch('a.mp4', 'b.mp4')
  expect(await find('b.mp4', 'a.mp4', '.')).toEqual(['b.mp4', 'a.mp4'])
})

test('a folder that is reached again through a symbolic link is not walked again', async () => {
  await touch('tv/a.mkv')
  await symlink(join(folder, 'tv'), join(folder, 'tv/loop'))
  expect(await find('tv')).toEqual(['tv/a.mkv'])
})

test('a file that two targets reach by different names of its folder is taken once', async () => {
  await touch('tv/a.mkv')
  await symlink(join(folder, 'tv'), join(folder, 'series'))
  expect(await find('series', 'tv', 'series/a.mkv')).toEqual(['series/a.mkv'])
})

test('a search ends when it is told to', async () => {
  await touch('tv/a.mkv', 'tv/b.mkv')
  const ending = new AbortController()
  const sources = findSources([toTarget('tv')], folder, { signal: ending.signal })
  expect(await sources.next()).toMatchObject({ done: false })
  ending.abort(new Error('enough'))
  await expect(sources.next()).rejects.toThrow('enough')
})

test('a symbolic link to a file is the file that it points at', async () => {
  await touch('store/a.mkv')
  await symlink(join(folder, 'store/a.mkv'), join(folder, 'link.mkv'))
  expect(await find('link.mkv')).toEqual(['store/a.mkv'])
})

test('a quoted glob is expanded, and a name that holds glob characters is taken as it is', async () => {
  await touch('a1.mp4', 'a2.mp4', 'b.mp4', '[x].mp4', 'x.mp4')
  expect(await find('a*.mp4')).toEqual(['a1.mp4', 'a2.mp4'])
  expect(await find('[x].mp4')).toEqual(['[x].mp4'])
  expect(await find('**/b.mp4')).toEqual(['b.mp4'])
})

test('names with spaces, quotes, newlines, emoji and a leading dash are found', async () => {
  const names = ['-dash.mp4', "it's 100%.mp4", 'new\nline.mp4', '$(rm -rf x).mp4', '🎬 film.mp4']
  await touch(...names)
  expect(new Set(await find('.'))).toEqual(new Set(names))
})

test('what is not there is said, and the rest goes on', async () => {
  await touch('a.mp4')
  expect(await find('missing.mp4', 'none*.mp4', 'a.mp4')).toEqual([
    'missing.mp4: No such file or folder',
    'none*.mp4: No file matches',
    'a.mp4',
  ])
})

test('a path that leads to nothing is told with the folder that is missing, or the name that was probably meant', async () => {
  await touch('tv/Season 1/e01.mkv', 'film.mp4')
  expect(await find('tv/Season 2/new/e01.mkv', 'film.mp4/x', 'tv/Season 1/e1.mkv', 'fillm.mp4')).toEqual([
    `tv/Season 2/new/e01.mkv: No such file or folder: there is no folder "${folder}/tv/Season 2"`,
    `film.mp4/x: No such file or folder: "${folder}/film.mp4" is no folder`,
    'tv/Season 1/e1.mkv: No such file or folder; did you mean "e01.mkv"?',
    'fillm.mp4: No such file or folder; did you mean "film.mp4"?',
  ])
})

test('a folder without media is told of, one whose media were found already is not', async () => {
  await touch('tv/e01.mkv', 'notes/readme.txt')
  const empty: string[] = []
  const targets = ['tv', 'notes', 'tv/e01.mkv', 'tv'].map(toTarget)
  await Array.fromAsync(findSources(targets, folder, { onEmpty: ({ path }) => empty.push(path) }))
  expect(empty).toEqual(['notes'])
})

test('a name that is not valid UTF-8 is refused with the reason instead of being damaged', async () => {
  await touch('good.mp4')
  await writeFile(Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from([0xff, 0xfe]), Buffer.from('.mp4')]), '')
  const found = await find('.')
  expect(found).toHaveLength(2)
  expect(found.join()).toMatch(/bad-.*not valid UTF-8.*rename it/)
})

test('what is neither a file nor a folder, what is empty, and links that lead nowhere', async () => {
  await touch('a.mp4')
  await writeFile(join(folder, 'empty.mp4'), '')
  await promisify(execFile)('mkfifo', [join(folder, 'pipe.mp4')])
  await symlink('nowhere', join(folder, 'dangling.mp4'))
  await symlink('loop.mp4', join(folder, 'loop.mp4'))
  const socket = createServer().listen(join(folder, 'socket.mp4'))
  await once(socket, 'listening')
  // In a folder they are passed over, but for the empty one: somebody takes it for a film.
  expect(await find('.')).toEqual(['a.mp4', 'empty.mp4: It is empty'])
  expect(await find('pipe.mp4', 'socket.mp4', 'dangling.mp4', 'loop.mp4')).toEqual([
    'pipe.mp4: It is neither a file nor a folder',
    'socket.mp4: It is neither a file nor a folder',
    'dangling.mp4: It is a link to "nowhere", and that leads to no file',
    'loop.mp4: It is a link to "loop.mp4", and that leads to no file',
  ])
  socket.close()
  await once(socket, 'close')
})

test('a name that is not valid UTF-8 is told of also behind a glob, a link, or in the folder above', async () => {
  const bad = Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from([0xff])])
  await mkdir(bad)
  await writeFile(Buffer.concat([bad, Buffer.from('/x.mp4')]), 'x')
  await writeFile(Buffer.concat([bad, Buffer.from('.mp4')]), 'x')
  await symlink(Buffer.concat([bad, Buffer.from('.mp4')]), join(folder, 'link.mp4'))
  const found = [...(await find('*.mp4')), ...(await find('link.mp4'))]
  expect(found).toHaveLength(3)
  for (const refusal of found) expect(refusal).toContain('seems not to be valid UTF-8')
  const below = await Array.fromAsync(findSources([toTarget('x.mp4')], bad.toString()))
  expect(below).toMatchObject([{ kind: 'refused', reason: expect.stringContaining('seems not to be valid UTF-8') }])
})

test('the tree below a folder argument is known, for mirroring', async () => {
  await touch('tv/s01/e1.mkv', 'single.mkv')
  const roots = []
  for await (const found of findSources([toTarget('tv'), toTarget('single.mkv')], folder))
    if (found.kind === 'source') roots.push(found.root)
  expect(roots).toEqual([join(folder, 'tv'), undefined])
})

test('a folder of results within a target is not walked, unless it is named itself', async () => {
  await touch('tv/a.mkv', 'tv/small/a.mkv', 'tv/small/more/b.mkv')
  const walk = async (path: string) => {
    const found = await Array.fromAsync(findSources([toTarget(path)], folder, { omit: join(folder, 'tv/small') }))
    return found.map((source) => relative(folder, source.path))
  }
  expect(await walk('tv')).toEqual(['tv/a.mkv'])
  expect(await walk('tv/small')).toEqual(['tv/small/a.mkv', 'tv/small/more/b.mkv'])
})

async function find(...paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = []
  for await (const source of findSources(paths.map(toTarget), folder)) {
    const path = relative(folder, source.path)
    found.push(source.kind === 'source' ? path : `${path}: ${source.reason}`)
  }
  return found
}

function toTarget(path: string): Target {
  return { path, cluster: undefined, choice: { profile: undefined, template: undefined, mixins: [] }, queueFile: undefined }
}

async function touch(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), 'x')
  }
}
