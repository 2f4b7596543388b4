import { describe, expect, test } from 'vitest'
import { findWindowsProgram } from '../../src/core/find-program.ts'

const THERE = new Set(['c:\\media tools\\ffprobe.exe', 'c:\\shims\\ffprobe.cmd', 'ffprobe.exe', 'd:\\own\\probe', '.\\ffprobe.exe'])
const isFile = async (path: string) => THERE.has(path.toLowerCase())
const find = async (program: string, env: Readonly<Record<string, string>>) => await findWindowsProgram(program, { env, isFile })

describe('A program of a Windows machine', () => {
  test('is looked for on the PATH, folder by folder, with the extensions of PATHEXT', async () => {
    expect(await find('ffprobe', { Path: 'C:\\none;"C:\\media tools";C:\\shims' })).toBe('C:\\media tools\\ffprobe.exe')
    expect(await find('ffprobe', { PATH: 'C:\\shims;C:\\media tools' })).toBe('C:\\shims\\ffprobe.cmd')
    expect(await find('ffprobe', { PATH: 'C:\\shims;C:\\media tools', PATHEXT: '.COM;.EXE' })).toBe('C:\\media tools\\ffprobe.exe')
    expect(await find('ffprobe.exe', { PATH: 'C:\\media tools' })).toBe('C:\\media tools\\ffprobe.exe')
  })

  test('is never taken from the current folder, where films lie', async () => {
    expect(await find('ffprobe', { PATH: '' })).toBeUndefined()
    expect(await find('ffprobe', { PATH: '.;;relative' })).toBeUndefined()
    expect(await find('ffprobe', {})).toBeUndefined()
  })

  test('may be named by its path, with or without its extension', async () => {
    expect(await find('C:\\media tools\\ffprobe', {})).toBe('C:\\media tools\\ffprobe.exe')
    expect(await find('D:\\own\\probe', {})).toBeUndefined()
    expect(await find('.\\ffprobe.exe', {})).toBe('.\\ffprobe.exe')
    expect(await find('C:\\none\\ffprobe.exe', {})).toBeUndefined()
  })
})
