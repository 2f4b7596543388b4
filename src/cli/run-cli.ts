/** One call of the program: arguments → command → exit status; whatever goes wrong is told on stderr. */

import { EncodeError } from '../core/errors.ts'
import { EXIT } from '../run/exit-status.ts'
import { parseArguments } from './parse-arguments.ts'
import { printError } from './print-error.ts'

export async function runCli(argv: readonly string[], version: string): Promise<number> {
  const isVerbose = argv.includes('-v') || argv.includes('--verbose')
  try {
    const args = parseArguments(argv)
    switch (args.command) {
      case 'help': {
        const { renderHelp } = await import('./help.ts')
        process.stdout.write(`${renderHelp()}\n`)
        return 0
      }
      case 'version':
        process.stdout.write(`${version}\n`)
        return 0
      case 'run': {
        const { runCommand } = await import('./run-command.ts')
        return await runCommand(args, argv)
      }
      case 'hosts': {
        const { hostsCommand } = await import('./hosts-command.ts')
        return await hostsCommand(args)
      }
      case 'init': {
        const { initCommand } = await import('./init-command.ts')
        return await initCommand(args)
      }
      case 'history': {
        const { historyCommand } = await import('./history-command.ts')
        return await historyCommand(args)
      }
      case 'resume': {
        const { resumeCommand } = await import('./resume-command.ts')
        return await resumeCommand(args, argv)
      }
      case 'drain': {
        const { drainCommand } = await import('./drain-command.ts')
        return await drainCommand(args)
      }
      case 'completion': {
        const { completionCommand } = await import('./completion-command.ts')
        return await completionCommand(args)
      }
      case 'config': {
        const { configCommand } = await import('./config-command.ts')
        return await configCommand(args)
      }
      case 'profiles': {
        const { profilesCommand } = await import('./profiles-command.ts')
        return await profilesCommand(args)
      }
      case 'explain': {
        const { explainCommand } = await import('./explain-command.ts')
        return await explainCommand(args)
      }
    }
  } catch (error) {
    printError(error, { isVerbose })
    return toStatus(error)
  }
}

function toStatus(error: unknown): number {
  if (!(error instanceof EncodeError)) return EXIT.someFailed
  if (error.code === 'NO_USABLE_HOST') return EXIT.noHost
  return ['USAGE_INVALID', 'CONFIG_INVALID', 'RESULT_NAME_TAKEN', 'LEDGER_FAILED'].includes(error.code) ? EXIT.usage : EXIT.someFailed
}
