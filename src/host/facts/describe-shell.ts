/** Asks a host that did not start our script which kind of shell it has, with one line that cmd, PowerShell and POSIX shells read differently. */

import type { CommandTransport } from '../channel.ts'

export interface ShellAnswer {
  readonly kind: 'posix' | 'windows' | 'none'
  /** What came back, for a message. */
  readonly said: string
}

/** That a host has the shell of Windows: not a fault, but another way of asking. */
export class WindowsShell extends Error {
  override readonly name = 'WindowsShell'
  readonly defaultShell: 'cmd' | 'powershell'

  constructor({ said }: Pick<ShellAnswer, 'said'>) {
    super('The shell is that of Windows')
    this.defaultShell = /AWindows_NT/.test(said) ? 'cmd' : 'powershell'
  }
}

/** cmd expands `%OS%`, PowerShell `$env:OS`, a POSIX shell `$env`; fish and csh complain. */
const QUESTION = 'echo "A%OS%B$env:OS"'
/** The first session on a Windows machine that is busy takes more than five seconds to begin. */
const PATIENCE_MS = 15_000
const MAX_ANSWER = 4096

export async function describeShell(transport: CommandTransport, signal?: AbortSignal): Promise<ShellAnswer> {
  const channel = await transport.openCommand(QUESTION, signal)
  let said = ''
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString('utf8')).slice(0, MAX_ANSWER)
  }
  channel.stdin.on('error', () => undefined).end()
  for (const stream of [channel.stdout, channel.stderr]) stream.on('error', () => undefined).on('data', keep)
  // A forced command may wait for what never comes.
  const patience = setTimeout(() => channel.destroy(), PATIENCE_MS)
  const gone = new Promise<void>((resolve) => channel.stdout.once('close', resolve))
  try {
    await Promise.race([channel.exit, gone])
    return { kind: toKind(said), said }
  } finally {
    clearTimeout(patience)
    channel.destroy()
  }
}

/** Reads the answer to the question. */
export function toKind(answer: string): ShellAnswer['kind'] {
  if (/AWindows_NT|BWindows_NT/.test(answer)) return 'windows'
  // fish: `$env` is empty or unset; csh: "env: Undefined variable."
  return /A%OS%B|env: Undefined variable/.test(answer) ? 'posix' : 'none'
}
