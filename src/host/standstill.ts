/**
 * Tells for how long this process itself did nothing: stopped with Ctrl-Z, or its machine asleep. Hosts hear no heartbeat meanwhile.
 * The wall clock counts too, because the other one may stop with the machine.
 */

export interface StandstillWatch {
  /** To be called in regular steps; gives the time since the last call. */
  tick(): number
  /** The longest time between two ticks, or since the last one. */
  longestMs(): number
}

export function watchStandstill(): StandstillWatch {
  let last = now()
  let longest = 0
  const since = () => {
    const [steady, wall] = now()
    return Math.max(steady - last[0], wall - last[1])
  }
  return {
    tick() {
      const gap = since()
      last = now()
      longest = Math.max(longest, gap)
      return gap
    },
    longestMs: () => Math.max(longest, since()),
  }
}

function now(): readonly [steadyMs: number, wallMs: number] {
  return [performance.now(), Date.now()]
}
