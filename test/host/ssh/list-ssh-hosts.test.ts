import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listSshHosts } from '../../../src/host/ssh/list-ssh-hosts.ts'
import { createHome, type TestHome } from './ssh-fixture.ts'

describe('the machines that an SSH configuration names', () => {
  let home: TestHome

  const list = async (): Promise<readonly string[]> => await listSshHosts({ homeFolder: home.folder, localUser: 'ann' })

  beforeEach(async () => {
    home = await createHome()
  })

  afterEach(() => home[Symbol.asyncDispose]())

  test('are the words of Host lines without patterns, each once, in the order written', async () => {
    const lines = [
      'Host nas nas.lan',
      '  User ann',
      'host=box',
      'HOST "attic" # upstairs',
      'Host *.lan !gate web? nas',
      'Match host mac',
      'Host -oX',
    ]
    await home.write('.ssh/config', lines.join('\n'))
    expect(await list()).toEqual(['nas', 'nas.lan', 'box', 'attic'])
  })

  test('are looked for in included files too, which may include each other', async () => {
    await home.write('.ssh/config', 'Host first\nInclude conf.d/* ~/more.conf missing.conf\nHost last\n')
    await home.write('.ssh/conf.d/b', 'Host b\nInclude config\n')
    await home.write('.ssh/conf.d/a', 'Host a\r\n  Port 22\r\n')
    await home.write('more.conf', 'Host more\n')
    expect(await list()).toEqual(['first', 'a', 'b', 'more', 'last'])
  })

  test('are no code forges: hosts that user git logs in to', async () => {
    await home.write('.ssh/config', 'Host github.com forge\n  User git\nHost nas\n  User ann\n')
    expect(await list()).toEqual(['nas'])
  })

  test('are none where there is no configuration', async () => {
    expect(await list()).toEqual([])
  })
})
