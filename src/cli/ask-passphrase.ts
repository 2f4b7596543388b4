/** Asks for the passphrase of an encrypted key on the terminal, without showing what is typed. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** Undefined where nobody can be asked, or nothing was typed. */
export async function askPassphrase(question: string): Promise<string | undefined> {
  if (process.stdin.isTTY !== true) return undefined
  // readline echoes what is typed to its output: this one swallows it.
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silence, terminal: true })
  // Only now: what is typed before would be shown by the terminal itself.
  process.stderr.write(`${question} `)
  try {
    return await new Promise<string | undefined>((resolve) => {
      terminal.once('close', () => resolve(undefined))
      terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
      terminal.question('', (answer) => resolve(answer === '' ? undefined : answer))
    })
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}
