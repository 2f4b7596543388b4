/**
 * The doctor's findings for a person: one table of hosts, each problem with its cure beneath it. On narrow terminals cells are
 * wrapped and cut, then the columns go whose faults are told beneath anyway, and at last there is a line for each fact.
 */

import { Chalk, type ChalkInstance } from 'chalk'
import { toPlainLine } from '../core/text.ts'
import { formatBytes, formatDuration } from '../core/units.ts'
import type { HostReport } from '../model/host-report.ts'
import { countOf, describeHost } from './describe-event.ts'
import { cutText, fitText, measureText } from './fit-text.ts'
import { toLabel } from './to-label.ts'
import { wrapWords } from './wrap-words.ts'

export interface HostTableOptions {
  /** All that were asked about, also those without hosts. */
  readonly clusters: readonly string[]
  /** Undefined where it is no terminal: then nothing is cut or wrapped. */
  readonly columns: number | undefined
  /** Without it: no colours. */
  readonly chalk?: ChalkInstance
  /** Tell also why encoders do not work. */
  readonly isVerbose?: boolean
}

export function renderHostTable(reports: readonly HostReport[], options: HostTableOptions): readonly string[] {
  const { columns = Number.POSITIVE_INFINITY, chalk = new Chalk({ level: 0 }), isVerbose = false } = options
  const table = reports.length === 0 ? undefined : layOut(reports, columns)
  const wrap = (lines: readonly string[], indent: number): readonly string[] => lines.flatMap((line) => wrapWords(line, columns, indent))
  return [
    ...(table === undefined ? renderBlocks(reports, columns, chalk) : renderTable(reports, table, chalk)),
    ...wrap(renderMarks(reports), 2),
    ...withGap(wrap(renderProblems(reports, chalk), 4)),
    ...withGap(wrap(isVerbose ? renderFailures(reports) : [], 4)),
    ...(reports.length === 0 ? [] : ['']),
    ...wrap(renderSummary(reports, options.clusters, chalk), 2),
  ]
}

type Tone = 'good' | 'bad' | 'odd' | 'plain'

interface Cell {
  readonly text: string
  readonly tone: Tone
}

interface Column {
  readonly title: string
  readonly toCell: (report: HostReport) => Cell
  /** The least width that says something, for a column that may be cut (or wrapped, at spaces). */
  readonly least?: number
  readonly wraps?: true
}

interface LaidColumn extends Column {
  readonly width: number
}

const HOST: Column = { title: 'HOST', toCell: ({ host, state }) => cell(toLabel(host), state === 'unusable' ? 'bad' : 'plain'), least: 6 }
const UP: Column = { title: 'UP', toCell: ({ isReachable }) => toCell(isReachable) }
const LOGIN: Column = { title: 'LOGIN', toCell: ({ isLoggedIn, type }) => (type === 'local' ? cell('–', 'plain') : toCell(isLoggedIn)) }
const FFMPEG: Column = { title: 'FFMPEG', toCell: toFfmpegCell, least: 6 }
const ENCODERS: Column = { title: 'ENCODERS', toCell: toEncodersCell, least: 17, wraps: true }
const FOLDER: Column = { title: 'FOLDER', toCell: ({ isWorkingDirWritable }) => toCell(isWorkingDirWritable, 'ok') }
const FREE: Column = { title: 'FREE', toCell: toFreeCell }
const MEDIA: Column = { title: 'MEDIA', toCell: toMediaCell }
const CLOCK: Column = { title: 'CLOCK', toCell: toClockCell }
const SPEED: Column = { title: 'SPEED', toCell: toSpeedCell }

const COLUMNS: readonly Column[] = [HOST, UP, LOGIN, FFMPEG, ENCODERS, FOLDER, FREE, MEDIA, CLOCK, SPEED]
/** What goes first where there is no room: its faults stand beneath the table. */
const DISPENSABLE: readonly Column[] = [FOLDER, SPEED, CLOCK, LOGIN]
const GAP = 2
/** Encoders are wrapped from here on even where there is room. */
const MOST_ENCODERS = 60

