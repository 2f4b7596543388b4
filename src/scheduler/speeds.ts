/** What each host was seen to do: work units a second, per profile. */

export interface Speeds {
  get(worker: { readonly cluster: string; readonly name: string }, profile: string): number | undefined
  learn(worker: { readonly cluster: string; readonly name: string }, profile: string, workPerSecond: number): void
}

/** Share of the newest measurement: hosts warm up, throttle and get other work. */
const NEWEST_SHARE = 0.4

export function createSpeeds(): Speeds {
  const speeds = new Map<string, number>()
  const keyOf = (worker: { readonly cluster: string; readonly name: string }, profile: string) =>
    JSON.stringify([worker.cluster, worker.name, profile])
  return {
    get: (worker, profile) => speeds.get(keyOf(worker, profile)),
    learn(worker, profile, workPerSecond) {
      if (!Number.isFinite(workPerSecond) || workPerSecond <= 0) return
      const key = keyOf(worker, profile)
      const known = speeds.get(key)
      speeds.set(key, known === undefined ? workPerSecond : known * (1 - NEWEST_SHARE) + workPerSecond * NEWEST_SHARE)
    },
  }
}
