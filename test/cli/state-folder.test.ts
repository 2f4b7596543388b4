import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { stateFolder } from '../../src/cli/state-folder.ts'

const HOME = '/home/ann'

afterEach(() => vi.unstubAllEnvs())

test.each([
  [{}, 'linux', join(HOME, '.local/state/encode')],
  [{}, 'darwin', join(HOME, '.local/state/encode')],
  [{ LOCALAPPDATA: '/x' }, 'linux', join(HOME, '.local/state/encode')],
  [{ XDG_STATE_HOME: '/state' }, 'linux', join('/state', 'encode')],
  [{ XDG_STATE_HOME: 'relative' }, 'linux', join(HOME, '.local/state/encode')],
  [{ LOCALAPPDATA: '/c/AppData/Local' }, 'win32', join('/c/AppData/Local', 'encode')],
  [{}, 'win32', join(HOME, 'AppData/Local/encode')],
  [{ XDG_STATE_HOME: '/state', LOCALAPPDATA: '/c' }, 'win32', join('/state', 'encode')],
] as const)('with %o on %s the state is kept in %s', (env, platform, folder) => {
  expect(stateFolder(env, { platform, homeFolder: HOME })).toBe(folder)
})

test.each(['', '.'])('a home folder that is none ("%s") is not taken for the working folder', (home) => {
  vi.stubEnv('HOME', home)
  vi.stubEnv('USERPROFILE', home)
  expect(stateFolder({}).startsWith(userInfo().homedir)).toBe(true)
})
