import { describe, expect, it } from 'vitest'
import type { EncodeEvent } from '../../src/model/events.ts'
import { createRunState, type RunState } from '../../src/view/run-state.ts'
import { currentEta } from '../../src/view/running-job.ts'
import { done, eventAt, failed, hostUp, progressed, queued, RUN_START_MS, started, WAITING } from './run-script.ts'

function stateAfter(...events: readonly EncodeEvent[]): RunState {
  const state = createRunState()
  for (const event of events) state.apply(event)
  return state
}

function queuedWith(job: string, size: { source_bytes?: number; duration_s?: number }): EncodeEvent {
  return eventAt(0, 'job.queued', { job, file: `/${job}.mp4`, cluster: 'home', profile: 'h264', queue: '_default', ...size })
}

const at = (seconds: number): number => RUN_START_MS + seconds * 1000

describe('createRunState', () => {
  it('keeps a section for each host, with the jobs that run there', () => {
    const state = stateAfter(hostUp(0, 'nas'), hostUp(0, 'mac'), started(1, 'a', '/a.mp4', 'nas'), started(1, 'b', '/b.mp4', 'mac'))
    expect(state.hosts.map((host) => [host.name, host.running.map((job) => job.job)])).toEqual([
      ['nas', ['a']],
      ['mac', ['b']],
    ])
  })

  it('tells hosts of one name apart by the cluster of the job', () => {
    const state = stateAfter(
      hostUp(0, 'nas', 'home'),
      hostUp(0, 'nas', 'work'),
      queued(0, 'a', '/a.mp4', 'work'),
      started(1, 'a', '/a.mp4', 'nas'),
    )
    expect(state.hosts.map((host) => [host.cluster, host.running.length])).toEqual([
      ['home', 0],
      ['work', 1],
    ])
  })

  it('shows a host as down with its reason, and as up again', () => {
    const down = eventAt(1, 'host.down', { cluster: 'home', host: 'nas', reason: 'gone' })
    expect(stateAfter(hostUp(0, 'nas'), down).hosts[0]?.downReason).toBe('gone')
    expect(stateAfter(hostUp(0, 'nas'), down, hostUp(2, 'nas')).hosts[0]?.downReason).toBeUndefined()
  })

  it('moves a job that is tried again to its new host', () => {
    const state = stateAfter(
      hostUp(0, 'nas'),
      hostUp(0, 'mac'),
      started(1, 'a', '/a.mp4', 'nas'),
      eventAt(2, 'job.retry', { job: 'a', host: 'nas', reason: 'lost' }),
    )
    expect(state.totals(at(2))).toMatchObject({ running: 0, waiting: 1, jobs: 1, over: 0 })
    state.apply(eventAt(3, 'job.started', { job: 'a', file: '/a.mp4', host: 'mac', attempt: 2 }))
    expect(state.hosts.map((host) => host.running.length)).toEqual([0, 1])
    expect(state.totals(at(3))).toMatchObject({ running: 1, waiting: 0, jobs: 1 })
  })

  it('tells two attempts at one job apart, counts the job once, and takes both away when it is done', () => {
    const state = stateAfter(
      queued(0, 'a', '/a.mp4'),
      started(1, 'a', '/a.mp4', 'nas'),
      progressed(50, 'a', 'nas', 80, 'encode', 1),
      eventAt(60, 'job.started', { job: 'a', file: '/a.mp4', host: 'mac', attempt: 2, copy: true }),
      eventAt(61, 'job.stage', { job: 'a', stage: 'fetch', host: 'mac', attempt: 2 }),
      progressed(62, 'a', 'nas', 81, 'encode', 1),
    )
    const running = () => state.hosts.map((host) => host.running.map(({ stage, percent, isCopy }) => ({ stage, percent, isCopy })))
    expect(running()).toEqual([[{ stage: 'encode', percent: 81, isCopy: false }], [{ stage: 'fetch', percent: null, isCopy: true }]])
    expect(state.totals(at(62))).toMatchObject({ running: 1, waiting: 0, doneRatio: 0.81 })
    state.apply(eventAt(63, 'job.retry', { job: 'a', host: 'nas', reason: 'lost', attempt: 1, running: true }))
    expect(running()).toEqual([[], [{ stage: 'fetch', percent: null, isCopy: true }]])
    expect(state.totals(at(63))).toMatchObject({ running: 1, waiting: 0 })
    state.apply(done(70, 'a', '/a.mp4', 'mac'))
    expect(running()).toEqual([[], []])
    expect(state.totals(at(70))).toMatchObject({ running: 0, waiting: 0, done: 1, doneRatio: 1 })
  })

  it('knows a job whose source is there from one that is fetched, until it has its slot', () => {
    const state = stateAfter(
      started(1, 'a', '/a.mp4', 'nas'),
      progressed(2, 'a', 'nas', 99, 'fetch'),
      eventAt(3, 'job.progress', { ...WAITING, job: 'a', host: 'nas', attempt: 1 }),
    )
    expect(state.job('a')).toMatchObject({ stage: 'fetch', isWaiting: true, percent: null, etaSeconds: null })
    state.apply(eventAt(9, 'job.stage', { job: 'a', stage: 'encode', host: 'nas', attempt: 1 }))
    expect(state.job('a')).toMatchObject({ stage: 'encode', isWaiting: false })
  })

  it('forgets the numbers of a stage when the next begins', () => {
    const state = stateAfter(
      started(0, 'a', '/a.mp4', 'nas'),
      progressed(1, 'a', 'nas', 99, 'fetch'),
      eventAt(2, 'job.stage', { job: 'a', stage: 'encode' }),
    )
    expect(state.job('a')).toMatchObject({ stage: 'encode', percent: null, etaSeconds: null })
  })

  it('lets the ETA of a job go on between two reports', () => {
    const job = stateAfter(started(0, 'a', '/a.mp4', 'nas'), progressed(10, 'a', 'nas', 50)).job('a')
    expect(job === undefined ? undefined : currentEta(job, at(15))).toBe(180)
  })

  it('counts files that never became jobs as skipped, not as over', () => {
    const state = stateAfter(queued(0, 'a', '/a.mp4'), eventAt(0, 'job.skipped', { file: '/b.mp4', reason: 'Rule "small" says SKIP' }))
    expect(state.totals(at(0))).toMatchObject({ jobs: 1, over: 0, skipped: 1 })
  })

  it('ignores events of jobs it has never heard of', () => {
    const state = stateAfter(progressed(0, 'x', 'nas', 5), eventAt(0, 'job.stage', { job: 'x', stage: 'encode' }))
    expect(state.totals(at(0))).toMatchObject({ jobs: 0, running: 0 })
  })
})

