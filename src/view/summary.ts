/** The end of a run in a few dozen lines, however many files it had: what became of them, and why some did not. */

import type { ChalkInstance } from 'chalk'
import { toPlainLine } from '../core/text.ts'
import { formatBytes, formatDuration, savedPercent } from '../core/units.ts'
import type { EncodeEvent, EventOf } from '../model/events.ts'
import { countOf, describeHost, formatSaving } from './describe-event.ts'
import { fitText, fitTextRight, measureText, toFileLabel, toLabel } from './fit-text.ts'

export interface SummaryLimits {
  /** Of each kind at most so many are kept and shown. */
  readonly maxDone: number
  readonly maxSkipped: number
  readonly maxFailed: number
}

export interface Summary {
  apply(event: EncodeEvent): void
  /** Nothing to tell: no run was started. */
  readonly isEmpty: boolean
  report(): SummaryReport
}

export interface SummaryReport {
  /** In the order they were done; where there are too many, those that saved most. */
  readonly done: readonly EventOf<'job.done'>[]
  readonly skipped: readonly EventOf<'job.skipped'>[]
  readonly failed: readonly EventOf<'job.failed'>[]
  /** Hosts that are down or set aside, each with the reason that was told last. */
  readonly down: readonly EventOf<'host.down'>[]
  readonly counts: { readonly done: number; readonly skipped: number; readonly failed: number }
  readonly sourceBytes: number
  readonly outputBytes: number
  /** Undefined when the run was cut off before its end was told. */
  readonly seconds: number | undefined
  readonly exit: number | undefined
  /** Still queued, after a run that was drained. */
  readonly left: number
}

export interface RenderSummaryOptions {
  /** Level 0 = no colours. */
  readonly chalk: ChalkInstance
  /** Lines are laid out for so many columns; undefined = as wide as they are. */
  readonly columns?: number | undefined
}

const DEFAULT_LIMITS: SummaryLimits = { maxDone: 30, maxSkipped: 20, maxFailed: 50 }
const MAX_DOWN = 20
const NAME_COLUMNS = 60
const LEAST_NAME_COLUMNS = 12

export function createSummary(limits: SummaryLimits = DEFAULT_LIMITS): Summary {
  const done: EventOf<'job.done'>[] = []
  const skipped: EventOf<'job.skipped'>[] = []
  const failed: EventOf<'job.failed'>[] = []
  const down = new Map<string, EventOf<'host.down'>>()
  const counts = { done: 0, skipped: 0, failed: 0 }
  let sourceBytes = 0
  let outputBytes = 0
  let isStarted = false
  let finished: EventOf<'run.finished'> | undefined

  return {
    apply(event) {
      switch (event.event) {
        case 'run.started':
          isStarted = true
          break
        case 'host.up':
          down.delete(JSON.stringify([event.cluster, event.host]))
          break
        case 'host.down':
          down.set(JSON.stringify([event.cluster, event.host]), event)
          break
        case 'job.done':
          counts.done += 1
          sourceBytes += event.source_bytes
          outputBytes += event.output_bytes
          done.push(event)
          if (done.length > limits.maxDone) removeLeast(done)
          break
        case 'job.skipped':
          counts.skipped += 1
          if (skipped.length < limits.maxSkipped) skipped.push(event)
          break
        case 'job.failed':
          counts.failed += 1
          if (failed.length < limits.maxFailed) failed.push(event)
          break
        case 'run.finished':
          finished = event
          break
        default:
          break
      }
    },
    get isEmpty() {
      return !isStarted && finished === undefined && counts.done + counts.skipped + counts.failed === 0
    },
    report: () => ({
      done,
      skipped,
      failed,
      down: [...down.values()],
      counts: finished === undefined ? counts : { done: finished.done, skipped: finished.skipped, failed: finished.failed },
      sourceBytes: finished?.source_bytes ?? sourceBytes,
      outputBytes: finished?.output_bytes ?? outputBytes,
      seconds: finished?.seconds,
      exit: finished?.exit,
      left: finished?.left ?? 0,
    }),
  }
}

/** Lines without line ends; the last one is the totals. */
export function renderSummary(report: SummaryReport, options: RenderSummaryOptions): readonly string[] {
  const { chalk } = options
  const sections = [
    renderDone(report, options),
    renderSkipped(report, chalk),
    renderFailed(report, chalk),
    renderDown(report, chalk),
    renderTotals(report, options),
  ]
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
}

