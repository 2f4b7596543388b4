/** Arguments → command → exit status. `--version` and `--help` are answered before anything heavy is loaded. */

import { readFileSync } from 'node:fs'

const argv = process.argv.slice(2)

if (argv.length === 1 && argv[0] === '--version') {
  process.stdout.write(`${readVersion()}\n`)
} else if (argv.length === 1 && (argv[0] === '--help' || argv[0] === '-h')) {
  const { renderHelp } = await import('./help.ts')
  process.stdout.write(`${renderHelp()}\n`)
} else {
  const { runCli } = await import('./run-cli.ts')
  process.exitCode = await runCli(argv, readVersion())
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
