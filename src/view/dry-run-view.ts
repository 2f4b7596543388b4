/** What `--dry-run` tells a person: which host answers, and for each file who would make what of it, with which command. */

import type { Writable } from 'node:stream'
import { Chalk, type ChalkInstance } from 'chalk'
import { toPlainLine } from '../core/text.ts'
import type { EventOf, View } from '../model/events.ts'
import { countOf, describeFacts, describeHost } from './describe-event.ts'
import { createLineOutput } from './line-output.ts'
import { quoteCommand } from './quote-argument.ts'
import { toLabel } from './to-label.ts'

export interface DryRunViewOptions {
  readonly stdout: Writable
  /** Without it: no colours. */
  readonly chalk?: ChalkInstance
  /** Told once, when the reader has gone. */
  readonly onClosed?: ((error: Error | undefined) => void) | undefined
  /** Ends the wait of `close` for a reader that is stuck. */
  readonly giveUp?: AbortSignal | undefined
}

export function createDryRunView(options: DryRunViewOptions): View {
  const { chalk = new Chalk({ level: 0 }) } = options
  const output = createLineOutput(options.stdout, { onClosed: options.onClosed, giveUp: options.giveUp })
  const counts = { planned: 0, hostless: 0, skipped: 0, failed: 0, up: 0, down: 0 }
  let isClosing = false

  function planFile(event: EventOf<'job.planned'>): void {
    if (event.host === null) counts.hostless += 1
    const lines = [
      chalk.bold(toLabel(event.file)),
      `  rule     ${event.rule === null ? 'none (chosen on the command line)' : toLabel(event.rule)}`,
      `  profile  ${toLabel(event.profile)}, queue ${toLabel(event.queue)}`,
      `  host     ${describePlace(event)}`,
      `  result   ${toLabel(event.output)}`,
      `  command  ${quoteCommand(['ffmpeg', ...event.arguments])}`,
    ]
    for (const line of lines) output.write(line)
  }

  function describePlace({ host, cluster }: EventOf<'job.planned'>): string {
    const name = toLabel(cluster)
    if (host === null) return chalk.red(cluster === '' ? 'no host is up' : `no host of ${name} is up`)
    return cluster === '' ? toLabel(host) : `${toLabel(host)}, cluster ${name}`
  }

  return {
    handle(event) {
      if (output.isClosed) return
      switch (event.event) {
        case 'host.up':
          counts.up += 1
          output.write(`${chalk.green('up')}    ${describeHost(event.host, event.cluster)}: ${describeFacts(event)}`)
          break
        case 'host.down':
          counts.down += 1
          output.write(`${chalk.red('down')}  ${describeHost(event.host, event.cluster)}: ${toPlainLine(event.reason)}`)
          break
        case 'job.planned':
          counts.planned += 1
          planFile(event)
          break
        case 'job.skipped':
          counts.skipped += 1
          output.write(`${chalk.bold(toLabel(event.file))}\n  ${chalk.yellow('skipped')}: ${toPlainLine(event.reason)}`)
          break
        case 'job.failed':
          counts.failed += 1
          output.write(`${chalk.bold(toLabel(event.file))}\n  ${chalk.red('would fail')}: ${toPlainLine(event.reason)}`)
          break
        case 'warning':
          output.write(`${chalk.yellow('warning')}: ${toPlainLine(event.message)}`)
          break
        default:
          break
      }
    },
    close() {
      // A wrong call tells of neither hosts nor files, and was no dry run.
      if (!isClosing && Object.values(counts).some((count) => count > 0)) {
        isClosing = true
        const parts = [
          `${countOf(counts.planned, 'file')} to encode`,
          ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
          ...(counts.hostless > 0 ? [`${counts.hostless} without a host`] : []),
          ...(counts.failed > 0 ? [`${counts.failed} that would fail`] : []),
          `${countOf(counts.up, 'host')} up`,
          ...(counts.down > 0 ? [`${counts.down} down`] : []),
        ]
        output.write(`\nDry run: ${parts.join(', ')}; nothing was changed`)
      }
      return output.close()
    },
  }
}