describe('the part of the run that is done', () => {
  it('weighs jobs by the length of their sources', () => {
    const state = stateAfter(
      queuedWith('long', { duration_s: 9000, source_bytes: 1 }),
      queuedWith('short', { duration_s: 1000, source_bytes: 1 }),
      started(0, 'short', '/short.mp4', 'nas'),
      done(10, 'short', '/short.mp4', 'nas'),
    )
    expect(state.totals(at(10)).doneRatio).toBeCloseTo(0.1)
  })

  it('weighs by bytes when one length is unknown, and counts when one size is', () => {
    const long = queuedWith('long', { source_bytes: 3000 })
    const short = queuedWith('short', { duration_s: 1000, source_bytes: 1000 })
    const over = done(10, 'short', '/short.mp4', 'nas')
    expect(stateAfter(long, short, over).totals(at(10)).doneRatio).toBeCloseTo(0.25)
    expect(stateAfter(long, short, queuedWith('x', {}), queuedWith('y', {}), over).totals(at(10)).doneRatio).toBeCloseTo(0.25)
    expect(stateAfter(queuedWith('x', {}), short, over).totals(at(10)).doneRatio).toBeCloseTo(0.5)
  })

  it('adds what is done of the jobs under way', () => {
    const state = stateAfter(
      queued(0, 'a', '/a.mp4'),
      queued(0, 'b', '/b.mp4'),
      started(0, 'a', '/a.mp4', 'nas'),
      progressed(5, 'a', 'nas', 50),
    )
    expect(state.totals(at(5)).doneRatio).toBeCloseTo(0.25)
  })

  it('leaves out what was skipped or failed', () => {
    const state = stateAfter(
      queued(0, 'a', '/a.mp4'),
      queued(0, 'b', '/b.mp4'),
      queued(0, 'c', '/c.mp4'),
      failed(1, 'a', '/a.mp4', 'nas'),
      eventAt(2, 'job.skipped', { job: 'b', file: '/b.mp4', reason: 'saves too little' }),
    )
    expect(state.totals(at(2)).doneRatio).toBe(0)
    state.apply(done(3, 'c', '/c.mp4', 'nas'))
    expect(state.totals(at(3)).doneRatio).toBe(1)
  })
})

