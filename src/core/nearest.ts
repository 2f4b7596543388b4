/** A mistyped word → the name that was probably meant. */

/**
 * The candidate with the fewest slips (a letter more, less, other, or two swapped), if they are few enough for the word's length;
 * else the only candidate that begins with the word. Case is no slip.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  const names = [...candidates]
  let best: string | undefined
  let bestDistance = slipsAllowed(wanted.length) + 1
  for (const name of names) {
    const distance = countSlips(wanted, name.toLowerCase(), bestDistance)
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  if (best !== undefined) return best
  const continued = wanted.length < 3 ? [] : names.filter((name) => name.toLowerCase().startsWith(wanted))
  return continued.length === 1 ? continued[0] : undefined
}

function slipsAllowed(length: number): number {
  if (length <= 1) return 0
  if (length <= 4) return 1
  return length <= 7 ? 2 : 3
}

/** Damerau-Levenshtein distance (optimal string alignment); `limit` stands for that many and more. */
function countSlips(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1]
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          at(previous, column) + 1,
          at(current, column - 1) + 1,
          at(previous, column - 1) + (isSame ? 0 : 1),
          swapped ? at(beforePrevious, column - 2) + 1 : limit,
        ),
      )
    }
    if (Math.min(...current) >= limit) return limit
    beforePrevious = previous
    previous = current
  }
  return at(previous, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
