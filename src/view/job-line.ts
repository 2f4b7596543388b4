/** One running job on one line: the name takes what the numbers leave, and numbers give way when the line is short. */

import type { ChalkInstance } from 'chalk'
import { formatDuration } from '../core/units.ts'
import { formatFps, formatSpeed } from './describe-event.ts'
import { cutText, fitText, fitTextRight, measureText } from './fit-text.ts'
import { currentEta, type RunningJob } from './running-job.ts'
import { toFileLabel, toLabel } from './to-label.ts'

export interface JobLineOptions {
  readonly columns: number
  readonly nowMs: number
  readonly spinner: string
  readonly chalk: ChalkInstance
  /** Where no heading above says it. */
  readonly withHost: boolean
}

interface Column {
  readonly columns: number
  /** The lowest stays longest. */
  readonly rank: number
  render(): string
}

const BAR_COLUMNS = 12
const LEAST_NAME_COLUMNS = 14
/** Of a longer name numbers take no notice. */
const MOST_HOST_COLUMNS = 14
const TINY_COLUMNS = 16

export function renderJobLine(job: RunningJob, options: JobLineOptions): string {
  const { columns, chalk, spinner } = options
  const host = options.withHost ? `${toLabel(job.host)}: ` : ''
  const label = `${host}${toFileLabel(job.file)}${job.isCopy ? ' (copy)' : ''}`
  const percent = job.percent === null ? '' : `${Math.floor(job.percent)}%`
  if (columns < TINY_COLUMNS) {
    const room = columns - percent.length - 1
    return percent === '' || room < 1 ? cutText(label, columns, 'middle') : `${fitText(label, room, 'middle')} ${percent}`
  }

  const eta = currentEta(job, options.nowMs)
  const all: readonly Column[] = [
    { columns: 7, rank: 2, render: () => chalk.cyan(fitText(job.isWaiting ? 'waits' : (job.stage ?? 'starts'), 7)) },
    {
      columns: BAR_COLUMNS,
      rank: 4,
      render: () =>
        job.percent === null
          ? chalk.cyan(fitText(job.isWaiting ? 'for a slot' : '', BAR_COLUMNS))
          : renderBar(job.percent / 100, BAR_COLUMNS, chalk),
    },
    { columns: 4, rank: 1, render: () => fitTextRight(percent, 4) },
    { columns: 8, rank: 6, render: () => fitTextRight(formatFps(job.fps), 8) },
    { columns: 5, rank: 5, render: () => fitTextRight(formatSpeed(job.speed), 5) },
    { columns: 11, rank: 3, render: () => fitText(eta === null ? '' : `ETA ${formatDuration(eta)}`, 11) },
  ]
  const shown = selectColumns(all, columns - 2 - LEAST_NAME_COLUMNS - Math.min(measureText(host), MOST_HOST_COLUMNS))
  const numbers = shown.map((column) => `  ${column.render()}`).join('')
  const room = columns - 2 - shown.reduce((sum, column) => sum + column.columns + 2, 0)
  return `${chalk.cyan(spinner)} ${fitText(label, room, 'middle')}${numbers}`
}

/** A bar of exactly `columns` columns. */
export function renderBar(ratio: number, columns: number, chalk: ChalkInstance): string {
  const full = Math.round(Math.min(1, Math.max(0, ratio)) * columns)
  return chalk.green('━'.repeat(full)) + chalk.dim('─'.repeat(columns - full))
}

/** As many as fit, by rank, in the order of the line. */
function selectColumns(all: readonly Column[], room: number): readonly Column[] {
  const chosen = new Set<Column>()
  let left = room
  for (const column of [...all].sort((a, b) => a.rank - b.rank)) {
    if (column.columns + 2 > left) break
    chosen.add(column)
    left -= column.columns + 2
  }
  return all.filter((column) => chosen.has(column))
}
