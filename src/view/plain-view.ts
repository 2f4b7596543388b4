/**
 * Plain lines for pipes, log files and `--plain`: what a person wants to find there later, at intervals that do not bury it.
 * A job's progress is told when 10 s have passed and 10 % were gained since it was told last.
 */

import type { Writable } from 'node:stream'
import { Chalk, type ChalkInstance } from 'chalk'
import { toPlainLine } from '../core/text.ts'
import { formatDuration } from '../core/units.ts'
import type { EncodeEvent, EventOf, Stage, View } from '../model/events.ts'
import { createAttemptMap } from './attempt-map.ts'
import { countOf, describeFacts, describeHost, describeProgress, describeResult } from './describe-event.ts'
import { createLineOutput } from './line-output.ts'
import { createSummary } from './summary.ts'
import { toFileLabel, toLabel } from './to-label.ts'

/** `quiet`: failures, warnings and the summary. `verbose`: every event but the frequent ones, whole paths. */
export type Verbosity = 'quiet' | 'normal' | 'verbose'

/** `clock`: local hh:mm:ss. `elapsed`: since the first event. */
export type TimeStyle = 'clock' | 'elapsed' | 'none'

export interface PlainViewOptions {
  readonly stdout: Writable
  readonly verbosity?: Verbosity
  readonly times?: TimeStyle
  /** Without it: no colours. */
  readonly chalk?: ChalkInstance
  /** Told once, when the reader has gone. */
  readonly onClosed?: ((error: Error | undefined) => void) | undefined
  /** Ends the wait of `close` for a reader that is stuck. */
  readonly giveUp?: AbortSignal | undefined
}

interface JobLine {
  /** By which lines of its progress may take each other's place. */
  readonly key: string
  readonly file: string
  readonly host: string
  stage: Stage | undefined
  stageSinceMs: number
  toldMs: number
  toldPercent: number
}

const TELL_MS = 10_000
const TELL_PERCENT = 10
/** Where no percentage is known, time alone decides. */
const TELL_WITHOUT_PERCENT_MS = 60_000
const MAX_PENDING_LENGTH = 1_000_000

