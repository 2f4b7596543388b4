/** Figures of a few rounds: median and range, never a mean, which one bad round moves. */

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
}

/** `0.53 (0.40–0.66)` */
export function describeSpread(numbers: readonly number[], digits = 2): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)].map((number) => number.toFixed(digits))
  return numbers.length < 2 ? median(numbers).toFixed(digits) : `${median(numbers).toFixed(digits)} (${least}–${most})`
}
