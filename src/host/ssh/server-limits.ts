/**
 * How many sessions a server bears on one connection, and how long a command line, by what it calls itself.
 *
 * Dropbear 2022.82 to 2024.86 closes a session that was opened but has not been told its command yet when another one's process ends
 * in that moment, and hangs up on all of them as soon as the command says a word (mkj/dropbear#321, mended in 2025.87). With commands that
 * come eight at a time that is every second one. Where a connection has one session at a time, none can be caught.
 *
 * Dropbear hangs up on a command line of more than its MAX_CMD_LEN ("String too long" in its log), with all that runs there.
 */

/** The versions it came and went with, as numbers: Dropbear's are a year and a count. */
const [FIRST_BROKEN, FIRST_MENDED] = [2022.82, 2025.87]

/** OpenSSH's is 256 KiB, beyond what is ever said. */
const DROPBEAR_COMMAND_BYTES = 9000
const DROPBEAR = /^SSH-[\d.]+-dropbear(?:_(\d+\.\d+))?/m

/** @param ident what the server said first, such as `SSH-2.0-dropbear_2022.83`, perhaps after lines of greeting. Undefined: no limit is known. */
export function toMostSessions(ident: string): number | undefined {
  const dropbear = DROPBEAR.exec(ident)
  if (dropbear === null) return undefined
  // Routers are often built not to tell: those may be any.
  const version = Number(dropbear[1] ?? FIRST_BROKEN)
  return version >= FIRST_BROKEN && version < FIRST_MENDED ? 1 : undefined
}

/** The longest command line that it takes. Undefined: no limit is known. */
export function toMostCommandBytes(ident: string): number | undefined {
  return DROPBEAR.test(ident) ? DROPBEAR_COMMAND_BYTES : undefined
}