/** Undefined where no table fits. */
function layOut(reports: readonly HostReport[], columns: number): readonly LaidColumn[] | undefined {
  const isKnown = reports.some(({ speedBytesPerSecond }) => speedBytesPerSecond !== undefined)
  let chosen = COLUMNS.filter((column) => column !== SPEED || isKnown)
  for (const next of [undefined, ...DISPENSABLE]) {
    chosen = chosen.filter((column) => column !== next)
    const laid = squeeze(
      chosen.map((column) => ({ ...column, width: naturalWidth(column, reports) })),
      columns,
    )
    if (laid !== undefined) return laid
  }
  return undefined
}

function naturalWidth({ title, toCell, wraps }: Column, reports: readonly HostReport[]): number {
  const widest = Math.max(measureText(title), ...reports.map((report) => measureText(toCell(report).text)))
  return wraps === true ? Math.min(widest, MOST_ENCODERS) : widest
}

/** Takes from the widest column that may give, until the table fits. */
function squeeze(laid: readonly LaidColumn[], columns: number): readonly LaidColumn[] | undefined {
  const over = laid.reduce((sum, { width }) => sum + width, (laid.length - 1) * GAP) - columns
  if (over <= 0) return laid
  const spare = ({ width, least = width }: LaidColumn): number => width - least
  const giver = laid
    .filter((column) => spare(column) > 0)
    .sort((a, b) => Number(b.wraps ?? 0) - Number(a.wraps ?? 0) || spare(b) - spare(a))[0]
  if (giver === undefined) return undefined
  const taken = Math.min(over, spare(giver))
  return squeeze(
    laid.map((column) => (column === giver ? { ...column, width: column.width - taken } : column)),
    columns,
  )
}

function renderTable(reports: readonly HostReport[], table: readonly LaidColumn[], chalk: ChalkInstance): readonly string[] {
  const lines = [joinCells(table.map(({ title, width }) => fitText(title, width)))]
  for (const [cluster, members] of byCluster(reports)) {
    if (hasSeveralClusters(reports)) lines.push(chalk.bold(`${toLabel(cluster)}:`))
    for (const report of members) lines.push(...renderRow(report, table, chalk))
  }
  return lines
}

function renderRow(report: HostReport, table: readonly LaidColumn[], chalk: ChalkInstance): readonly string[] {
  const cells = table.map((column) => {
    const { text, tone } = column.toCell(report)
    const lines = column.wraps === true ? wrapWords(text, column.width, 0) : [cutText(text, column.width)]
    return { width: column.width, tone, lines }
  })
  const height = Math.max(...cells.map(({ lines }) => lines.length))
  return Array.from({ length: height }, (_, index) =>
    joinCells(cells.map(({ lines, width, tone }) => fitText(paint(lines[index] ?? '', tone, chalk), width))),
  )
}

function renderBlocks(reports: readonly HostReport[], columns: number, chalk: ChalkInstance): readonly string[] {
  return reports.flatMap((report, index) => {
    const name = hasSeveralClusters(reports) ? `${toLabel(report.host)} (${toLabel(report.cluster)})` : toLabel(report.host)
    const facts = COLUMNS.slice(1).map((column) => ({ title: column.title.toLowerCase(), ...column.toCell(report) }))
    return [
      ...(index === 0 ? [] : ['']),
      chalk.bold(cutText(name, columns)),
      ...facts.flatMap(({ title, text, tone }) =>
        wrapWords(`  ${title.padEnd(10)}${text}`, columns, 12).map((line) => paint(line, tone, chalk)),
      ),
    ]
  })
}

function renderMarks(reports: readonly HostReport[]): readonly string[] {
  const isListed = reports.some(({ encoders }) => encoders.some(({ state }) => state === 'listed'))
  const isUnasked = reports.some((report) => toMediaCell(report).text === '?')
  return [
    ...(isListed ? ['* ffmpeg lists these encoders; whether they work was not tried'] : []),
    ...(isUnasked ? ['? not tried: name a file or folder that these hosts should see'] : []),
  ]
}

function renderProblems(reports: readonly HostReport[], chalk: ChalkInstance): readonly string[] {
  return reports.flatMap(({ host, cluster, problems }) => {
    const isOfSeveral = reports.some((other) => other.host === host && other.cluster !== cluster)
    const name = isOfSeveral ? describeHost(host, cluster) : toLabel(host)
    return problems.map(({ isFatal, message, cure }) => {
      const mark = isFatal ? chalk.red('✗') : chalk.yellow('!')
      const remedy = cure === undefined ? '' : ` → ${toPlainLine(cure)}`
      return `${mark} ${chalk.bold(name)}: ${toPlainLine(message, 600)}${remedy}`
    })
  })
}