export function createPlainView(options: PlainViewOptions): View {
  const { verbosity = 'normal', times = 'clock', chalk = new Chalk({ level: 0 }) } = options
  const output = createLineOutput(options.stdout, {
    maxPendingLength: MAX_PENDING_LENGTH,
    describeDropped: (count) => `… ${countOf(count, 'line')} left out: the reader was too slow`,
    onClosed: options.onClosed,
    giveUp: options.giveUp,
  })
  const jobs = createAttemptMap<JobLine>()
  const summary = createSummary()
  const isVerbose = verbosity === 'verbose'
  let firstMs: number | undefined
  let printing: Promise<void> | undefined

  const nameFile = isVerbose ? toLabel : toFileLabel

  function tell(event: EncodeEvent, text: string, key?: string): void {
    output.write(`${chalk.dim(formatTime(event))}${text}`, key)
  }

  function formatTime(event: EncodeEvent): string {
    const atMs = Date.parse(event.time)
    firstMs ??= atMs
    if (times === 'none') return ''
    if (times === 'clock') return `${new Date(atMs).toTimeString().slice(0, 8)} `
    return `${formatDuration((atMs - firstMs) / 1000).padStart(7)} `
  }

  function tellStageEnd(event: EncodeEvent, job: JobLine): void {
    const seconds = (Date.parse(event.time) - job.stageSinceMs) / 1000
    // How long the encode took is in the line of the result.
    if (job.stage === undefined || job.stage === 'encode' || seconds * 1000 < TELL_MS || isVerbose) return
    tell(event, `${job.host}: ${job.file}: ${job.stage} took ${formatDuration(seconds)}`)
  }

  function start(event: EventOf<'job.started'>): void {
    const atMs = Date.parse(event.time)
    const job = {
      key: `${event.job} ${event.attempt}`,
      file: nameFile(event.file),
      host: toLabel(event.host),
      stage: undefined,
      stageSinceMs: atMs,
      toldMs: atMs,
      toldPercent: 0,
    }
    jobs.set(event.job, event.attempt, job)
    const again = event.copy === true ? ' here, too' : ''
    tell(event, `${job.host}: ${job.file}: started${again}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`)
  }

  function enterStage(event: EventOf<'job.stage'> | EventOf<'job.progress'>): void {
    const job = jobs.get(event.job, event.attempt)
    if (job === undefined || job.stage === event.stage) return
    tellStageEnd(event, job)
    const atMs = Date.parse(event.time)
    Object.assign(job, { stage: event.stage, stageSinceMs: atMs, toldMs: atMs, toldPercent: 0 })
    if (isVerbose) tell(event, `${job.host}: ${job.file}: ${event.stage}`)
  }

  function progress(event: EventOf<'job.progress'>): void {
    enterStage(event)
    const job = jobs.get(event.job, event.attempt)
    if (job === undefined) return
    if (event.waiting === true) {
      tellStageEnd(event, job)
      job.stage = undefined
      if (isVerbose) tell(event, `${job.host}: ${job.file}: waits for a slot`)
      return
    }
    const atMs = Date.parse(event.time)
    const isDue =
      event.percent === null
        ? atMs - job.toldMs >= TELL_WITHOUT_PERCENT_MS
        : atMs - job.toldMs >= TELL_MS && event.percent - job.toldPercent >= TELL_PERCENT
    if (!isDue) return
    job.toldMs = atMs
    job.toldPercent = event.percent ?? job.toldPercent
    tell(event, `${job.host}: ${job.file}: ${describeProgress(event)}`, job.key)
  }

  /** Without a number: every attempt at the job. */
  function leave(event: EncodeEvent, id: string | undefined, attempt?: number): void {
    if (id === undefined) return
    for (const job of jobs.take(id, attempt)) {
      tellStageEnd(event, job)
      output.forget(job.key)
    }
  }

  function tellAll(event: EncodeEvent): void {
    switch (event.event) {
      case 'run.started':
        tell(
          event,
          `${event.files === undefined ? countOf(event.jobs, 'job') : countOf(event.files, 'file')}${event.clusters.length === 0 ? '' : ` on ${event.clusters.map(toLabel).join(', ')}`}`,
        )
        break
      case 'host.up':
        tell(event, `${describeHost(event.host, event.cluster)} is up: ${describeFacts(event)}`)
        break
      case 'host.draining':
        tell(
          event,
          `${describeHost(event.host, event.cluster)} is draining: ${toPlainLine(event.reason)}; it finishes ${countOf(event.jobs, 'job')}`,
        )
        break
      case 'job.queued':
        if (isVerbose) tell(event, `${toLabel(event.file)}: queued with profile ${toLabel(event.profile)} in queue ${toLabel(event.queue)}`)
        break
      case 'job.started':
        start(event)
        break
      case 'job.stage':
        enterStage(event)
        break
      case 'job.progress':
        progress(event)
        break
      case 'job.retry': {
        const file = jobs.get(event.job, event.attempt)?.file ?? toLabel(event.job)
        const outlook = event.running === true ? 'goes on elsewhere' : 'will be tried again'
        leave(event, event.job, event.attempt)
        tell(event, `${toLabel(event.host)}: ${file}: ${chalk.yellow(outlook)}: ${toPlainLine(event.reason)}`)
        break
      }
      case 'job.done':
        leave(event, event.job)
        tell(
          event,
          `${toLabel(event.host)}: ${nameFile(event.file)}: ${chalk.green('done')}: ${describeResult(event)}, in ${formatDuration(event.seconds)}`,
        )
        break
      case 'job.skipped':
        leave(event, event.job)
        tell(event, `${nameFile(event.file)}: skipped: ${toPlainLine(event.reason)}`)
        break
      default:
        tellBad(event)
    }
  }

  /** What is told even when asked to be quiet. */
  function tellBad(event: EncodeEvent): void {
    switch (event.event) {
      case 'host.down':
        tell(event, `${describeHost(event.host, event.cluster)} is ${chalk.red('down')}: ${toPlainLine(event.reason)}`)
        break
      case 'job.failed':
        leave(event, event.job)
        tell(
          event,
          `${event.host === null ? '' : `${toLabel(event.host)}: `}${nameFile(event.file)}: ${chalk.red('failed')}: ${toPlainLine(event.reason)}${event.log === null ? '' : ` (log: ${toLabel(event.log)})`}`,
        )
        break
      case 'warning':
        tell(event, `${chalk.yellow('warning')}: ${toPlainLine(event.message)}`)
        break
      default:
        break
    }
  }

  async function printSummary(): Promise<void> {
    if (summary.isEmpty) return
    // Wide characters are measured there, and nowhere before.
    const { renderSummary } = await import('./render-summary.ts')
    if (verbosity !== 'quiet') output.write('')
    for (const line of renderSummary(summary.report(), { chalk })) output.write(line)
  }

  function beginSummary(): Promise<void> {
    printing ??= printSummary()
    printing.catch(() => {}) // told to whoever closes
    return printing
  }

  return {
    handle(event) {
      if (output.isClosed) return
      summary.apply(event)
      if (verbosity === 'quiet') tellBad(event)
      else tellAll(event)
      if (event.event === 'run.finished') void beginSummary()
    },
    async close() {
      await beginSummary()
      await output.close()
    },
  }
}
