/**
 * What becomes of all that one host has to do, if nothing else comes: sources arrive, take the slot that is free first, encode, and results
 * leave. Whatever crosses the link at a time shares it evenly, so that each source more makes the others later, and results, too.
 * Pure; times are seconds from now.
 */

/** What an attempt has still to do. */
export interface Task {
  readonly queue: string
  /** Where it is: its source on the way; in need of a slot; in its slot; its result on the way. */
  readonly phase: 'coming' | 'waiting' | 'encoding' | 'leaving'
  /** Of the source, what is left, in seconds of the whole link. */
  readonly fetchSeconds: number
  /** Of the encode, what is left. */
  readonly encodeSeconds: number
  /** Of the result, what is left, in seconds of the whole link. */
  readonly returnSeconds: number
  /** When the source is there, where nothing is known of the link that it comes over. */
  readonly arrivesSeconds?: number
}

export interface Foretold {
  /** By task: when it takes its slot, Infinity where it is done with it; and when it is over. */
  readonly takes: Float64Array
  readonly ends: Float64Array
  /** Of queues in which something encodes: when each slot is free. */
  readonly free: ReadonlyMap<string, number[]>
}

/** `countSlots`: those of a queue that may be taken at a time. */
export function foretell(tasks: readonly Task[], countSlots: (queue: string) => number): Foretold {
  const takes = new Float64Array(tasks.length).fill(Number.POSITIVE_INFINITY)
  const encoded = new Float64Array(tasks.length).fill(Number.POSITIVE_INFINITY)
  /** Of what crosses the link now, in seconds of the whole link. */
  const left = new Float64Array(tasks.length).fill(Number.POSITIVE_INFINITY)
  const ends = new Float64Array(tasks.length)
  const free = new Map<string, number[]>()
  let crossing = 0
  let now = 0

  function cross(index: number, seconds: number): void {
    left[index] = seconds
    crossing += 1
  }

  function encode(index: number, { queue, encodeSeconds }: Task, readySeconds: number): void {
    const slots = free.get(queue) ?? Array<number>(Math.max(1, countSlots(queue))).fill(0)
    free.set(queue, slots)
    const slot = indexOfLeast(slots)
    const start = Math.max(slots[slot] ?? 0, readySeconds)
    takes[index] = start
    encoded[index] = start + encodeSeconds
    slots[slot] = start + encodeSeconds
  }

  function leave(index: number, { returnSeconds }: Task): void {
    encoded[index] = Number.POSITIVE_INFINITY
    if (returnSeconds > 0) cross(index, returnSeconds)
    else ends[index] = now
  }

  // Those in their slots have them first.
  for (const [index, task] of tasks.entries()) if (task.phase === 'encoding') encode(index, task, 0)
  for (const [index, task] of tasks.entries()) {
    if (task.phase === 'leaving') leave(index, task)
    else if (task.phase === 'coming' && task.fetchSeconds > 0) cross(index, task.fetchSeconds)
    else if (task.phase !== 'encoding') encode(index, task, task.arrivesSeconds ?? 0)
  }
  for (;;) {
    const [nextCrossed, nextEncoded] = [indexOfLeast(left), indexOfLeast(encoded)]
    const crossedAt = crossing === 0 ? Number.POSITIVE_INFINITY : now + (left[nextCrossed] ?? 0) * crossing
    const encodedAt = encoded[nextEncoded] ?? Number.POSITIVE_INFINITY
    const next = Math.max(now, Math.min(crossedAt, encodedAt))
    // So put that no number, not even NaN, keeps it going.
    if (!(next < Number.POSITIVE_INFINITY)) break
    if (crossing > 0) for (let index = 0; index < left.length; index += 1) left[index] = (left[index] ?? 0) - (next - now) / crossing
    now = next
    const index = crossedAt <= encodedAt ? nextCrossed : nextEncoded
    const task = tasks[index]
    if (task === undefined) break
    if (crossedAt > encodedAt) leave(index, task)
    else {
      left[index] = Number.POSITIVE_INFINITY
      crossing -= 1
      if (task.phase === 'coming' && takes[index] === Number.POSITIVE_INFINITY) encode(index, task, now)
      else ends[index] = now
    }
  }
  return { takes, ends, free }
}

function indexOfLeast(values: ArrayLike<number>): number {
  let least = 0
  for (let index = 1; index < values.length; index += 1) if ((values[index] ?? 0) < (values[least] ?? 0)) least = index
  return least
}
