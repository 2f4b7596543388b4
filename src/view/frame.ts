/** The state of a run → the lines of a terminal of a given size. Pure: the same state, size and time give the same lines. */

import type { ChalkInstance } from 'chalk'
import type { Figures } from 'listr2'
import { toPlainLine } from '../core/text.ts'
import { formatBytes, formatDuration } from '../core/units.ts'
import { countOf, describeHost, formatSaving } from './describe-event.ts'
import { cutText, measureText } from './fit-text.ts'
import type { HostState } from './host-states.ts'
import { type JobLineOptions, renderBar, renderJobLine } from './job-line.ts'
import type { RunState, Totals } from './run-state.ts'
import type { RunningJob } from './running-job.ts'
import { toFileLabel, toLabel } from './to-label.ts'

export interface FrameOptions {
  readonly columns: number
  readonly rows: number
  readonly nowMs: number
  /** One character that changes from frame to frame. */
  readonly spinner: string
  readonly figures: Figures
  readonly chalk: ChalkInstance
}

/** From so few rows on, every one goes to jobs: no headings, no totals in two lines. */
const TINY_ROWS = 8
const MOST_FAILURES = 5
const MOST_WARNINGS = 2
const MOST_DONE = 3
const BAR_COLUMNS = 30
const NARROW_COLUMNS = 30

/** At most `rows - 1` lines (one stays free, so that nothing scrolls), each at most `columns - 1` wide. */
export function renderFrame(state: RunState, options: FrameOptions): readonly string[] {
  const columns = Math.max(1, options.columns - 1)
  const available = Math.max(1, options.rows - 1)
  const totals = state.totals(options.nowMs)
  if (totals.jobs === 0 && state.hosts.length === 0 && state.warningCount === 0) return [cutText(`${options.spinner} Preparing`, columns)]
  const isRoomy = available >= TINY_ROWS && columns >= NARROW_COLUMNS
  const totalLines = isRoomy ? renderTotals(state, totals, columns, options) : [renderTinyTotals(totals, columns, options)]

  // What is left out first when rows are few: done work, warnings, most failures, then jobs.
  let left = available - totalLines.length
  const keptForFailures = left > 1 ? Math.min(totals.failed, Math.max(1, Math.floor(available / 6))) : 0
  const jobLines = renderHosts(state.hosts, columns, left - keptForFailures, options)
  left -= jobLines.length
  const failureLines = renderFailures(state, totals, columns, Math.min(left, MOST_FAILURES), options)
  left -= failureLines.length
  const warningLines = renderWarnings(state, columns, Math.min(left, MOST_WARNINGS), options)
  left -= warningLines.length
  const doneLines = renderDone(state, totals, columns, Math.min(left, MOST_DONE + 1), options)

  return [...jobLines, ...doneLines, ...warningLines, ...failureLines, ...totalLines]
}

function renderTinyTotals(totals: Totals, columns: number, { chalk }: FrameOptions): string {
  return chalk.bold(cutText(joinWhatFits([toPercent(totals), `${totals.over}/${totals.jobs}`, toEta(totals)], ' ', columns), columns))
}

function renderTotals(state: RunState, totals: Totals, columns: number, options: FrameOptions): readonly string[] {
  const { chalk, spinner } = options
  const counts = joinWhatFits(
    [
      `${totals.over}/${countOf(totals.jobs, 'file')}`,
      describeUnderWay(state, totals),
      totals.failed > 0 ? `${totals.failed} failed` : undefined,
      totals.skipped > 0 ? `${totals.skipped} skipped` : undefined,
      totals.sourceBytes > 0
        ? `${formatBytes(totals.sourceBytes)} ${options.figures.arrowRight} ${formatBytes(totals.outputBytes)} (${formatSaving(totals.savedPercent)})`
        : undefined,
    ],
    ', ',
    columns - 2,
  )
  const times = joinWhatFits(
    [toPercent(totals).padStart(4), toEta(totals), `${formatDuration(totals.elapsedSeconds)} so far`],
    '  ',
    columns - 2,
  )
  const barColumns = Math.min(BAR_COLUMNS, columns - 2 - times.length - 1)
  const bar = barColumns >= 5 ? `${renderBar(totals.doneRatio, barColumns, chalk)} ` : ''
  return [chalk.bold(cutText(`${spinner} ${counts}`, columns)), `  ${bar}${cutText(times, columns - 2)}`]
}

function toPercent({ doneRatio }: Totals): string {
  return `${Math.floor(doneRatio * 100)}%`
}

