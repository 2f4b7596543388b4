/** What ffprobe says is read without trust: a film's tags are anybody's, and ffprobe may be any program. */

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../src/core/errors.ts'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'

const FILE = { path: '/films/a.mkv', sizeBytes: 1, mtimeMs: 1 }

describe('an answer of ffprobe', () => {
  test('of any shape gives facts of the right types, or one expected error', () => {
    const field = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('video', 'audio', '1e999', '-1', 'N/A', '0/0', '\u001b[2J', '99:99:99', '__proto__'),
    )
    const names = [
      'codec_type',
      'codec_name',
      'width',
      'r_frame_rate',
      'tags',
      'disposition',
      'duration',
      'index',
      'side_data_list',
      'channels',
    ]
    const stream = fc.dictionary(fc.constantFrom(...names), field)
    const format = fc.dictionary(fc.constantFrom('format_name', 'duration', 'start_time', 'tags'), field)
    const answer = fc.oneof(
      fc.jsonValue(),
      fc.record({ streams: fc.oneof(field, fc.array(fc.oneof(field, stream))), format: fc.oneof(field, format) }),
    )
    fc.assert(
      fc.property(answer, (value) => {
        try {
          const media = parseProbe(JSON.stringify(value), FILE)
          expect(media.streams.length).toBeGreaterThan(0)
          expect(Number.isFinite(media.durationSeconds) && media.durationSeconds >= 0).toBe(true)
          for (const { codec, language, index, width = 0, fps = 1, channels = 1 } of media.streams) {
            expect([typeof codec, typeof language]).toEqual(['string', 'string'])
            expect([index, width, fps, channels].every((number) => Number.isFinite(number))).toBe(true)
          }
        } catch (error) {
          if (!isEncodeError(error, 'SOURCE_UNREADABLE')) throw error
        }
      }),
      { numRuns: 3000, seed: 42 },
    )
  })

  test.each<[string, string, RegExp]>([
    ['without end', 'exec yes', /says more than 1 MiB/],
    ['that is no JSON', 'echo nonsense', /no audio or video/],
    ['full of escapes as it fails', 'printf "\\033[2J\\233broken" >&2; exit 1', /broken/],
  ])('%s is told of in plain words', async (_, script, reason) => {
    const folder = await mkdtemp(join(tmpdir(), 'encode-ffprobe-'))
    try {
      const program = join(folder, 'ffprobe')
      await writeFile(program, `#!/bin/sh\n${script}\n`)
      await chmod(program, 0o755)
      const error = await createFfprobe(program, 1024 * 1024)
        .probe(program)
        .catch((caught: unknown) => caught)
      expect(isEncodeError(error, 'SOURCE_UNREADABLE') && error.message).toMatch(reason)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may get out
      expect(isEncodeError(error) && error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
