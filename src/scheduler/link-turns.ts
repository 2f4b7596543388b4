/**
 * How much of a host's link each transfer has had. On the way there one source moves after the other, and so do results on their way back:
 * the uplink sees to that. First goes what would have been there first, had each begun at once, so that a short one need not wait for a
 * long one. While both ways are in use each has what the link leaves it (link.ts). Attempts do not tell how far their bytes are; this is how
 * it is known.
 */

import type { Link } from './link.ts'

type Way = 'there' | 'back'

export interface Crossing {
  readonly way: Way
  readonly sinceMs: number
  /** That it needs of a way that is alone in use; 0 where nobody knows. */
  readonly seconds: number
  /** That it has had of it, up to the last look. */
  hadSeconds: number
  /** For how long both ways were in use meanwhile. */
  bothSeconds: number
}

export interface LinkTurns {
  join(way: Way, seconds: number, nowMs: number): Crossing
  leave(crossing: Crossing, nowMs: number): void
  /** Counts up to now what each has had. */
  look(nowMs: number): void
  /** It is the one that moves on its way. */
  isFirst(crossing: Crossing): boolean
}

export function createLinkTurns(link: () => Pick<Link, 'bothRatio'>): LinkTurns {
  const ways: Readonly<Record<Way, Crossing[]>> = { there: [], back: [] }
  let lookedMs = 0

  function look(nowMs: number): void {
    const [source, result] = [ways.there[0], ways.back[0]]
    const areBoth = source !== undefined && result !== undefined
    const passedSeconds = (nowMs - lookedMs) / 1000
    lookedMs = nowMs
    if (areBoth) for (const crossing of [...ways.there, ...ways.back]) crossing.bothSeconds += passedSeconds
    const seconds = areBoth ? passedSeconds * link().bothRatio : passedSeconds
    if (source !== undefined) source.hadSeconds += seconds
    if (result !== undefined) result.hadSeconds += seconds
  }

  return {
    join(way, seconds, nowMs) {
      look(nowMs)
      const crossing: Crossing = { way, sinceMs: nowMs, seconds, hadSeconds: 0, bothSeconds: 0 }
      const due = toDueSeconds(crossing)
      const before = ways[way].findIndex((other) => toDueSeconds(other) > due)
      ways[way].splice(before === -1 ? ways[way].length : before, 0, crossing)
      return crossing
    },
    leave(crossing, nowMs) {
      look(nowMs)
      const place = ways[crossing.way].indexOf(crossing)
      if (place !== -1) ways[crossing.way].splice(place, 1)
    },
    look,
    isFirst: (crossing) => ways[crossing.way][0] === crossing,
  }
}

/** By which turns are given: when it would have been there, had it begun at once, and sooner by what it has had. */
export function toDueSeconds({ sinceMs, seconds, hadSeconds }: Crossing): number {
  return sinceMs / 1000 + seconds - hadSeconds
}
