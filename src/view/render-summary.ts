/** The end of a run in a few dozen lines, however many files it had: what became of them, and why some did not. */

import type { ChalkInstance } from 'chalk'
import { toPlainLine } from '../core/text.ts'
import { formatBytes, formatDuration, savedPercent } from '../core/units.ts'
import { countOf, describeHost, formatSaving } from './describe-event.ts'
import { fitText, fitTextRight, measureText } from './fit-text.ts'
import type { FailedGroup, SummaryReport } from './summary.ts'
import { toFileLabel, toLabel } from './to-label.ts'
import { wrapWords } from './wrap-words.ts'

export interface RenderSummaryOptions {
  /** Level 0 = no colours. */
  readonly chalk: ChalkInstance
  /** Lines are laid out for so many columns; undefined = as wide as they are. */
  readonly columns?: number | undefined
  /** Where they have not been left standing above. */
  readonly withWarnings?: boolean
}

const MAX_DOWN = 20
const NAME_COLUMNS = 60
const LEAST_NAME_COLUMNS = 10
const INDENT = 4

/** Lines without line ends; the last one is the totals. */
export function renderSummary(report: SummaryReport, options: RenderSummaryOptions): readonly string[] {
  const { chalk, columns = Number.POSITIVE_INFINITY } = options
  const wrap = (lines: readonly string[]): readonly string[] => lines.flatMap((line) => wrapWords(line, columns, INDENT))
  const sections = [
    renderDone(report, options),
    wrap(renderSkipped(report, chalk)),
    wrap(options.withWarnings === true ? renderWarnings(report, chalk) : []),
    wrap(renderFailed(report, chalk)),
    wrap(renderDown(report, chalk)),
    wrap(renderTotals(report, options)),
  ]
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
}

function renderDone(report: SummaryReport, { chalk, columns }: RenderSummaryOptions): readonly string[] {
  if (report.done.length === 0) return []
  const left = report.counts.done - report.done.length
  const heading = left > 0 ? `Done (the ${report.done.length} of ${report.counts.done} that saved most)` : 'Done'
  const rows = report.done.map(
    (done): DoneRow => ({
      name: toFileLabel(done.file),
      before: formatBytes(done.source_bytes),
      after: formatBytes(done.output_bytes),
      saving: formatSaving(done.saved_percent),
      time: formatDuration(done.seconds),
      host: toLabel(done.host),
      isSmaller: done.saved_percent > 0,
    }),
  )
  const widest = (pick: (row: (typeof rows)[number]) => string): number => Math.max(...rows.map((row) => measureText(pick(row))))
  const before = widest((row) => row.before)
  const after = widest((row) => row.after)
  const saving = widest((row) => row.saving)
  const time = widest((row) => row.time)
  const host = widest((row) => row.host)
  const figures: readonly Figure[] = [
    { columns: before + 3 + after, render: (row) => `${fitTextRight(row.before, before)} → ${fitTextRight(row.after, after)}`, rank: 2 },
    { columns: saving, render: (row) => (row.isSmaller ? chalk.green : chalk.yellow)(fitTextRight(row.saving, saving)), rank: 1 },
    { columns: time, render: (row) => fitTextRight(row.time, time), rank: 4 },
    { columns: host, render: (row) => row.host, rank: 3 },
  ]
  const shown = selectFigures(figures, (columns ?? Number.POSITIVE_INFINITY) - 2 - LEAST_NAME_COLUMNS)
  const room = columns === undefined ? NAME_COLUMNS : Math.max(LEAST_NAME_COLUMNS, columns - 2 - widthOf(shown))
  const name = Math.min(
    widest((row) => row.name),
    room,
  )
  const lines = rows.map((row) => [`  ${fitText(row.name, name, 'middle')}`, ...shown.map(({ render }) => render(row))].join('  '))
  return [chalk.bold(heading), ...lines, ...describeLeft(left, 'file', chalk)]
}

function renderSkipped(report: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (report.skipped.length === 0) return []
  const lines = report.skipped.map((skipped) => `  ${toFileLabel(skipped.file)}: ${toPlainLine(skipped.reason)}`)
  return [chalk.bold('Skipped'), ...lines, ...describeLeft(report.counts.skipped - lines.length, 'file', chalk)]
}

function renderWarnings({ warnings, warningCount }: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (warningCount === 0) return []
  const lines = warnings.map((warning) => `  ${toPlainLine(warning)}`)
  const left = warningCount - lines.length
  return [chalk.bold.yellow('Warnings'), ...lines, ...(left > 0 ? [chalk.dim(`  … and ${countOf(left, 'more warning')}`)] : [])]
}

function renderFailed(report: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (report.failed.length === 0) return []
  const lines = report.failed.flatMap((group) => renderGroup(group, chalk))
  const left = report.counts.failed - report.failed.reduce((sum, { count }) => sum + count, 0)
  return [chalk.bold.red('Failed'), ...lines, ...describeLeft(left, 'file', chalk)]
}

