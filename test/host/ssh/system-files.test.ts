import { describe, expect, test } from 'vitest'
import { toSystemFiles } from '../../../src/host/ssh/system-files.ts'

const windows = toSystemFiles('win32', { ProgramData: 'D:\\ProgramData' })

describe("OpenSSH's files of this machine", () => {
  test('are below ProgramData on Windows', () => {
    expect(windows).toMatchObject({
      configFile: 'D:\\ProgramData\\ssh\\ssh_config',
      knownHostsFiles: [expect.any(String), expect.any(String)],
    })
    expect(windows.split('__PROGRAMDATA__\\ssh/ssh_known_hosts __PROGRAMDATA__\\ssh/ssh_known_hosts2')).toEqual(windows.knownHostsFiles)
  })

  test('are told apart where the name of a Windows user has spaces', () => {
    const [first, second] = ['C:\\Users\\Jane Doe/.ssh/known_hosts', 'C:\\Users\\Jane Doe/.ssh/known_hosts2']
    expect(windows.split(`${first} ${second}`)).toEqual([first, second])
    expect(windows.split('~/.ssh/a b none')).toEqual(['~/.ssh/a b', 'none'])
  })

  test('are separated by spaces elsewhere', () => {
    expect(toSystemFiles('linux', {}).split('/home/jane/.ssh/known_hosts  ~/other')).toEqual(['/home/jane/.ssh/known_hosts', '~/other'])
  })
})
