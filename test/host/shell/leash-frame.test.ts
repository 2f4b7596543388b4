import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFrameParser, createNoiseFilter, type LeashStart } from '../../../src/host/shell/leash-frame.ts'
import { skipUntil } from '../../../src/host/shell/skip-until.ts'

const TAG = 'encode-0123'
/** Bytes that look like frames and are none. */
const tricky = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('e', 'encode-', TAG, `${TAG}@exit `, `${TAG}@exit 1234\n`, `${TAG}@exit x\n`, `${TAG}@start 1 2\n`, '\n', '@exit 0\n')
    .map((text) => Buffer.from(text)),
)
const bytes = fc.array(tricky, { maxLength: 12 }).map((parts) => Buffer.concat(parts))

function cut(whole: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    pieces.push(whole.subarray(at, at + size))
    at += size
  }
  return [...pieces, whole.subarray(at)]
}

describe('the frame parser', () => {
  test('hands on exactly the bytes of the command, however they arrive', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }), (before, output, after, sizes) => {
        fc.pre(
          !/encode-0123@exit -?\d{1,10}\r?\n/.test(output.toString('latin1')) && !/@start \d+ \d+ \w+\n/.test(before.toString('latin1')),
        )
        const got: Buffer[] = []
        const starts: LeashStart[] = []
        const exits: number[] = []
        const parser = createFrameParser(TAG, {
          onStart: (start) => starts.push(start),
          onOutput: (chunk) => got.push(Buffer.from(chunk)),
          onExit: (status) => exits.push(status),
        })
        const whole = Buffer.concat([before, Buffer.from(`${TAG}@start 12 34 group\n`), output, Buffer.from(`${TAG}@exit 137\n`), after])
        for (const piece of cut(whole, sizes)) parser.push(piece)
        parser.end()
        expect(Buffer.concat(got).equals(output)).toBe(true)
        expect({ starts, exits }).toEqual({ starts: [{ pid: 12, wrapper: 34, mode: 'group' }], exits: [137] })
      }),
      { numRuns: 2000 },
    )
  })

  test('hands on the end of a line at once: only the beginning of a tag is kept back', () => {
    const got: string[] = []
    const parser = createFrameParser(TAG, {
      onStart: () => undefined,
      onOutput: (chunk) => got.push(String(chunk)),
      onExit: () => undefined,
    })
    parser.push(Buffer.from(`${TAG}@start 1 2 pid\nprogress=continue\n`))
    expect(got.join('')).toBe('progress=continue\n')
  })

  test('tells no exit where there was none', () => {
    const got: string[] = []
    const exits: number[] = []
    const parser = createFrameParser(TAG, {
      onStart: () => undefined,
      onOutput: (chunk) => got.push(String(chunk)),
      onExit: (n) => exits.push(n),
    })
    parser.push(Buffer.from(`${TAG}@start 1 2 pid\nhalf a line${TAG}@exi`))
    parser.end()
    expect({ got: got.join(''), exits }).toEqual({ got: `half a line${TAG}@exi`, exits: [] })
  })
})

describe('the noise filter', () => {
  test('drops what login files say, and keeps it where nothing else came', () => {
    const said = (text: string): string => {
      const got: string[] = []
      const filter = createNoiseFilter(TAG, (chunk) => got.push(String(chunk)))
      for (const piece of cut(Buffer.from(text), [3, 5, 7])) filter.push(piece)
      filter.end()
      return got.join('')
    }
    expect(said(`warning: locale\n${TAG}@start\nthe error`)).toBe('the error')
    expect(said('no such shell')).toBe('no such shell')
  })
})

describe('skipUntil', () => {
  test('gives what follows the first mark, however it arrives', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }), (content, sizes) => {
        const skip = skipUntil('mark@data\n')
        const whole = Buffer.concat([Buffer.from('Welcome mark@dat'), Buffer.from('mark@data\n'), content])
        expect(Buffer.concat(cut(whole, sizes).map(skip)).equals(content)).toBe(true)
      }),
    )
  })
})
