/**
 * What becomes of all that one host has to do, if nothing else comes: sources arrive, take the slot that is free first, encode, and results
 * leave. What crosses the link takes turns (link-turns.ts), so that a source more makes those later that would be there after it, and
 * results, too, where the two ways share the link. Pure; times are seconds from now.
 */

import type { Link } from './link.ts'

/** What an attempt has still to do. */
export interface Task {
  readonly queue: string
  /** Where it is: its source on the way; in need of a slot; in its slot; its result on the way. */
  readonly phase: 'coming' | 'waiting' | 'encoding' | 'leaving'
  /** Of the source, what is left, in seconds of a way that is alone in use. */
  readonly fetchSeconds: number
  /** Of the encode, what is left. */
  readonly encodeSeconds: number
  /** Of the result, what is left, in seconds of a way that is alone in use. */
  readonly returnSeconds: number
  /** By which what is on its way has its turn; undefined = it has only just set out. */
  readonly dueSeconds?: number
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

/** Something on its way. */
interface Crossing {
  readonly index: number
  leftSeconds: number
  dueSeconds: number
}

/** `countSlots`: those of a queue that may be taken at a time. */
export function foretell(tasks: readonly Task[], countSlots: (queue: string) => number, { bothRatio }: Pick<Link, 'bothRatio'>): Foretold {
  const takes = new Float64Array(tasks.length).fill(Number.POSITIVE_INFINITY)
  const encoded = new Float64Array(tasks.length).fill(Number.POSITIVE_INFINITY)
  const ends = new Float64Array(tasks.length)
  const free = new Map<string, number[]>()
  /** In the order in which they have their turns. */
  const sources: Crossing[] = []
  const results: Crossing[] = []
  let now = 0

  function encode(index: number, { queue, encodeSeconds }: Task, readySeconds: number): void {
    const slots = free.get(queue) ?? Array<number>(Math.max(1, countSlots(queue))).fill(0)
    free.set(queue, slots)
    const slot = indexOfLeast(slots)
    const start = Math.max(slots[slot] ?? 0, readySeconds)
    takes[index] = start
    encoded[index] = start + encodeSeconds
    slots[slot] = start + encodeSeconds
  }

  function leave(index: number, { returnSeconds }: Task, dueSeconds = now + returnSeconds): void {
    encoded[index] = Number.POSITIVE_INFINITY
    if (returnSeconds > 0) join(results, { index, leftSeconds: returnSeconds, dueSeconds })
    else ends[index] = now
  }

  // Those in their slots have them first.
  for (const [index, task] of tasks.entries()) if (task.phase === 'encoding') encode(index, task, 0)
  for (const [index, task] of tasks.entries()) {
    const { phase, fetchSeconds } = task
    if (phase === 'leaving') leave(index, task, task.dueSeconds)
    else if (phase === 'coming' && fetchSeconds > 0) {
      join(sources, { index, leftSeconds: fetchSeconds, dueSeconds: task.dueSeconds ?? fetchSeconds })
    } else if (phase !== 'encoding') encode(index, task, task.arrivesSeconds ?? 0)
  }
  for (;;) {
    const [source, result] = [sources[0], results[0]]
    const ratio = source !== undefined && result !== undefined ? bothRatio : 1
    const thereAt = source === undefined ? Number.POSITIVE_INFINITY : now + source.leftSeconds / ratio
    const backAt = result === undefined ? Number.POSITIVE_INFINITY : now + result.leftSeconds / ratio
    const nextEncoded = indexOfLeast(encoded)
    const encodedAt = encoded[nextEncoded] ?? Number.POSITIVE_INFINITY
    const next = Math.max(now, Math.min(thereAt, backAt, encodedAt))
    // So put that no number, not even NaN, keeps it going.
    if (!(next < Number.POSITIVE_INFINITY)) break
    const movedSeconds = (next - now) * ratio
    if (source !== undefined) move(source, movedSeconds)
    if (result !== undefined) move(result, movedSeconds)
    now = next
    const arrived = thereAt <= backAt ? source : result
    const crossed = arrived !== undefined && Math.min(thereAt, backAt) <= encodedAt ? arrived : undefined
    const index = crossed?.index ?? nextEncoded
    const task = tasks[index]
    if (task === undefined) break
    if (crossed === undefined) leave(index, task)
    else if (crossed === source) {
      sources.shift()
      encode(index, task, now)
    } else {
      results.shift()
      ends[index] = now
    }
  }
  return { takes, ends, free }
}

function join(way: Crossing[], crossing: Crossing): void {
  let place = way.length
  while (place > 0 && (way[place - 1]?.dueSeconds ?? 0) > crossing.dueSeconds) place -= 1
  way.splice(place, 0, crossing)
}

function move(crossing: Crossing, seconds: number): void {
  crossing.leftSeconds -= seconds
  crossing.dueSeconds -= seconds
}

function indexOfLeast(values: ArrayLike<number>): number {
  let least = 0
  for (let index = 1; index < values.length; index += 1) if ((values[index] ?? 0) < (values[least] ?? 0)) least = index
  return least
}
