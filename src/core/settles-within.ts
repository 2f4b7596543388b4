/** A wait with an end, for promises that know of none. */

/** True once `promise` is settled, either way; false when that takes longer. A wait that is over leaves no timer behind. */
export async function settlesWithin(promise: Promise<unknown> | undefined, withinMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), withinMs)
  const isSettled = (): boolean => true
  return await Promise.race([(promise ?? Promise.resolve()).then(isSettled, isSettled), late]).finally(() => clearTimeout(timer))
}
