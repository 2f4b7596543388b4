import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { replaceFile } from '../../src/core/replace-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'encode-replace-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('Replacing a file', () => {
  test('puts new bytes in its place, readable by its owner alone unless told otherwise', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, 'old')
    const inode = statSync(path).ino
    expect(await replaceFile(path, 'new')).toBe(true)
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(statSync(path).ino).not.toBe(inode)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await replaceFile(path, 'newer', { mode: 0o664 })
    expect(statSync(path).mode & 0o777).toBe(0o664)
    expect(readdirSync(folder)).toEqual(['file'])
  })

  test('makes a file that was not there', async () => {
    expect(await replaceFile(join(folder, 'file'), Buffer.from([0, 255]))).toBe(true)
    expect(readFileSync(join(folder, 'file'))).toEqual(Buffer.from([0, 255]))
  })

  test('is called off at the last moment without a trace', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, 'old')
    let besides: readonly string[] = []
    const isStillWanted = async () => {
      besides = readdirSync(folder)
      return false
    }
    expect(await replaceFile(path, 'new', { isStillWanted })).toBe(false)
    expect(besides).toHaveLength(2)
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['file'])
  })

  test('that fails leaves the old file and nothing else', async () => {
    const path = join(folder, 'folder-in-the-way')
    mkdirSync(path)
    await expect(replaceFile(path, 'new')).rejects.toMatchObject({ code: 'EISDIR' })
    expect(readdirSync(folder)).toEqual(['folder-in-the-way'])
  })

  test('does not write through a link that lies under the temporary name', async () => {
    const victim = join(folder, 'victim')
    const temporary = join(folder, '.encode-x.tmp')
    writeFileSync(victim, 'precious')
    chmodSync(victim, 0o644)
    symlinkSync(victim, temporary)
    expect(await replaceFile(join(folder, 'file'), 'new', { temporary })).toBe(true)
    expect(readFileSync(victim, 'utf8')).toBe('precious')
    expect(readdirSync(folder).sort()).toEqual(['file', 'victim'])
  })
})
