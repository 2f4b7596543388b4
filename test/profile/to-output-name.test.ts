import { describe, expect, test } from 'vitest'
import { toOutputName } from '../../src/profile/to-output-name.ts'

const MKV = { name: 'h264', extension: '.mkv' }

describe('beside the source', () => {
  test.each([
    ['takes the extension of the profile', '/tv/film.mp4', false, '/tv/film.mkv'],
    ['keeps dots inside the name', '/tv/s01.e02.final.mp4', false, '/tv/s01.e02.final.mkv'],
    ['takes the name of the source that it replaces', '/tv/film.mkv', false, '/tv/film.mkv'],
    ['is given to a source without an extension', '/tv/film', false, '/tv/film.mkv'],
    ['is given to a hidden file', '/tv/.film', false, '/tv/.film.mkv'],
    ['keeps spaces, quotes and line ends', '/tv/a "b"\n$(c).mp4', false, '/tv/a "b"\n$(c).mkv'],
    ['with -k takes the extension where that makes another name', '/tv/film.mp4', true, '/tv/film.mkv'],
    ['with -k names the profile where it would take the name of the source', '/tv/film.mkv', true, '/tv/film.h264.mkv'],
    ['with -k holds names for one that differ in letter case only', '/tv/Film.MKV', true, '/tv/Film.h264.mkv'],
  ])('the result %s', (_, source, keepsSource, wanted) => {
    expect(toOutputName(source, MKV, { keepsSource })).toBe(wanted)
  })

  test('a profile name that is no file name is made one', () => {
    expect(toOutputName('/tv/film.mkv', { name: '4k/best:ever', extension: '.mkv' }, { keepsSource: true })).toBe(
      '/tv/film.4k-best-ever.mkv',
    )
  })
})

describe('under a folder', () => {
  test('a single file goes straight into it', () => {
    expect(toOutputName('/tv/a/film.mp4', MKV, { keepsSource: false, outputFolder: '/out' })).toBe('/out/film.mkv')
  })

  test('the tree below a folder argument is mirrored', () => {
    expect(toOutputName('/tv/a/b/film.mp4', MKV, { keepsSource: false, outputFolder: '/out', root: '/tv' })).toBe('/out/a/b/film.mkv')
    expect(toOutputName('/tv/film.mp4', MKV, { keepsSource: false, outputFolder: '/out', root: '/tv' })).toBe('/out/film.mkv')
  })

  test('a result never takes the place of the source that stays', () => {
    expect(toOutputName('/tv/a/film.mkv', MKV, { keepsSource: false, outputFolder: '/tv', root: '/tv' })).toBe('/tv/a/film.h264.mkv')
  })
})
