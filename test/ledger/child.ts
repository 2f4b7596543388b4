/** Real processes for the tests: each says one line when it is where the test wants it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Child extends AsyncDisposable {
  readonly pid: number
  /** Its next line of standard output; undefined when it has ended. */
  nextLine(): Promise<string | undefined>
  kill(): Promise<void>
  /** Closes its standard input and waits for its end; resolves to its exit status. */
  end(): Promise<number | null>
}

export function startFixture(name: string, ...args: readonly string[]): Child {
  return start([process.execPath, toProgram(name), ...args])
}

/** In a process namespace of its own, as in another container; for root on Linux. */
export function startContained(name: string, ...args: readonly string[]): Child {
  return start(['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, toProgram(name), ...args])
}

function toProgram(name: string): string {
  return join(import.meta.dirname, '..', 'fixtures', `${name}.ts`)
}

function start([program = '', ...args]: readonly string[]): Child {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: pidOf(child),
    async nextLine() {
      const { value, done } = await lines.next()
      return done === true ? undefined : value
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async end() {
      child.stdin.end()
      await ended
      return child.exitCode
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('The fixture did not start')
  return child.pid
}
