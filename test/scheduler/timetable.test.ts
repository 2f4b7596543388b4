import { describe, expect, test } from 'vitest'
import type { ScheduledJob } from '../../src/scheduler/job-form.ts'
import { createSpeeds } from '../../src/scheduler/speeds.ts'
import { createTimetable } from '../../src/scheduler/timetable.ts'
import { createWorker, type UnderWay } from '../../src/scheduler/worker.ts'
import { job, worker } from './scheduler-bench.ts'

/** A host of one slot that does one unit of work a second, on a link of one byte a second that its two ways share. */
function createHost(linkBytesPerSecond = 1, bothRatio = 0.5) {
  const speeds = createSpeeds()
  const host = createWorker(worker('box', { _default: 1 }), speeds.linkOf)
  speeds.seed({ cluster: 'home', name: 'box', profile: 'hevc', workPerSecond: 1 })
  speeds.seedLink({ cluster: 'home', name: 'box', bytesPerSecond: linkBytesPerSecond, bothRatio })
  const timetable = createTimetable(speeds, { now: () => 0 })
  host.state = 'up'

  function begin(phase: UnderWay['phase'], begun: ScheduledJob): UnderWay {
    const way = phase === 'coming' ? 'there' : 'back'
    const attempt: UnderWay = {
      ...{ job: begun, queue: '_default', phase, sinceMs: 0, endsMs: undefined, withdrawn: undefined },
      crossing: phase === 'encoding' || phase === 'waiting' ? undefined : host.link.join(way, 0, 0),
      withdraw: () => {},
    }
    host.underWay.add(attempt)
    timetable.forget(host)
    return attempt
  }

  return {
    begin,
    endOf: (attempt: UnderWay) => timetable.endOf(host, attempt),
    foresee: (added: ScheduledJob) => timetable.foresee(host, '_default', added),
    endOfNew: (added: ScheduledJob) => timetable.endOfNew(host, '_default', added),
    linkSeconds: () => timetable.linkSeconds(host),
  }
}

const crossing = (work: number, fetchBytes: number, returnBytes: number): ScheduledJob => ({
  ...{ ...job('1'), work, fetchBytes, transferBytes: fetchBytes + returnBytes },
})

describe('one job more on a host', () => {
  test('is foreseen to be over when its result has come back', () => {
    const { foresee } = createHost()
    expect(foresee(crossing(20, 10, 5))).toEqual({ endSeconds: 35, freeSeconds: 0, takesSeconds: 10 })
  })

  test('counts as over when what it makes late is over', () => {
    const { begin, endOf, foresee } = createHost()
    const leaving = begin('leaving', crossing(0, 0, 100))
    expect(endOf(leaving)).toBe(100)
    expect(foresee(crossing(1, 60, 0)), 'over after 121 s itself').toMatchObject({ endSeconds: 160, takesSeconds: 120 })
  })

  test('neither waits for results on a cable, nor makes them late', () => {
    const { begin, foresee, endOfNew, linkSeconds } = createHost(1, 1)
    begin('leaving', crossing(0, 0, 100))
    const added = crossing(1, 60, 10)
    expect(foresee(added)).toMatchObject({ endSeconds: 110, takesSeconds: 60 })
    expect(endOfNew(added)).toBe(110)
    begin('coming', crossing(1, 70, 5))
    expect(linkSeconds()).toBe(105)
  })

  test('does not answer for what would end as late without it', () => {
    const { begin, foresee } = createHost(1000)
    begin('encoding', crossing(500, 0, 0))
    expect(foresee(crossing(1, 100, 0))?.endSeconds).toBeCloseTo(501)
    const { begin: beginOther, foresee: foreseeOther } = createHost()
    beginOther('leaving', crossing(0, 0, 100))
    expect(foreseeOther(crossing(30, 0, 0))?.endSeconds).toBe(30)
  })
})
