/**
 * Keeps this machine awake while it encodes, where that is Windows. Nothing that Node has asks Windows for that: a PowerShell does, which
 * lasts as long as its stdin, and so no longer than this process. Where PowerShell does not run, nobody asks.
 */

import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { findWindowsProgram } from '../../core/find-program.ts'
import { AWAKE, encodedCommand } from '../windows/powershell-leash.ts'

export interface Wakefulness extends Disposable {
  /** Until it is disposed of this machine does not fall asleep by itself. */
  hold(): Disposable
}

export interface WakefulnessOptions {
  /** Begins to keep the machine awake; what it returns ends that. */
  readonly start: () => () => void
  readonly lingerMs?: number | undefined
}

/** The next job begins soon after the last one, and a PowerShell takes a second of processor time to begin. */
const LINGER_MS = 60_000

/** What the PowerShell is told on its command line: the same text for every machine, with no name in it. */
export const STAY_AWAKE_COMMAND: string = encodedCommand(`${AWAKE}$null=[Console]::In.ReadLine()\n`)

export function createWakefulness({ start, lingerMs = LINGER_MS }: WakefulnessOptions): Wakefulness {
  let holders = 0
  let end: (() => void) | undefined
  let rest: NodeJS.Timeout | undefined

  function sleepAgain(): void {
    clearTimeout(rest)
    end?.()
    end = undefined
  }

  return {
    hold() {
      clearTimeout(rest)
      holders += 1
      end ??= start()
      let isHeld = true
      return {
        [Symbol.dispose]() {
          if (!isHeld) return
          isHeld = false
          holders -= 1
          if (holders === 0) rest = setTimeout(sleepAgain, lingerMs).unref()
        },
      }
    },
    [Symbol.dispose]: sleepAgain,
  }
}

/** The PowerShell of this machine, from its PATH. */
export function startStayingAwake(env: Readonly<Record<string, string | undefined>>): () => void {
  const ended = new AbortController()
  const [name = '', ...args] = STAY_AWAKE_COMMAND.split(' ')
  void findWindowsProgram(name, { env }).then((program) => {
    if (program === undefined || ended.signal.aborted) return
    const child = spawn(program, args, { env, windowsHide: true, stdio: ['pipe', 'ignore', 'ignore'] })
    // It is no fault of a job that its machine may fall asleep.
    child.on('error', () => undefined)
    child.stdin.on('error', () => undefined)
    child.unref()
    const stdin = child.stdin as Socket
    stdin.unref()
    ended.signal.addEventListener('abort', () => stdin.end(), { once: true })
  })
  return () => ended.abort()
}
