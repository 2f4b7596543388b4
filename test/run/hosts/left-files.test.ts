import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EncodeError } from '../../../src/core/errors.ts'
import type { Host } from '../../../src/host/host.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import type { NotedFile } from '../../../src/ledger/records.ts'
import { removeLeftHere, removeLeftOnHost } from '../../../src/run/hosts/left-files.ts'
import { makeHostConfig } from '../../contract/host-config.ts'

test('a file that a host cannot remove stays noted, and costs neither the host nor the other files', async () => {
  const { ledger, host, forgotten } = prepare('COMMAND_FAILED')
  await removeLeftOnHost(ledger, host, 'home')
  expect(forgotten).toEqual(['/hosts/a', '/hosts/c'])
})

test('a host that is lost meanwhile is told', async () => {
  const { ledger, host } = prepare('HOST_LOST')
  await expect(removeLeftOnHost(ledger, host, 'home')).rejects.toMatchObject({ code: 'HOST_LOST' })
})

test('what a share that is not mounted holds stays noted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'encode-left-'))
  await writeFile(join(folder, '.encode-1.mkv'), '')
  const left = ['.encode-1.mkv', '.encode-2.mkv', 'share/tv/.encode-3.mkv'].map(
    (name): NotedFile => ({ runId: 'dead', jobId: undefined, place: 'controller', path: join(folder, name) }),
  )
  const forgotten: NotedFile[] = []
  await removeLeftHere({ leftFiles: () => left, forgetLeftFile: (file) => void forgotten.push(file) })
  expect(forgotten).toEqual(left.slice(0, 2))
  expect(await readdir(folder)).toEqual([])
  await rm(folder, { recursive: true })
})

function prepare(code: 'COMMAND_FAILED' | 'HOST_LOST') {
  const left = ['/hosts/a', '/locked/b', '/hosts/c'].map((path): NotedFile => {
    return { runId: 'dead', jobId: undefined, place: { cluster: 'home', host: 'tower' }, path }
  })
  const forgotten: string[] = []
  const ledger: Pick<Ledger, 'leftFiles' | 'forgetLeftFile'> = {
    leftFiles: () => left,
    forgetLeftFile: ({ path }) => void forgotten.push(path),
  }
  const host: Pick<Host, 'config' | 'removeFiles'> = {
    config: makeHostConfig({ name: 'tower', type: 'mounted' }),
    async removeFiles(paths) {
      if (paths.includes('/locked/b')) throw new EncodeError(code, 'Host "tower" cannot remove a file')
    },
  }
  return { ledger, host, forgotten }
}
