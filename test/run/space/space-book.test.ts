import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSpaceBook, type Need, type Reservation } from '../../../src/run/space/space-book.ts'

const RESULT: Need = { place: 'disk', what: 'result', stage: 'encode', bytes: 400, keepFreeBytes: 100 }
const SOURCE: Need = { ...RESULT, what: 'source', stage: 'fetch', bytes: 500 }

describe('room for a job', () => {
  test('is not known before its place was measured', () => {
    const { book } = createBench()
    expect(book.look([RESULT])).toEqual({ kind: 'ask', stale: ['disk'] })
  })

  test('is what is free, less what must stay free, source and result together', () => {
    const { book, measure } = createBench()
    measure(1000)
    expect(book.look([SOURCE, RESULT]).kind).toBe('room')
    measure(999)
    expect(book.look([SOURCE, RESULT])).toEqual({
      kind: 'lack',
      stale: [],
      shortage: { place: 'disk', freeBytes: 999, reservedBytes: 0, neededBytes: 900, keepFreeBytes: 100 },
    })
  })

  test('is taken for granted where a place does not tell', () => {
    const { book, measure } = createBench()
    measure(undefined)
    expect(book.look([RESULT]).kind).toBe('room')
  })

  test('is asked for again where a place did not tell a while ago', () => {
    const { book, measure, pass } = createBench()
    measure(undefined)
    pass(6_000)
    expect(book.look([RESULT])).toEqual({ kind: 'ask', stale: ['disk'] })
  })

  test('is refused by an answer that was long on its way', () => {
    const { book, pass } = createBench()
    const answer = book.beginMeasure('disk')
    pass(9_000)
    answer(0)
    expect(book.look([RESULT]).kind).toBe('lack')
  })

  test('is needed in every place: one that is full decides, though others are not known yet', () => {
    const { book, measure } = createBench()
    measure(100)
    expect(book.look([{ ...RESULT, place: 'unknown' }, RESULT])).toMatchObject({ kind: 'lack', stale: ['unknown'] })
  })

  test('is asked for again after a while, at once where it is scarce, meanwhile where there is plenty', () => {
    const { book, measure, pass } = createBench()
    measure(1_000_000)
    pass(6_000)
    expect(book.look([RESULT])).toEqual({ kind: 'room', stale: ['disk'] })
    measure(1000)
    pass(4_000)
    expect(book.look([RESULT])).toEqual({ kind: 'room', stale: [] })
    pass(2_000)
    expect(book.look([RESULT])).toEqual({ kind: 'ask', stale: ['disk'] })
  })

  test('is never refused by figures that are older than two seconds', () => {
    const { book, measure, pass } = createBench()
    measure(0)
    expect(book.look([RESULT]).kind).toBe('lack')
    pass(2_001)
    expect(book.look([RESULT])).toEqual({ kind: 'ask', stale: ['disk'] })
  })
})

describe('a reservation', () => {
  test('takes its bytes from the next job in the same moment', () => {
    const { book, measure } = createBench()
    measure(899)
    book.reserve([RESULT])
    expect(book.look([RESULT])).toMatchObject({ kind: 'lack', shortage: { reservedBytes: 400 } })
  })

  test('needs only what is still to be written once that was measured', () => {
    const { book, measure } = createBench()
    measure(1000)
    const job = book.reserve([RESULT])
    job.report('encode', 300, 5)
    expect(book.reservedBytes('disk')).toBe(400)
    measure(700)
    expect(book.reservedBytes('disk')).toBe(100)
  })

  test('grows with a result that becomes larger than was expected', () => {
    const { book, measure } = createBench()
    measure(10_000)
    const job = book.reserve([RESULT])
    job.report('encode', 90, 9)
    expect(book.reservedBytes('disk')).toBe(400)
    job.report('encode', 300, 25)
    expect(book.reservedBytes('disk')).toBe(1200)
    expect(job.resultBytes).toBe(1200)
  })

  test('of a job that is over counts until its place was measured after its end', () => {
    const { book, measure } = createBench()
    measure(1000)
    const job = book.reserve([RESULT, SOURCE])
    const answer = book.beginMeasure('disk')
    job.release()
    answer(1000)
    expect(book.look([RESULT])).toEqual({ kind: 'ask', stale: ['disk'] })
    measure(1000)
    expect(book.reservedBytes('disk')).toBe(0)
    expect(book.look([RESULT]).kind).toBe('room')
  })
})

