/** vfat keeps every other second only, and shares with old protocols whole ones. */
const COARSEST_MS = 2_000

/** Whether a file whose modification time was set to that of another one, perhaps on another filesystem, may be the one. */
export function isSameTime(aMs: number, bMs: number): boolean {
  return Math.abs(aMs - bMs) <= COARSEST_MS
}
