/** A question to a Windows host whose command ends by itself, and soon: without a leash, and so with one program started less. */

import type { CommandTransport } from '../channel.ts'

const MAX_ANSWER_BYTES = 1024 * 1024

/** What it said on stdout, whatever its status. Rejects with HOST_LOST, or the signal's reason. */
export async function askPlainly(transport: CommandTransport, commandLine: string, signal: AbortSignal): Promise<string> {
  const channel = await transport.openCommand(commandLine, signal)
  const pieces: Buffer[] = []
  let sizeBytes = 0
  channel.stdin.on('error', () => undefined).end()
  channel.stderr.on('error', () => undefined).resume()
  channel.stdout
    .on('error', () => undefined)
    .on('data', (piece: Buffer) => {
      sizeBytes += piece.length
      if (sizeBytes <= MAX_ANSWER_BYTES) pieces.push(piece)
    })
  const onAbort = (): void => channel.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await channel.exit
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  signal.throwIfAborted()
  return decodeAnswer(Buffer.concat(pieces))
}

/** UTF-8, or the UTF-16 of \`cmd /u\` and wmic. PowerShell on its way may have read that as text: then each second byte is a NUL all the same. */
export function decodeAnswer(bytes: Buffer): string {
  const text = bytes.indexOf(0) === -1 ? bytes.toString('utf8') : bytes.toString('utf16le')
  return text.replace(/^\ufeff/, '')
}
