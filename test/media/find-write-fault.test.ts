import { expect, test } from 'vitest'
import { findWriteFault, toAudible } from '../../src/media/find-write-fault.ts'

test('the end that could not be written is found, as ffmpeg 5.1 told of a full disk before it ended with status 0', () => {
  const stderr = `[libx264 @ 0x55] kb/s:266.34
Error writing trailer of /mnt/x.mkv: No space left on device
Error closing file /mnt/x.mkv: No space left on device
`
  expect(findWriteFault(stderr)).toBe('Error writing trailer of /mnt/x.mkv: No space left on device')
})

test('a log of an encode that went well tells of no fault', () => {
  expect(findWriteFault('video:32kB audio:0kB\nLast message repeated 3 times\n[libx264 @ 0x55] kb/s:266.34\n')).toBeUndefined()
})

test('a profile that silences ffmpeg still hears of errors, and no other is changed', () => {
  expect(toAudible(['-hide_banner', '-loglevel', 'quiet'])).toEqual(['-loglevel', 'error'])
  expect(toAudible(['-v', 'level+fatal'])).toEqual(['-loglevel', 'error'])
  expect(toAudible(['-loglevel', 'warning', '-c:v', 'copy'])).toEqual([])
})
