/**
 * Gives this machine as many numbers for processes as systemd gives to every Linux with 64 bits. The kernel's own 32,768 come round every
 * minute or so while the tests run: what ends a process by its number, in tests or in wine, would meet another one that has it by then.
 */

import { readFileSync, writeFileSync } from 'node:fs'

const FILE = '/proc/sys/kernel/pid_max'
const WANTED = '4194304'

/** @returns what puts back how it was. */
export function setup(): (() => void) | undefined {
  try {
    const before = readFileSync(FILE, 'utf8')
    if (Number(before) >= Number(WANTED)) return undefined
    writeFileSync(FILE, WANTED)
    return () => writeFileSync(FILE, before)
  } catch {
    // Another system, or no right to it: then it is as it is.
    return undefined
  }
}
