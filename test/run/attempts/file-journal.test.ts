import { expect, test } from 'vitest'
import { createFileJournal } from '../../../src/run/attempts/file-journal.ts'

test('a guard forgets the file of a host that mounts the media under the path of the controller', async () => {
  const { journal, guarded, noted } = prepare()
  await journal.note('controller', '/films/.encode-1.mkv')
  await journal.note('host', '/films/.encode-1.mkv')
  await journal.forget('controller', '/films/.encode-1.mkv')
  expect(guarded).toEqual(new Set(['/films/.encode-1.mkv']))
  await journal.forget('host', '/films/.encode-1.mkv')
  expect(guarded).toEqual(new Set())
  expect(noted).toEqual(new Set())
})

test('a file of the controller is no business of the guard', async () => {
  const { journal, guarded, noted } = prepare()
  await journal.note('controller', '/films/.encode-1.mkv')
  expect(noted).toEqual(new Set(['"controller" /films/.encode-1.mkv']))
  expect(guarded).toEqual(new Set())
})

function prepare() {
  const guarded = new Set<string>()
  const noted = new Set<string>()
  const journal = createFileJournal({
    jobId: 'run-1',
    place: { cluster: 'home', host: 'tower' },
    ledger: {
      noteFile: (_job, place, path) => void noted.add(`${JSON.stringify(place)} ${path}`),
      flush: async () => {},
      forgetFile: (_job, place, path) => void noted.delete(`${JSON.stringify(place)} ${path}`),
    },
    host: {
      async guardFile(path) {
        guarded.add(path)
        return { release: () => void guarded.delete(path) }
      },
    },
  })
  return { journal, guarded, noted }
}
