import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { toKind } from '../../../src/host/facts/describe-shell.ts'
import { toFacts } from '../../../src/host/facts/load-facts.ts'
import { type HostAnswer, parseFacts, parseFreeBytes, parseLoad } from '../../../src/host/facts/parse-facts.ts'
import { makeHostConfig } from '../../contract/host-config.ts'

const CONFIG = makeHostConfig({ name: 'box', type: 'streaming' })

function readCase(name: string): HostAnswer {
  const answer = parseFacts(readFileSync(join(import.meta.dirname, '../../cases/facts', `${name}.txt`), 'utf8'))
  if (answer === undefined) throw new Error(`The case "${name}" is not whole`)
  return answer
}

describe('what a host answers', () => {
  test('is understood from Debian', () => {
    expect(toFacts(readCase('linux-debian-12'), CONFIG)).toEqual({
      os: 'linux',
      arch: 'x86_64',
      cores: 16,
      memoryBytes: 32_768_000 * 1024,
      ffmpegPath: '/usr/bin/ffmpeg',
      ffmpegVersion: '5.1.6-0+deb12u1',
      ffprobePath: '/usr/bin/ffprobe',
      encoders: ['a64multi', 'libx264', 'ffv1', 'aac'],
      codecs: ['a64_multi', 'h264'],
      hwaccels: ['vdpau', 'cuda', 'vaapi', 'qsv', 'drm', 'opencl'],
      workingDir: '/home/ann/.cache/encode',
      freeBytes: 251_913_092 * 1024,
    })
  })

  test('is understood from busybox, with a full disk, a space in the folder and no ffprobe', () => {
    expect(toFacts(readCase('linux-busybox-1.35'), CONFIG)).toMatchObject({
      ffmpegVersion: 'N-112345-gabcdef0123',
      ffprobePath: undefined,
      workingDir: '/mnt/usb disk/encode',
      freeBytes: 0,
    })
  })

  test.each([
    ['devices=known dri nvidia', ['dri', 'nvidia']],
    ['devices=known', []],
    ['devices=dri', undefined],
    ['', undefined],
  ])('says with "%s" which devices of encoders are there', (line, devices) => {
    const lines = readFileSync(join(import.meta.dirname, '../../cases/facts/linux-debian-12.txt'), 'utf8')
    expect(parseFacts(lines.replace(/^arch=/m, `${line}\narch=`))?.devices).toEqual(devices)
  })

  test('gives the version of an ffmpeg that puts a comma behind it', () => {
    const lines = readFileSync(join(import.meta.dirname, '../../cases/facts/linux-debian-12.txt'), 'utf8')
    const answer = parseFacts(lines.replace('5.1.6-0+deb12u1 ', '0.8.17-6:0.8.17-1, '))
    expect(answer?.ffmpegVersion).toBe('0.8.17-6:0.8.17-1')
  })

  test('is understood from macOS, with its inode columns', () => {
    expect(toFacts(readCase('macos-15'), CONFIG)).toMatchObject({
      os: 'macos',
      cores: 10,
      fastCores: 8,
      memoryBytes: 34_359_738_368,
      encoders: ['h264_videotoolbox', 'hevc_videotoolbox', 'aac_at'],
      freeBytes: 344_120_048 * 1024,
    })
  })

  test('is understood from OpenBSD', () => {
    expect(toFacts(readCase('openbsd-7.6'), CONFIG)).toMatchObject({ os: 'openbsd', cores: 4, freeBytes: 291_754_752 * 1024 })
  })

  test('tells a Windows ffmpeg on a POSIX host, under WSL and Cygwin', () => {
    expect(toFacts(readCase('linux-wsl2'), CONFIG)).toMatchObject({ os: 'linux', pathTool: 'wslpath', encoders: ['hevc_nvenc'] })
    expect(toFacts(readCase('cygwin-3.5'), CONFIG)).toMatchObject({ os: 'windows', pathTool: 'cygpath', freeBytes: 204_800_000_000 })
    expect(toFacts(readCase('linux-debian-12'), CONFIG).pathTool).toBeUndefined()
  })

  test('is understood from FreeBSD, where less than nothing can be free', () => {
    expect(toFacts(readCase('freebsd-14'), CONFIG)).toMatchObject({ os: 'freebsd', cores: 8, freeBytes: 0 })
  })

  test('counts only when it is whole', () => {
    expect(parseFacts('os=Linux\narch=x86_64\nencoders:\n V....D libx264  x\n')).toBeUndefined()
    expect(parseFacts('This account is currently not available.\n')).toBeUndefined()
  })
})

