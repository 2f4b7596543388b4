/**
 * The finish line: the earliest moment by which all that waits could be done, whatever runs meanwhile. Pure; times are seconds from now.
 *
 * With many jobs left it is where the area under the slots' speeds is as large as the work; with few it is found by packing them, longest
 * first, each into the slowest slot that can still end it in time, so that the fast ones stay free for what only they can do.
 */

export interface Slot {
  /** When it is free; 0 = now. */
  readonly freeSeconds: number
  /** Work a second. */
  readonly speed: number
}

/** Jobs a slot up to which they are packed; with more of them the area is as good. */
const PACKED_JOBS_A_SLOT = 3

/** Packing ends when the line is known to this share of the time that is left. */
const PRECISION = 0.004

/** What waits. One by one it is only listed where it is few. */
export interface Waiting {
  readonly count: number
  readonly total: number
  readonly longest: number
  /** Longest first. */
  readonly list: () => readonly number[]
}

/** `hint`: the line as it was found before, from now on. Infinity without slots. */
export function findFinish(slots: readonly Slot[], { count, total, longest, list }: Waiting, hint?: number): number {
  if (count === 0) return 0
  if (slots.length === 0) return Number.POSITIVE_INFINITY
  let first = Number.POSITIVE_INFINITY
  for (const { freeSeconds, speed } of slots) first = Math.min(first, freeSeconds + longest / speed)
  const least = Math.max(findArea(slots, total), first)
  return count > slots.length * PACKED_JOBS_A_SLOT ? least : findPacked(slots, list(), least, hint)
}

/** The time at which the slots, all busy from the moment that they are free, have done so much work. */
export function findArea(slots: readonly Slot[], work: number): number {
  // Slots that are free later than the line take no part. Without them it is nearer, and then others may be too late: a few rounds,
  // where sorting the slots would cost more than all the rest.
  for (let time = Number.POSITIVE_INFINITY; ; ) {
    let speed = 0
    let notDone = work
    for (const slot of slots) {
      if (slot.freeSeconds >= time) continue
      speed += slot.speed
      notDone += slot.speed * slot.freeSeconds
    }
    if (speed === 0) return time
    const nearer = notDone / speed
    // So put that no number, not even NaN, keeps it going.
    if (!(nearer < time)) return time
    time = nearer
  }
}

function findPacked(slots: readonly Slot[], works: readonly number[], least: number, hint: number | undefined): number {
  const fits = createPacking(slots, works)
  let [low, high] = [least, Number.POSITIVE_INFINITY]
  // Mostly the line stands where it stood before.
  for (const tried of hint === undefined ? [] : [hint, hint * (1 - PRECISION)]) {
    if (tried <= low || low > least) continue
    if (fits(tried)) high = tried
    else low = tried
  }
  if (low === least && fits(least)) return least
  const from = low
  for (let step = 0.02; high === Number.POSITIVE_INFINITY; step *= 2) {
    const tried = from * (1 + step)
    if (fits(tried)) high = tried
    else low = tried
  }
  while (high - low > high * PRECISION) {
    const middle = (low + high) / 2
    if (fits(middle)) high = middle
    else low = middle
  }
  return high
}

/** Whether all of them can be done by a time. The room of the slots stands in a tree of maxima, so that the first large enough is found at once. */
function createPacking(slots: readonly Slot[], works: readonly number[]): (seconds: number) => boolean {
  const slowestFirst = slots.toSorted((a, b) => a.speed - b.speed)
  const leaves = 2 ** Math.ceil(Math.log2(Math.max(2, slowestFirst.length)))
  const tree = new Float64Array(2 * leaves)
  const at = (node: number): number => tree[node] ?? 0

  return (seconds) => {
    for (const [index, { freeSeconds, speed }] of slowestFirst.entries()) {
      tree[leaves + index] = Math.max(0, seconds - freeSeconds) * speed * (1 + ROUNDING)
    }
    for (let node = leaves - 1; node > 0; node -= 1) tree[node] = Math.max(at(2 * node), at(2 * node + 1))
    for (const work of works) {
      if (at(1) < work) return false
      let node = 1
      while (node < leaves) node = at(2 * node) >= work ? 2 * node : 2 * node + 1
      tree[node] = at(node) - work
      for (node >>= 1; node > 0; node >>= 1) tree[node] = Math.max(at(2 * node), at(2 * node + 1))
    }
    return true
  }
}

const ROUNDING = 1e-9
