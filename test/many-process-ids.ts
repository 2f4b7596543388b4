/**
 * Gives this machine as many numbers for processes as systemd gives to every Linux with 64 bits. The kernel's own 32,768 come round every
 * minute or so while the tests run: what ends a process by its number, in tests or in wine, would meet another one that has it by then. Wine's
 * server makes sure with a KILL, a while after a program of its own has ended: where numbers come round, one of a hundred programs of ours
 * that start meanwhile is killed, and nobody says by whom. It stays so after the tests: others may be under way beside them.
 */

import { readFileSync, writeFileSync } from 'node:fs'

const FILE = '/proc/sys/kernel/pid_max'
const WANTED = '4194304'

export function setup(): void {
  try {
    if (Number(readFileSync(FILE, 'utf8')) < Number(WANTED)) writeFileSync(FILE, WANTED)
  } catch {
    // Another system, or no right to it: then it is as it is.
  }
}