function renderDone(report: SummaryReport, { chalk, columns }: RenderSummaryOptions): readonly string[] {
  if (report.done.length === 0) return []
  const left = report.counts.done - report.done.length
  const heading = left > 0 ? `Done (the ${report.done.length} of ${report.counts.done} that saved most)` : 'Done'
  const rows = report.done.map((done) => ({
    name: toFileLabel(done.file),
    before: formatBytes(done.source_bytes),
    after: formatBytes(done.output_bytes),
    saving: formatSaving(done.saved_percent),
    time: formatDuration(done.seconds),
    host: toLabel(done.host),
    isSmaller: done.saved_percent > 0,
  }))
  const widest = (pick: (row: (typeof rows)[number]) => string): number => Math.max(...rows.map((row) => measureText(pick(row))))
  const before = widest((row) => row.before)
  const after = widest((row) => row.after)
  const saving = widest((row) => row.saving)
  const time = widest((row) => row.time)
  const host = widest((row) => row.host)
  const rest = before + after + saving + time + host + ' → '.length + 2 * 4 + 2
  const room = columns === undefined ? NAME_COLUMNS : Math.max(LEAST_NAME_COLUMNS, columns - rest)
  const name = Math.min(
    widest((row) => row.name),
    room,
  )
  const lines = rows.map((row) => {
    const colour = row.isSmaller ? chalk.green : chalk.yellow
    return [
      `  ${fitText(row.name, name, 'middle')}`,
      `${fitTextRight(row.before, before)} → ${fitTextRight(row.after, after)}`,
      colour(fitTextRight(row.saving, saving)),
      fitTextRight(row.time, time),
      row.host,
    ].join('  ')
  })
  return [chalk.bold(heading), ...lines, ...describeLeft(left, 'file', chalk)]
}

function renderSkipped(report: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (report.skipped.length === 0) return []
  const lines = report.skipped.map((skipped) => `  ${toFileLabel(skipped.file)}: ${toPlainLine(skipped.reason)}`)
  return [chalk.bold('Skipped'), ...lines, ...describeLeft(report.counts.skipped - lines.length, 'file', chalk)]
}

function renderFailed(report: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (report.failed.length === 0) return []
  const lines = report.failed.flatMap((failed) => [
    `  ${chalk.red(toLabel(failed.file))}${failed.host === null ? '' : ` on ${toLabel(failed.host)}`}: ${toPlainLine(failed.reason)}`,
    ...(failed.log === null ? [] : [chalk.dim(`    log: ${toLabel(failed.log)}`)]),
  ])
  return [chalk.bold.red('Failed'), ...lines, ...describeLeft(report.counts.failed - report.failed.length, 'file', chalk)]
}

function renderDown({ down }: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (down.length === 0) return []
  const lines = down
    .slice(0, MAX_DOWN)
    .map(({ host, cluster, reason }) => `  ${chalk.yellow(describeHost(host, cluster))}: ${toPlainLine(reason)}`)
  const left = down.length - lines.length
  return [chalk.bold('Hosts down'), ...lines, ...(left > 0 ? [chalk.dim(`  … and ${countOf(left, 'more host')}`)] : [])]
}

function renderTotals(report: SummaryReport, { chalk, columns }: RenderSummaryOptions): readonly string[] {
  const { counts, sourceBytes, outputBytes } = report
  const parts = [
    `${counts.done} done`,
    ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
    ...(counts.failed > 0 ? [chalk.red(`${counts.failed} failed`)] : []),
    ...(report.left > 0 ? [chalk.yellow(`${report.left} left for "encode resume"`)] : []),
  ]
  const saved = sourceBytes - outputBytes
  const sizes =
    sourceBytes > 0
      ? `${formatBytes(sourceBytes)} → ${formatBytes(outputBytes)}, ${saved >= 0 ? 'saved' : 'grew by'} ${formatBytes(Math.abs(saved))} (${formatSaving(savedPercent(sourceBytes, outputBytes))})`
      : ''
  const time = report.seconds === undefined ? '' : ` in ${formatDuration(report.seconds)}`
  const words = `${endWord(report, chalk)}: ${parts.join(', ')}${time}`
  if (sizes === '') return [words]
  const line = `${words}; ${sizes}`
  return columns !== undefined && measureText(line) > columns ? [words, sizes] : [line]
}

function endWord(report: SummaryReport, chalk: ChalkInstance): string {
  if (report.exit === 130 || report.exit === 143 || report.seconds === undefined) return chalk.yellow.bold('Interrupted')
  if (report.left > 0) return chalk.yellow.bold('Drained')
  return report.exit === 0 ? chalk.green.bold('Finished') : chalk.red.bold('Finished')
}

function describeLeft(count: number, noun: string, chalk: ChalkInstance): readonly string[] {
  return count > 0 ? [chalk.dim(`  … and ${countOf(count, `more ${noun}`)}: see \`encode history\``)] : []
}

/** Takes out the file that saved least. */
function removeLeast(done: EventOf<'job.done'>[]): void {
  let least = 0
  const savedBytes = (index: number): number => {
    const event = done[index]
    return event === undefined ? 0 : event.source_bytes - event.output_bytes
  }
  for (let index = 1; index < done.length; index += 1) if (savedBytes(index) < savedBytes(least)) least = index
  done.splice(least, 1)
}
