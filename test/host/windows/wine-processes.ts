/** What wine runs on this machine: each program of Windows is a process here, with its command line. */

import { readdir, readFile } from 'node:fs/promises'

export interface WineProcess {
  readonly pid: number
  readonly args: string
}

/** Programs whose command line holds the text, wherever they stand. */
export async function findProcesses(text: string): Promise<readonly WineProcess[]> {
  const found: WineProcess[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    if (args.includes(text)) found.push({ pid: Number(pid), args })
  }
  return found
}

/** Ends all sessions of a server, by its name. Each session leads a group, of which not all bear the name. */
export async function endSessions(name: string): Promise<void> {
  for (const { pid } of await findProcesses(name)) {
    endProcess(-pid)
    endProcess(pid)
  }
}

/** @param pid negative: a group. */
export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
