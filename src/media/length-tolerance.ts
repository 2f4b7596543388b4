/** How far two lengths of the same media may lie apart: containers round, encoders pad, the last picture has no end of its own. */

const TOLERANCE_RATIO = 0.01
const LEAST_TOLERANCE_SECONDS = 0.5

/** In seconds: 1 % of the length, half a second at least. */
export function lengthTolerance(durationSeconds: number): number {
  return Math.max(durationSeconds * TOLERANCE_RATIO, LEAST_TOLERANCE_SECONDS)
}
