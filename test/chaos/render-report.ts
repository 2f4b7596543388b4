/** The figures of a run of chaos as a table, and below it each thing that is not as it must be. */

import { toVisible } from '../../src/core/text.ts'
import type { ChaosReport } from './run-chaos.ts'

export function renderReport(report: ChaosReport): string {
  const faults = Object.entries(report.faults)
  const all = faults.reduce((sum, [, count]) => sum + count, 0)
  const rows: readonly (readonly [string, number])[] = [
    ...faults.map(([name, count]) => [`  ${name}`, count] as const),
    ['faults', all],
    ['runs', report.runs],
    ['files', report.files],
    ['  replaced', report.replaced],
    ['  removed by chaos', report.removed],
    ['lost', report.lost.length],
    ['wrong', report.wrong.length],
    ['left over', report.leftOver.length],
  ]
  const table = rows.map(([name, count]) => `${name.padEnd(22)}${String(count).padStart(6)}`)
  const list = (title: string, items: readonly string[]): readonly string[] =>
    items.length === 0 ? [] : ['', `${title}:`, ...items.map((item) => `  ${toVisible(item)}`)]
  return [...table, ...list('Lost', report.lost), ...list('Wrong', report.wrong), ...list('Left over', report.leftOver)].join('\n')
}
