import { describe, expect, test } from 'vitest'
import { decodeAnswer } from '../../../src/host/windows/ask-plainly.ts'
import { parseEnvironment } from '../../../src/host/windows/windows-facts.ts'
import {
  assertFitName,
  assertRemovableOnWindows,
  findUnfitName,
  fromSftpPath,
  joinWindowsPath,
  toProgramArgument,
  toSftpPath,
} from '../../../src/host/windows/windows-paths.ts'
import { mapPath } from '../../../src/transfer/map-path.ts'

describe('paths of a Windows host', () => {
  test.each([
    ['C:\\a b\\ü.mkv', '/C:/a b/ü.mkv'],
    ['c:/a/b', '/c:/a/b'],
    ['/C:/a', '/C:/a'],
    ['z:\\', '/z:/'],
    ['m:Video\\a.mkv', '/m:/Video/a.mkv'],
    ['\\\\nas\\films\\a.mkv', '//nas/films/a.mkv'],
  ])('%s is %s for its SFTP server', (path, expected) => {
    expect(toSftpPath(path)).toBe(expected)
  })

  test('come back from its SFTP server in their own form', () => {
    expect(fromSftpPath('/C:/Users/me')).toBe('C:\\Users\\me')
    expect(fromSftpPath('/C:')).toBe('C:\\')
    expect(joinWindowsPath(fromSftpPath('/D:/'), 'work')).toBe('D:\\work')
  })

  const deep = `${'folder\\'.repeat(40)}film.mkv`
  test.each([
    [`C:\\${deep}`, `\\\\?\\C:\\${deep}`],
    [`file:c:/${deep.replaceAll('\\', '/')}`, `file:\\\\?\\c:\\${deep}`],
    [`\\\\nas\\films\\${deep}`, `\\\\?\\UNC\\nas\\films\\${deep}`],
    // Said already, not to be said, short enough, or no path.
    ...[`\\\\?\\C:\\${deep}`, `C:\\${deep}\\..\\a`, 'C:\\film.mkv', `scale=${deep}`, 'x'.repeat(300)].map((each) => [each, each]),
  ])('are told to a program in the form that carries long ones: %s', (argument, expected) => {
    expect(toProgramArgument(argument ?? '')).toBe(expected)
  })

  test.each([
    [{ from: '/downloads/', to: 'z:\\' }, '/downloads/tv/a.mkv', 'z:\\tv\\a.mkv'],
    [{ from: '/media', to: '\\\\nas\\media' }, '/media/tv/a.mkv', '\\\\nas\\media\\tv\\a.mkv'],
  ])('are made of the substitution %o', (substitution, path, expected) => {
    expect(mapPath(path, [substitution])).toBe(expected)
  })

  test.each([
    'a:b.mkv',
    'why?.mkv',
    'a*',
    '"a"',
    'a<b',
    'a|b',
    'a\tb',
    'end.',
    'end ',
    'CON',
    'nul.mkv',
    'Com1.txt',
    'lpt9',
    'folder./a.mkv',
  ])('cannot hold %j, which is said before anything starts', (name) => {
    expect(() => assertFitName(`z:\\films\\${name}`, 'gaming')).toThrow('runs Windows, which cannot hold')
  })

  test.each(["it's 100% (a) & b^c!.mkv", 'ü 漢 🎬.mkv', '.hidden', 'console', 'com.mkv', 'a.b.c', '=;,`$'])('can hold %j', (name) => {
    expect(findUnfitName(`z:\\films\\${name}`)).toBeUndefined()
  })

  test.each(['C:\\', 'C:', '', 'work\\a', 'C:\\work\\..\\a', '\\\\nas\\films', '\\\\nas\\films\\', '/films/a', 'C:\\*', 'C:\\.\\'])(
    'are not removed when they are as broad as %j',
    (path) => {
      expect(() => assertRemovableOnWindows(path)).toThrow('is not removed')
    },
  )
})

test.each([
  ['UTF-16, as cmd.exe writes it', Buffer.from('Path=C:\\ü;D:\\x\r\n=C:=C:\\a\r\nOS=Windows_NT\r\n', 'utf16le')],
  ['UTF-8', Buffer.from('Path=C:\\ü;D:\\x\r\n=C:=C:\\a\r\nOS=Windows_NT\r\n')],
])('the environment is read from %s', (_, bytes) => {
  const environment = parseEnvironment(decodeAnswer(bytes))
  expect(environment.get('PATH')).toBe('C:\\ü;D:\\x')
  expect(environment.get('OS')).toBe('Windows_NT')
})
