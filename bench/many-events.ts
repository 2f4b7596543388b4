/**
 * What a view holds: the events of very many jobs, as fast as it takes them, and no run behind them.
 *
 *     node --expose-gc bench/many-events.ts [--jobs 10000] [--view plain|json|live|stuck-plain|stuck-json]
 */

import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/clock.ts'
import { STAGES } from '../src/model/events.ts'
import { createBroadcast } from '../src/view/broadcast.ts'
import { collectGarbage, measure, readPeakBytes } from './measure.ts'
import { openView } from './open-view.ts'

const AT_ONCE = 100
const REPORTS = 20

const { values } = parseArgs({ options: { jobs: { type: 'string', default: '10000' }, view: { type: 'string', default: 'plain' } } })
const jobs = Number(values.jobs)

const { view, close } = await openView(values.view)
collectGarbage()
const before = measure()
const broadcast = createBroadcast([view], { clock: systemClock })
const { emit } = broadcast
let events = 0

function tell(...[name, fields]: Parameters<typeof emit>): void {
  events += 1
  emit(name, fields)
}

const fileOf = (number: number): string => `/srv/films/Season ${number % 100}/Episode ${number} of a series with a rather long name.mkv`
tell('run.started', { jobs, clusters: ['farm'] })
for (let host = 0; host < AT_ONCE; host += 1) {
  const facts = { os: 'linux', ffmpeg: '7.1', encoders: ['libx265'], free_bytes: 1e12 }
  tell('host.up', { cluster: 'farm', host: `host${host}`, ...facts })
}
for (let number = 0; number < jobs; number += 1) {
  const sizes = { source_bytes: 4e9, duration_s: 5400 }
  tell('job.queued', { job: `run-${number}`, file: fileOf(number), cluster: 'farm', profile: 'hevc', queue: '_default', ...sizes })
}
for (let from = 0; from < jobs; from += AT_ONCE) {
  const batch = Array.from({ length: Math.min(AT_ONCE, jobs - from) }, (_, index) => from + index)
  for (const number of batch)
    tell('job.started', { job: `run-${number}`, file: fileOf(number), host: `host${number % AT_ONCE}`, attempt: 1 })
  for (const stage of STAGES) for (const number of batch) tell('job.stage', { job: `run-${number}`, stage })
  for (let report = 1; report <= REPORTS; report += 1) {
    for (const number of batch) {
      const progress = { percent: (report * 100) / REPORTS, fps: 75, speed: 3, eta_s: 100, size_bytes: 1e9, saved_percent: 50 }
      tell('job.progress', { job: `run-${number}`, host: `host${number % AT_ONCE}`, stage: 'encode', ...progress })
    }
    // A terminal or a file gets its turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const number of batch) {
    const result = { output: fileOf(number), seconds: 1800, source_bytes: 4e9, output_bytes: 2e9, saved_percent: 50 }
    tell('job.done', { job: `run-${number}`, file: fileOf(number), host: `host${number % AT_ONCE}`, ...result })
  }
}
collectGarbage()
const heldBytes = measure().heapBytes - before.heapBytes
await close(broadcast.close)
process.stdout.write(
  `${values.view}: ${events} events, ${(heldBytes / 1e6).toFixed(1)} MB held at their end, at most ${(readPeakBytes() / 1e6).toFixed(1)} MB resident\n`,
)
