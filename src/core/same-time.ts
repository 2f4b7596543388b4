/** Modification times as different filesystems keep them. */

/** vfat keeps even seconds only; shares that are reached by old protocols keep whole ones. */
const COARSEST_MS = 2_000

/** Whether two times may be one that was set on two filesystems. */
export function isSameTime(aMs: number, bMs: number): boolean {
  return Math.abs(aMs - bMs) <= COARSEST_MS
}