function renderFailures(reports: readonly HostReport[]): readonly string[] {
  return reports.flatMap(({ host, encoders }) =>
    encoders.flatMap(({ name, state, reason }) =>
      state === 'fails' ? [`${toLabel(host)}: ${toLabel(name)} does not work: ${toPlainLine(reason ?? 'nobody knows why')}`] : [],
    ),
  )
}

function renderSummary(reports: readonly HostReport[], clusters: readonly string[], chalk: ChalkInstance): readonly string[] {
  return clusters.map((cluster) => {
    const members = reports.filter((report) => report.cluster === cluster)
    const usable = members.filter(({ state }) => state === 'usable').length
    const text = `${toLabel(cluster)}: ${members.length === 0 ? 'it has no hosts' : `${usable} of ${countOf(members.length, 'host')} can encode`}`
    return usable === 0 ? chalk.red(text) : text
  })
}

function toCell(value: boolean | undefined, yes = 'yes'): Cell {
  return value === undefined ? cell('–', 'plain') : value ? cell(yes, 'good') : cell('no', 'bad')
}

/** Distributions put their own version behind ffmpeg's: `5.1.6-0+deb12u1`. */
function toFfmpegCell({ hasFfmpeg, ffmpegVersion = '' }: HostReport): Cell {
  return hasFfmpeg === true ? cell(toLabel(/^n?\d+(?:\.\d+)*/.exec(ffmpegVersion)?.[0] ?? ffmpegVersion), 'good') : toCell(hasFfmpeg)
}

function toEncodersCell({ state, encoders }: HostReport): Cell {
  if (state === 'disabled') return cell('disabled', 'odd')
  const names = encoders
    .filter((encoder) => encoder.state !== 'fails')
    .map((encoder) => `${encoder.name}${encoder.state === 'listed' ? '*' : ''}`)
  return cell(names.length === 0 ? '–' : names.map(toLabel).join(' '), 'plain')
}

function toFreeCell({ freeBytes, problems }: HostReport): Cell {
  const low = problems.find(({ code }) => code === 'SPACE_LOW')
  if (freeBytes === undefined) return cell('–', 'plain')
  return cell(formatBytes(freeBytes), low === undefined ? 'plain' : low.isFatal ? 'bad' : 'odd')
}

function toMediaCell({ type, state, isLoggedIn, media }: HostReport): Cell {
  if (state === 'disabled') return cell('–', 'plain')
  if (type === 'local') return cell('here', 'good')
  if (type === 'streaming') return cell('sent', 'plain')
  if (isLoggedIn !== true) return cell('–', 'plain')
  const seen = media.filter(({ isSeen }) => isSeen === true).length
  if (media.every(({ isSeen }) => isSeen === undefined)) return cell('?', 'odd')
  return seen === media.length ? cell('yes', 'good') : seen === 0 ? cell('no', 'bad') : cell(`${seen}/${media.length}`, 'odd')
}

function toClockCell({ clock, problems }: HostReport): Cell {
  if (clock === undefined) return cell('–', 'plain')
  const isWrong = problems.some(({ code }) => code === 'CLOCK_WRONG')
  const { differenceSeconds } = clock
  return isWrong ? cell(`${differenceSeconds < 0 ? '−' : '+'}${formatDuration(Math.abs(differenceSeconds))}`, 'odd') : cell('ok', 'good')
}

function toSpeedCell({ speedBytesPerSecond }: HostReport): Cell {
  return cell(speedBytesPerSecond === undefined ? '–' : `${formatBytes(speedBytesPerSecond)}/s`, 'plain')
}

function cell(text: string, tone: Tone): Cell {
  return { text, tone }
}

function paint(text: string, tone: Tone, chalk: ChalkInstance): string {
  const color = ({ good: 'green', bad: 'red', odd: 'yellow', plain: undefined } as const)[tone]
  return color === undefined ? text : chalk[color](text)
}

function joinCells(cells: readonly string[]): string {
  return cells.join(' '.repeat(GAP)).trimEnd()
}

function withGap(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines]
}

function byCluster(reports: readonly HostReport[]): ReadonlyMap<string, readonly HostReport[]> {
  return Map.groupBy(reports, ({ cluster }) => cluster)
}

function hasSeveralClusters(reports: readonly HostReport[]): boolean {
  return byCluster(reports).size > 1
}