function toEta({ etaSeconds }: Totals): string | undefined {
  return etaSeconds === null ? undefined : `ETA ${formatDuration(etaSeconds)}`
}

/** `9 running (4 encoding)`: the others fetch their sources, wait for a slot or bring their results back. */
function describeUnderWay({ hosts, clusters }: RunState, { over, jobs, running }: Totals): string | undefined {
  // A host that does not answer is waited for, maybe for long.
  if (hosts.length === 0 && over < jobs) return `connecting${clusters.length === 0 ? '' : ` to ${clusters.map(toLabel).join(', ')}`}`
  if (running === 0) return undefined
  const encodes = hosts.flatMap((host) => host.running).filter((job) => describeDoing(job) === 'encoding')
  const encoding = new Set(encodes.map(({ job }) => job)).size
  return `${running} running${encoding === running ? '' : ` (${encoding} encoding)`}`
}

/** A section a host, a line a job; what does not fit is counted in one last line. */
function renderHosts(hosts: readonly HostState[], columns: number, budget: number, options: FrameOptions): readonly string[] {
  if (budget < 1) return []
  const jobCount = hosts.reduce((sum, host) => sum + host.running.length, 0)
  const busy = hosts.filter((host) => host.running.length > 0)
  const idle = hosts.filter((host) => host.running.length === 0)

  if (options.rows <= TINY_ROWS || busy.length * 2 > budget) return renderFlat(hosts, busy, columns, budget, options)

  const hasRoomForAll = busy.length + jobCount + idle.length <= budget
  const idleShown = hasRoomForAll ? idle : idle.slice(0, Math.max(0, budget - busy.length - jobCount))
  // One line says how many jobs are not shown.
  const shown = shareOut(busy, budget - busy.length - idleShown.length, jobCount)
  const lines = [...busy, ...idleShown].flatMap((host) => [
    renderHostLine(host, columns, options),
    ...selectJobs(host.running, shown.get(host) ?? 0).map((job) => renderJobLine(job, toJobLineOptions(columns, options))),
  ])
  const hidden = jobCount - [...shown.values()].reduce((sum, count) => sum + count, 0)
  return hidden > 0 ? [...lines, renderMore(hidden, columns, options)] : lines
}

/** For few rows: jobs without headings, one after the other. */
function renderFlat(
  hosts: readonly HostState[],
  busy: readonly HostState[],
  columns: number,
  budget: number,
  options: FrameOptions,
): readonly string[] {
  const jobs = interleave(busy.map((host) => byWeight(host.running)))
  if (jobs.length === 0) return hosts.slice(0, budget).map((host) => renderHostLine(host, columns, options))
  const isCut = jobs.length > budget
  // In a single line, a job says more than a count.
  const count = isCut && budget > 1 ? budget - 1 : budget
  const lines = jobs
    .slice(0, count)
    .map((job) => renderJobLine(job, toJobLineOptions(columns, options, busy.length > 1 && columns >= NARROW_COLUMNS)))
  return isCut && budget > 1 ? [...lines, renderMore(jobs.length - count, columns, options)] : lines
}

/** Each host its first job, then each its second, until the room is used up. */
function shareOut(hosts: readonly HostState[], room: number, jobCount: number): ReadonlyMap<HostState, number> {
  const shown = new Map<HostState, number>()
  let left = jobCount > room ? room - 1 : jobCount
  for (let depth = 1; left > 0; depth += 1) {
    for (const host of hosts) {
      if (left === 0 || host.running.length < depth) continue
      shown.set(host, depth)
      left -= 1
    }
  }
  return shown
}

function interleave(lists: readonly (readonly RunningJob[])[]): readonly RunningJob[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, depth) => lists.flatMap((list) => list[depth] ?? [])).flat()
}

/** As many as there is room for: encodes first, what only waits last; in the order they started. */
function selectJobs(running: readonly RunningJob[], count: number): readonly RunningJob[] {
  if (count >= running.length) return running
  const chosen = new Set(byWeight(running).slice(0, count))
  return running.filter((job) => chosen.has(job))
}

function byWeight(running: readonly RunningJob[]): readonly RunningJob[] {
  return [...running].sort((a, b) => toRank(a) - toRank(b))
}

function toRank({ stage, isWaiting }: RunningJob): number {
  if (isWaiting) return 3
  return stage === 'encode' ? 0 : stage === 'fetch' ? 2 : 1
}

