import { expect, test } from 'vitest'
import type { PathSubstitution } from '../../src/model/config.ts'
import { mapPath } from '../../src/transfer/map-path.ts'

const SUBSTITUTIONS: readonly PathSubstitution[] = [
  { from: '/volume1/media/', to: '/mnt/media/' },
  { from: '/volume1/media/tv/', to: 'm:\\Television\\' },
  { from: '/downloads', to: 'z:\\' },
  { from: '/share/', to: '\\\\nas\\share' },
  { from: '/drive/', to: 'Z:' },
]

test.each([
  ['the path goes below the host folder', '/volume1/media/a/b.mp4', '/mnt/media/a/b.mp4'],
  ['the longest match wins, whatever its place in the list', '/volume1/media/tv/s01/e 01.mkv', 'm:\\Television\\s01\\e 01.mkv'],
  ['a folder whose name only begins alike is another folder', '/downloads2/x.mp4', '/downloads2/x.mp4'],
  ['a boundary is found without a slash at the end', '/downloads/a/x.mp4', 'z:\\a\\x.mp4'],
  ['a UNC share gets its separator', '/share/x.mp4', '\\\\nas\\share\\x.mp4'],
  ['a drive without a slash is its root, not its current folder', '/drive/x.mp4', 'Z:\\x.mp4'],
  ['only the front of a path is replaced', '/other/volume1/media/x.mp4', '/other/volume1/media/x.mp4'],
  ['a path without substitution stays', '/films/x.mp4', '/films/x.mp4'],
  ['the folder itself is mapped', '/volume1/media', '/mnt/media/'],
])('%s', (_, path, expected) => {
  expect(mapPath(path, SUBSTITUTIONS)).toBe(expected)
})

test('the root folder can be mapped', () => {
  expect(mapPath('/films/x.mp4', [{ from: '/', to: '/mnt/nas' }])).toBe('/mnt/nas/films/x.mp4')
})

/** A controller under Windows. */
test.each([
  ['a host with POSIX paths gets slashes', 'D:\\films\\s 01\\e.mkv', '/mnt/films/s 01/e.mkv'],
  ['letter case does not count, nor which slash was written', 'd:\\Films\\e.mkv', '/mnt/films/e.mkv'],
  ['a share is mapped to a drive', '\\\\nas\\tv\\s01\\e.mkv', 'T:\\s01\\e.mkv'],
  ['a folder whose name only begins alike is another folder', 'D:\\films2\\e.mkv', 'D:\\films2\\e.mkv'],
])('from Windows: %s', (_, path, expected) => {
  const substitutions = [
    { from: 'D:/films/', to: '/mnt/films/' },
    { from: '\\\\NAS\\tv', to: 'T:\\' },
  ]
  expect(mapPath(path, substitutions)).toBe(expected)
})
