/**
 * How many sessions a server bears on one connection, by what it calls itself.
 *
 * Dropbear 2022.82 to 2024.86 closes a session that was opened but has not been told its command yet when another one's process ends
 * in that moment, and hangs up on all of them as soon as the command says a word (mkj/dropbear#321, mended in 2025.87). With commands that
 * come eight at a time that is every second one. Where a connection has one session at a time, none can be caught.
 */

/** The versions it came and went with, as numbers: Dropbear's are a year and a count. */
const [FIRST_BROKEN, FIRST_MENDED] = [2022.82, 2025.87]

/** @param ident what the server said first, such as `SSH-2.0-dropbear_2022.83`, perhaps after lines of greeting. Undefined: no limit is known. */
export function toMostSessions(ident: string): number | undefined {
  const dropbear = /^SSH-[\d.]+-dropbear(?:_(\d+\.\d+))?/m.exec(ident)
  if (dropbear === null) return undefined
  // Routers are often built not to tell: those may be any.
  const version = Number(dropbear[1] ?? FIRST_BROKEN)
  return version >= FIRST_BROKEN && version < FIRST_MENDED ? 1 : undefined
}