describe('a host that cannot be used', () => {
  const refused = readCase('linux-folder-refused')
  const works = { ...refused, ffmpegVersion: '5.1' }
  const none = { ...works, ffmpegPath: undefined }
  test.each([
    ['has an ffmpeg that does not run', refused, 'HOST_NO_FFMPEG', 'libx264.so.164'],
    ['cannot write its working folder', works, 'HOST_FOLDER_UNUSABLE', '"/media/work": it said "mkdir: cannot create directory'],
    ['has no ffmpeg', none, 'HOST_NO_FFMPEG', '/opt/homebrew/bin, /usr/local/bin, /opt/local/bin'],
    ['runs something else', { ...works, os: undefined, systemName: 'SunOS' }, 'HOST_UNSUPPORTED', 'runs SunOS'],
    ['does not say what it runs', { ...works, os: undefined, systemName: '' }, 'HOST_UNSUPPORTED', '"uname" says nothing there'],
    ['runs Windows', { ...works, os: 'windows' as const }, 'HOST_UNSUPPORTED', 'runs Windows'],
  ])('is told when it %s', (_what, answer, code, part) => {
    const act = (): unknown => toFacts(answer, CONFIG)
    expect(act).toThrow(part)
    expect(act).toThrow(expect.toSatisfy((error: unknown) => isEncodeError(error) && error.code === code && error.hint !== undefined))
  })

  test('is told by the name that the configuration gave its ffmpeg', () => {
    expect(() => toFacts(none, { ...CONFIG, ffmpeg: '/opt/ff' })).toThrow('has no program "/opt/ff"')
  })
})

describe('free space', () => {
  test.each([
    ['map auto_home 0 0 0 100% /System/Volumes/Data/home', 0],
    ['//ann@nas/My Films 1000 400 600 40% /Volumes/My Films', 600 * 1024],
    ['tmpfs 10 0 10 - /tmp', 10 * 1024],
    ['df: /nowhere: No such file or directory', undefined],
    ['', undefined],
  ])('of %j is read', (line, bytes) => {
    expect(parseFreeBytes(line)).toBe(bytes)
  })
})

describe('load', () => {
  test.each([
    ['0.52 0.58 0.59 1/467 12345\n', 0.52],
    [' 11:31:32 up 12 days,  1:02,  2 users,  load average: 1.25, 0.80, 0.61\n', 1.25],
    ['11:31  up 3 days, 4:05, 2 users, load averages: 2,41 2,00 1,80\n', 2.41],
    ['{ 1.52 1.40 1.31 }\n', 1.52],
    ['unknown', undefined],
  ])('of %j is read', (text, load) => {
    expect(parseLoad(text)).toBe(load)
  })
})

describe('the question which shell it is', () => {
  test.each([
    ['cmd', '"AWindows_NTB$env:OS"\r\n', 'windows'],
    ['PowerShell', 'A%OS%BWindows_NT\r\n', 'windows'],
    ['bash', 'A%OS%B:OS\n', 'posix'],
    ['csh', 'env: Undefined variable.\n', 'posix'],
    ['nologin', 'This account is currently not available.\n', 'none'],
    ['an SFTP server', '', 'none'],
  ])('is answered by %s', (_shell, answer, kind) => {
    expect(toKind(answer)).toBe(kind)
  })
})
