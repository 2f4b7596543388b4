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
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'fixtures', `${name}.ts`), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
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