/** `3 running`; before it, where they are not all at the same, `1 encoding, 1 fetching, 1 finishing`. The first that fits is shown. */
function describeRunning(running: readonly RunningJob[]): readonly string[] {
  const total = `${running.length} running`
  const doing = running.map(describeDoing)
  if (doing.every((own) => own === 'starting' || own === 'encoding')) return [total]
  const kinds = DOING.flatMap((kind) => {
    const count = doing.filter((own) => own === kind).length
    return count === 0 ? [] : [`${count} ${kind}`]
  })
  return [kinds.join(', '), total]
}

const DOING = ['encoding', 'starting', 'fetching', 'waiting', 'finishing'] as const

function describeDoing({ stage, isWaiting }: RunningJob): (typeof DOING)[number] {
  if (isWaiting) return 'waiting'
  if (stage === undefined) return 'starting'
  return stage === 'encode' ? 'encoding' : stage === 'fetch' ? 'fetching' : 'finishing'
}

function renderHostLine(host: HostState, columns: number, { chalk, figures }: FrameOptions): string {
  const name = describeHost(host.name, host.cluster)
  if (host.downReason !== undefined) {
    return chalk.red(cutText(`${figures.cross} ${name}: ${toPlainLine(host.downReason)}`, columns))
  }
  const draining = host.drainingReason === undefined ? '' : 'draining, '
  const done = host.doneCount > 0 ? `, ${host.doneCount} done` : ''
  const room = columns - measureText(name) - 2
  const counts = (host.running.length > 0 ? describeRunning(host.running) : ['idle'])
    .map((doing) => `${draining}${doing}${done}`)
    .find((text) => text.length <= room)
  const shownName = chalk.bold(cutText(name, columns))
  return counts === undefined ? shownName : `${shownName}  ${chalk.dim(counts)}`
}

function renderFailures(
  state: RunState,
  totals: Totals,
  columns: number,
  budget: number,
  { chalk, figures }: FrameOptions,
): readonly string[] {
  if (budget < 1 || totals.failed === 0) return []
  if (budget === 1 && totals.failed > 1) return [chalk.red(cutText(`${figures.cross} ${totals.failed} failed`, columns))]
  const isCut = totals.failed > budget
  const lines = state.failures
    .slice(0, isCut ? budget - 1 : budget)
    .map((failed) => chalk.red(cutText(`${figures.cross} ${toFileLabel(failed.file)}: ${toPlainLine(failed.reason)}`, columns)))
  return isCut ? [...lines, chalk.red(cutText(`${figures.cross} … and ${totals.failed - lines.length} more failed`, columns))] : lines
}

function renderWarnings(state: RunState, columns: number, budget: number, { chalk, figures }: FrameOptions): readonly string[] {
  if (budget < 1) return []
  return state.warnings.slice(-budget).map((warning) => chalk.yellow(cutText(`${figures.warning} ${toPlainLine(warning)}`, columns)))
}

function renderDone(state: RunState, totals: Totals, columns: number, budget: number, options: FrameOptions): readonly string[] {
  const { chalk, figures } = options
  if (budget < 1 || totals.done === 0) return []
  const isFolded = totals.done > budget
  const recent = state.recentlyDone.slice(-(isFolded ? budget - 1 : budget) || state.recentlyDone.length)
  const lines = recent.map((done) => {
    const result = ` ${formatBytes(done.source_bytes)} ${figures.arrowRight} ${formatBytes(done.output_bytes)} (${formatSaving(done.saved_percent)})`
    const name = cutText(toFileLabel(done.file), Math.max(8, columns - 2 - result.length), 'middle')
    return chalk.dim(cutText(`${figures.tick} ${name}${result}`, columns))
  })
  if (!isFolded) return lines
  const earlier = totals.done - (budget > 1 ? lines.length : 0)
  const folded = chalk.dim(cutText(`${figures.tick} ${countOf(earlier, 'file')} done${budget > 1 ? ' before' : ''}`, columns))
  return budget > 1 ? [folded, ...lines] : [folded]
}

function renderMore(count: number, columns: number, { chalk }: FrameOptions): string {
  return chalk.dim(cutText(columns < NARROW_COLUMNS ? `… ${count} more` : `  … and ${count} more`, columns))
}

function toJobLineOptions(columns: number, options: FrameOptions, withHost = false): JobLineOptions {
  return { columns, nowMs: options.nowMs, spinner: options.spinner, chalk: options.chalk, withHost }
}

/** The first part always, of the others as many as fit. */
function joinWhatFits(parts: readonly (string | undefined)[], separator: string, columns: number): string {
  let joined = ''
  for (const part of parts) {
    if (part === undefined) continue
    const longer = joined === '' ? part : `${joined}${separator}${part}`
    if (joined !== '' && longer.length > columns) break
    joined = longer
  }
  return joined
}
