import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { describeFfmpegFailure } from '../../src/media/describe-ffmpeg-failure.ts'

interface Case {
  readonly name: string
  readonly status: number
  readonly cause: string
  readonly stderr: string
}

const { cases } = parse(readFileSync(join(import.meta.dirname, '../cases/media/ffmpeg-failures.yml'), 'utf8')) as { cases: readonly Case[] }

describe('the cause is told in one line', () => {
  test.each(cases)('$name', ({ stderr, status, cause }) => {
    expect(describeFfmpegFailure(stderr, status)).toBe(cause)
  })

  test.each(cases)('$name, seen through the last 2,000 characters only, is still one printable line', ({ stderr, status }) => {
    expect(describeFfmpegFailure(stderr.slice(-2000), status)).toMatch(/^[^\p{Cc}]+$/u)
  })
})

test('what ffmpeg 7 puts before and after the cause is passed over', () => {
  const stderr = [
    "[vost#0:0/h264_nvenc @ 0x5581] Unknown encoder 'h264_nvenc'",
    '[vf#0:0 @ 0x5582] Error sending frames to consumers: Invalid argument',
    '[vf#0:0 @ 0x5582] Task finished with error code: -22 (Invalid argument)',
    'Error opening output file out.mkv.',
    'Error opening output files: Encoder not found',
  ].join('\n')
  expect(describeFfmpegFailure(stderr, 8)).toBe('This ffmpeg has no encoder "h264_nvenc"')
})

test('an unknown cause is told in the last words that mean something', () => {
  const stderr = '[mp3 @ 0x1] Strange thing happened\nframe=  10 fps=0.0 q=0.0 size=1kB time=00:00:01.00 speed=1x\nConversion failed!\n'
  expect(describeFfmpegFailure(stderr, 1)).toBe('ffmpeg failed: Strange thing happened')
})

test('silence is told as such', () => {
  expect(describeFfmpegFailure('', 1)).toBe('ffmpeg ended with status 1 and gave no reason')
  expect(describeFfmpegFailure('', 139)).toBe('ffmpeg was ended by signal 11 (SIGSEGV)')
})

test('escape sequences do not reach the terminal', () => {
  expect(describeFfmpegFailure('\u001b[31mred\u001b[0m \u0007alarm\n', 1)).toBe('ffmpeg failed: red alarm')
})

test('what a Mac keeps from remote users is told with its cure, and a library that merely failed is not taken for it', () => {
  const cure = /Operation not permitted\): on a Mac, turn on "Allow full disk access for remote users"/
  expect(describeFfmpegFailure('/Users/ann/Desktop/film.mp4: Operation not permitted\n', 1)).toMatch(cure)
  expect(describeFfmpegFailure('[in#0 @ 0x14f] Error opening input: Operation not permitted\n', 1)).toMatch(cure)
  expect(describeFfmpegFailure('Device setup failed for decoder on input stream #0:0 : Operation not permitted\n', 1)).not.toMatch(cure)
})