describe('the ETA of the run', () => {
  it('is there before the first job is done', () => {
    const state = stateAfter(
      queued(0, 'a', '/a.mp4'),
      queued(0, 'b', '/b.mp4'),
      started(100, 'a', '/a.mp4', 'nas'),
      progressed(200, 'a', 'nas', 50),
    )
    // A quarter in 100 s since the first job started.
    expect(state.totals(at(200)).etaSeconds).toBeCloseTo(300)
  })

  it('is not guessed from nothing', () => {
    const state = stateAfter(queued(0, 'a', '/a.mp4'), started(0, 'a', '/a.mp4', 'nas'))
    expect(state.totals(at(60)).etaSeconds).toBeNull()
    state.apply(progressed(61, 'a', 'nas', 0.01))
    expect(state.totals(at(61)).etaSeconds).toBeNull()
  })

  it('is never sooner than the slowest job under way', () => {
    const state = stateAfter(queued(0, 'a', '/a.mp4'), started(0, 'a', '/a.mp4', 'nas'), progressed(10, 'a', 'nas', 99))
    expect(state.totals(at(10)).etaSeconds).toBe(185)
  })

  it('is gone when the run is over', () => {
    const state = stateAfter(queued(0, 'a', '/a.mp4'), started(0, 'a', '/a.mp4', 'nas'), done(10, 'a', '/a.mp4', 'nas'))
    expect(state.totals(at(10)).etaSeconds).toBeNull()
  })
})

describe('a run of 10,000 jobs', () => {
  it('keeps what is under way, and counts and a few names of the rest', () => {
    const state = createRunState()
    for (let index = 0; index < 10_000; index += 1) {
      const job = `job-${index}`
      state.apply(queued(index, job, `/tv/${index}.mp4`))
      state.apply(started(index, job, `/tv/${index}.mp4`, 'nas'))
      state.apply(progressed(index, job, 'nas', 50))
      state.apply(index % 2 === 0 ? done(index, job, `/tv/${index}.mp4`, 'nas') : failed(index, job, `/tv/${index}.mp4`, 'nas'))
      state.apply(eventAt(index, 'warning', { message: `${index}` }))
    }
    expect(state.totals(at(10_000))).toMatchObject({ jobs: 10_000, over: 10_000, done: 5000, failed: 5000, running: 0, waiting: 0 })
    expect(state.hosts.flatMap((host) => host.running)).toEqual([])
    expect(state.recentlyDone.length).toBeLessThanOrEqual(10)
    expect(state.failures.length).toBeLessThanOrEqual(50)
    expect(state.warnings).toEqual(Array.from({ length: 10 }, (_, index) => `${9990 + index}`))
  })
})