/** What many files failed of is told once. */
function renderGroup({ files, count }: FailedGroup, chalk: ChalkInstance): readonly string[] {
  const [first] = files
  if (first === undefined) return []
  const where = first.host === null ? '' : ` on ${toLabel(first.host)}`
  const log = first.log === null ? [] : [chalk.dim(`    log: ${toLabel(first.log)}`)]
  if (count === 1) return [`  ${chalk.red(toLabel(first.file))}${where}: ${toPlainLine(first.reason)}`, ...log]
  return [
    `  ${chalk.red(countOf(count, 'file'))}${where}: ${toPlainLine(first.reason)}`,
    ...files.map(({ file }) => `    ${toLabel(file)}`),
    ...describeLeft(count - files.length, 'file', chalk).map((line) => `  ${line}`),
    ...log,
  ]
}

function renderDown({ down }: SummaryReport, chalk: ChalkInstance): readonly string[] {
  if (down.length === 0) return []
  const lines = down
    .slice(0, MAX_DOWN)
    .map(({ host, cluster, reason }) => `  ${chalk.yellow(describeHost(host, cluster))}: ${toPlainLine(reason)}`)
  const left = down.length - lines.length
  return [chalk.bold('Hosts down'), ...lines, ...(left > 0 ? [chalk.dim(`  … and ${countOf(left, 'more host')}`)] : [])]
}

function renderTotals(report: SummaryReport, { chalk, columns = Number.POSITIVE_INFINITY }: RenderSummaryOptions): readonly string[] {
  const { counts, sourceBytes, outputBytes, left, untouched } = report
  const isNothing = counts.done + counts.skipped + counts.failed + left === 0 && report.exit === 0
  const parts = [
    `${counts.done} done`,
    ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
    ...(counts.failed > 0 ? [chalk.red(`${counts.failed} failed`)] : []),
    ...(left > 0 ? [chalk.yellow(`${left} left for "encode resume"`)] : []),
    ...(untouched > 0 && isInterrupted(report) ? [chalk.yellow(`${untouched} left as ${untouched === 1 ? 'it was' : 'they were'}`)] : []),
  ]
  const time = report.seconds === undefined ? '' : formatDuration(report.seconds)
  const end = `${endWord(report, chalk)}${isInterrupted(report) && time !== '' ? ` after ${time}` : ''}`
  const what = isNothing ? 'there was nothing to do' : `${parts.join(', ')}${isInterrupted(report) || time === '' ? '' : ` in ${time}`}`
  const words = `${end}: ${what}`
  if (sourceBytes === 0) return [words]
  const saved = sourceBytes - outputBytes
  const saving = formatSaving(savedPercent(sourceBytes, outputBytes))
  const sizes = `${formatBytes(sourceBytes)} → ${formatBytes(outputBytes)}`
  const all = `${sizes}, ${saved >= 0 ? 'saved' : 'grew by'} ${formatBytes(Math.abs(saved))} (${saving})`
  const line = `${words}; ${all}`
  if (measureText(line) <= columns) return [line]
  return [words, measureText(all) <= columns ? all : `${sizes} (${saving})`]
}

function endWord(report: SummaryReport, chalk: ChalkInstance): string {
  if (isInterrupted(report)) return chalk.yellow.bold('Interrupted')
  if (report.left > 0) return chalk.yellow.bold('Drained')
  return report.exit === 0 ? chalk.green.bold('Finished') : chalk.red.bold('Finished')
}

/** By a signal, or cut off before its end was told. */
function isInterrupted({ exit, seconds }: SummaryReport): boolean {
  return seconds === undefined || (exit ?? 0) > 128
}

function describeLeft(count: number, noun: string, chalk: ChalkInstance): readonly string[] {
  return count > 0 ? [chalk.dim(`  … and ${countOf(count, `more ${noun}`)}: see \`encode history\``)] : []
}

interface DoneRow {
  readonly name: string
  readonly before: string
  readonly after: string
  readonly saving: string
  readonly time: string
  readonly host: string
  readonly isSmaller: boolean
}

interface Figure {
  readonly columns: number
  /** The lowest stays longest. */
  readonly rank: number
  render(row: DoneRow): string
}

/** As many as fit, in their order. */
function selectFigures(figures: readonly Figure[], room: number): readonly Figure[] {
  if (widthOf(figures) <= room) return figures
  const last = Math.max(...figures.map(({ rank }) => rank))
  return selectFigures(
    figures.filter(({ rank }) => rank !== last),
    room,
  )
}

function widthOf(figures: readonly Figure[]): number {
  return figures.reduce((sum, { columns }) => sum + columns + 2, 0)
}
