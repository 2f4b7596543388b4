/** Questions on the terminal, each with an answer that plain Enter gives. Shown on stderr, so that stdout holds results alone. */

import { createInterface } from 'node:readline/promises'
import { EncodeError } from '../core/errors.ts'

/** `''` when only Enter was typed. Rejects with INTERRUPTED when the input ends (Ctrl-D), with the signal's reason when it is aborted. */
export async function askQuestion(question: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new Promise<never>((_resolve, reject) => {
    terminal.once('close', () => reject(new EncodeError('INTERRUPTED', 'Nothing more was answered, so nothing was written')))
  })
  // The terminal is in raw mode while it is read: Ctrl-C is a character there.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return (await Promise.race([terminal.question(question, { signal }), ended])).trim()
  } catch (error) {
    process.stderr.write('\n')
    signal.throwIfAborted()
    throw error
  } finally {
    ended.catch(() => {})
    terminal.close()
  }
}
