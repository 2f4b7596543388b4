import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findMediaSample } from '../../../src/run/look/media-sample.ts'

describe('what two machines can compare of a folder', () => {
  let folder: string

  const put = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    return path
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-sample-'))
  })

  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('is a media file, however deep, rather than any other file', async () => {
    await put('cover.jpg', 'jpg')
    const path = await put('tv/season 1/film.mkv', 'film')
    expect(await findMediaSample(folder)).toEqual({ kind: 'file', path, sizeBytes: 4 })
  })

  test('is any other file where there are no media', async () => {
    await put('empty.mkv', '')
    await put('.hidden/film.mkv', 'film')
    await put('.encode-1.mkv', 'ours')
    const path = await put('notes/read me.txt', 'text')
    expect(await findMediaSample(folder)).toEqual({ kind: 'file', path, sizeBytes: 4 })
  })

  test('is the file itself where one was named', async () => {
    const path = await put('notes.txt', 'text')
    expect(await findMediaSample(path)).toEqual({ kind: 'file', path, sizeBytes: 4 })
  })

  test('is the folder where it holds no file, links to nowhere among them', async () => {
    await mkdir(join(folder, 'empty'))
    await symlink('/nowhere', join(folder, 'film.mkv'))
    expect(await findMediaSample(folder)).toEqual({ kind: 'folder', path: folder })
  })

  test('is missing where there is nothing', async () => {
    const path = join(folder, 'none')
    expect(await findMediaSample(path)).toEqual({ kind: 'missing', path, reason: 'does not exist' })
  })
})
