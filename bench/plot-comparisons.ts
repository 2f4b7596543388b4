/** Bars of the workloads: how many lower bounds each way took. */

import type { Comparison } from './compare-ways.ts'
import { WAYS, type WayName } from './encode-ways.ts'
import { median } from './statistics.ts'

const COLORS: Readonly<Record<WayName, string>> = { encode: '#1565c0', parallel: '#e65100', loop: '#8d6e63' }
const [WIDTH, LEFT, RIGHT, BAR, GAP, TOP] = [720, 200, 60, 16, 18, 40]

export function plotComparisons(comparisons: readonly Comparison[]): string {
  const names = Object.keys(COLORS) as WayName[]
  const groupHeight = names.length * BAR + GAP
  const height = TOP + comparisons.length * groupHeight + 24
  const most = Math.ceil(Math.max(...comparisons.flatMap((one) => names.flatMap((name) => toBounds(one, name)))))
  const toX = (bounds: number): number => LEFT + (bounds / most) * (WIDTH - LEFT - RIGHT)
  const text = (x: number, y: number, words: string, more = ''): string => `<text x="${x.toFixed(1)}" y="${y}"${more}>${words}</text>`

  function toBar(one: Comparison, name: WayName, y: number): string {
    const all = toBounds(one, name)
    const [least, middle, last] = [Math.min(...all), median(all), Math.max(...all)].map(toX)
    const width = (middle ?? 0) - LEFT
    return [
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${COLORS[name]}"/>`,
      `<line x1="${least?.toFixed(1)}" x2="${last?.toFixed(1)}" y1="${y + 6.5}" y2="${y + 6.5}" stroke="#222"/>`,
      text((last ?? 0) + 6, y + 11, median(all).toFixed(2)),
    ].join('')
  }

  const groups = comparisons.map((one, group) => {
    const y = TOP + group * groupHeight
    return [text(LEFT - 8, y + 26, one.workload.title, ' text-anchor="end"'), ...names.map((name, bar) => toBar(one, name, y + bar * BAR))]
  })
  const legend = names.map((name, index) => text(LEFT + index * 170, 20, WAYS[name].title, ` fill="${COLORS[name]}" font-weight="bold"`))
  const ticks = Array.from({ length: most + 1 }, (_, bounds) => text(toX(bounds), height - 6, String(bounds), ' text-anchor="middle"'))
  const bound = toX(1).toFixed(1)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#444">`,
    '<title>Time of each way of encoding, in lower bounds: median, range as a line</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...legend,
    ...groups.flat(),
    `<line x1="${bound}" x2="${bound}" y1="${TOP - 8}" y2="${height - 20}" stroke="#2e7d32" stroke-dasharray="4 3"/>`,
    ...ticks,
    '</svg>',
  ].join('\n')}\n`
}

function toBounds({ seconds, boundSeconds }: Comparison, name: WayName): readonly number[] {
  return seconds[name].map((took) => took / boundSeconds)
}
