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
const MAX_ANSWER = 4096

/**
 * Takes the answer as soon as it is there: the end of a session on Windows waits for whatever its first program has started. How long to wait
 * is up to the caller: a machine that has just woken up, or scans what it starts, takes its time. Rejects with HOST_LOST, or the signal's
 * reason.
 */
export async function describeShell(transport: CommandTransport, signal: AbortSignal): Promise<ShellAnswer> {
  const channel = await transport.openCommand(QUESTION, signal)
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  let said = ''
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString('utf8')).slice(0, MAX_ANSWER)
    if (toKind(said) !== 'none') end()
  }
  channel.stdin.on('error', () => undefined).end()
  for (const stream of [channel.stdout, channel.stderr]) stream.on('error', () => undefined).on('data', keep)
  channel.stdout.once('close', end)
  const onAbort = (): void => end()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) end()
  try {
    await Promise.race([channel.exit, over])
    const kind = toKind(said)
    if (kind === 'none') signal.throwIfAborted()
    return { kind, said }
  } finally {
    signal.removeEventListener('abort', onAbort)
    channel.destroy()
  }
}

/** Reads the answer to the question. */
export function toKind(answer: string): ShellAnswer['kind'] {
  if (/AWindows_NT|BWindows_NT/.test(answer)) return 'windows'
  // fish: `$env` is empty or unset; csh: "env: Undefined variable."
  return /A%OS%B|env: Undefined variable/.test(answer) ? 'posix' : 'none'
}