describe('whatever jobs and measurements do', () => {
  const SLOTS = 4
  const step = fc.oneof(
    fc.record({ do: fc.constant('place' as const), source: fc.integer({ min: 0, max: 60 }), result: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constant('write' as const), job: fc.nat(SLOTS - 1), bytes: fc.integer({ min: 1, max: 90 }), isTold: fc.boolean() }),
    fc.record({ do: fc.constant('end' as const), job: fc.nat(SLOTS - 1), stays: fc.boolean() }),
    fc.record({ do: fc.constant('measure' as const) }),
    fc.record({ do: fc.constant('ask' as const) }),
    fc.record({ do: fc.constant('read' as const) }),
    fc.record({ do: fc.constant('answer' as const) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 7_000 }) }),
  )

  test('the disk never holds more than it may, and in the end nothing is reserved', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 60, maxLength: 120 }),
        fc.integer({ min: 40, max: 300 }),
        fc.integer({ min: 0, max: 40 }),
        (steps, disk, kept) => {
          const { book, pass } = createBench()
          let free = disk
          const jobs: RunningJob[] = []
          let measuring: { answer: (bytes: number) => void; seen: number | undefined } | undefined
          let placed = 0

          for (const now of steps) {
            if (now.do === 'place' && jobs.length < SLOTS) {
              const needs: readonly Need[] = [
                { place: 'disk', what: 'source', stage: 'fetch', bytes: now.source, keepFreeBytes: kept },
                { place: 'disk', what: 'result', stage: 'encode', bytes: now.result, keepFreeBytes: kept },
              ]
              if (book.look(needs).kind !== 'room') continue
              placed += 1
              jobs.push({ reservation: book.reserve(needs), ...now, written: 0 })
            } else if (now.do === 'write') {
              const job = jobs[now.job]
              if (job === undefined) continue
              const bytes = Math.min(now.bytes, job.source + job.result - job.written)
              free -= bytes
              job.written += bytes
              // The controller may hear of it later, never earlier.
              if (now.isTold) tell(job)
            } else if (now.do === 'end') {
              const [job] = jobs.splice(now.job, 1)
              if (job === undefined) continue
              const staying = now.stays ? Math.max(0, job.written - job.source) : 0
              free += job.written - staying
              job.reservation.release()
            } else if (now.do === 'measure' && measuring === undefined) book.beginMeasure('disk')(free)
            else if (now.do === 'ask') measuring ??= { answer: book.beginMeasure('disk'), seen: undefined }
            else if (now.do === 'read' && measuring !== undefined) measuring.seen ??= free
            else if (now.do === 'answer' && measuring?.seen !== undefined) {
              measuring.answer(measuring.seen)
              measuring = undefined
            } else if (now.do === 'wait') pass(now.ms)
            // Even if all of them write all of theirs before anything is measured again.
            const toCome = jobs.reduce((sum, { source, result, written }) => sum + source + result - written, 0)
            expect(free - toCome).toBeGreaterThanOrEqual(placed === 0 ? 0 : kept)
          }

          for (const { reservation } of jobs) reservation.release()
          book.beginMeasure('disk')(free)
          expect(book.reservedBytes('disk')).toBe(0)
        },
      ),
      { numRuns: 1500 },
    )
  })

  interface RunningJob {
    readonly reservation: Reservation
    readonly source: number
    readonly result: number
    written: number
  }

  function tell({ reservation, source, written }: RunningJob): void {
    reservation.report('fetch', Math.min(source, written), null)
    // Too early to be projected.
    if (written > source) reservation.report('encode', written - source, 1)
  }
})

/** A book of one disk, on a clock that is told what time it is. */
function createBench() {
  let nowMs = 0
  const book = createSpaceBook({ now: () => nowMs })
  return {
    book,
    measure: (freeBytes: number | undefined) => book.beginMeasure('disk')(freeBytes),
    pass(ms: number) {
      nowMs += ms
    },
  }
}
