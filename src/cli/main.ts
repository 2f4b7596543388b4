/** Arguments → command → exit status. `--version` and `--help` are answered before anything heavy is loaded. */

import { readFileSync } from 'node:fs'
import { toSourceTrace } from './to-source-trace.ts'

const LOST_OUTPUT = 1

const argv = process.argv.slice(2)

// Where nobody listens Node opens its debugger, on a port. (--disable-sigusr1 would keep the signal from runs, too: it is blocked then.)
process.on('SIGUSR1', () => {})

// What nobody has caught Node prints as it finds it, and ends.
process.on('uncaughtExceptionMonitor', (error: unknown) => {
  if (error instanceof Error && error.stack !== undefined) error.stack = toSourceTrace(error.stack)
})

// A reader that has gone (`| head`) has read enough; a disk that is full under `> file` has lost something.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || process.exitCode === LOST_OUTPUT) return
  process.exitCode = LOST_OUTPUT
  process.stderr.write(`encode: Standard output cannot be written: ${error.message}\n`)
})

if (argv.length === 1 && argv[0] === '--version') {
  process.stdout.write(`${readVersion()}\n`)
} else if (argv.length === 1 && (argv[0] === '--help' || argv[0] === '-h')) {
  const { renderHelp } = await import('./help.ts')
  process.stdout.write(`${renderHelp()}\n`)
} else {
  const { runCli } = await import('./run-cli.ts')
  const status = await runCli(argv, readVersion())
  if (status !== 0) process.exitCode = status
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
