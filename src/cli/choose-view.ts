/** Which view tells this call: NDJSON, plain lines, the live terminal, or the plan of a dry run. */

import { writeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import type { View } from '../model/events.ts'
import type { LiveView } from '../view/live-view.ts'
import { openOutput } from '../view/open-output.ts'
import { chooseChalk } from './choose-chalk.ts'
import type { Arguments } from './parse-arguments.ts'
import type { StopAndGo } from './stop-and-go.ts'

export interface ChosenView {
  readonly view: View
  /** Runs `ask` with the picture out of the way. */
  readonly pausedFor: <Answer>(ask: () => Promise<Answer>) => Promise<Answer>
  /** Puts the terminal right at once, for an exit that waits for nothing. */
  readonly restoreTerminal: () => void
  /** Where a picture stands: it makes room for the shell on Ctrl-Z. */
  readonly stopAndGo?: StopAndGo
}

/** @param giveUp aborted when nobody waits any more, not even for a reader that is stuck. */
export async function chooseView(args: Arguments, colorize: boolean | undefined, giveUp: AbortSignal): Promise<ChosenView> {
  const isTerminal = process.stdout.isTTY === true
  const stdout = openOutput(process.stdout, process.platform)
  const chalk = chooseChalk(args, colorize)
  // Each is loaded for who wants it: what draws pictures and measures text takes a fifth of the time before a run begins.
  if (args.isJson) {
    const { createJsonView } = await import('../view/json-view.ts')
    return still(createJsonView({ stdout, giveUp }))
  }
  if (args.isDryRun) {
    const { createDryRunView } = await import('../view/dry-run-view.ts')
    return still(createDryRunView({ stdout, chalk, giveUp }))
  }
  const isLive = isTerminal && !args.isPlain && args.verbosity !== 'quiet' && process.env.TERM !== 'dumb' && process.env.CI === undefined
  if (!isLive) {
    const { createPlainView } = await import('../view/plain-view.ts')
    return still(createPlainView({ stdout, verbosity: args.verbosity, chalk, giveUp }))
  }
  const { createLiveView } = await import('../view/live-view.ts')
  return live(createLiveView({ stdout, stderr: process.stderr, clock: systemClock, chalk, giveUp }))
}

function still(view: View): ChosenView {
  return { view, pausedFor: (ask) => ask(), restoreTerminal: () => {} }
}

function live(view: LiveView): ChosenView {
  return {
    view,
    async pausedFor(ask) {
      // The picture is taken away by another stream than the one that asks: a question that overtook it would be wiped out with it.
      await new Promise<void>((resolve) => view.suspend(resolve))
      try {
        return await ask()
      } finally {
        view.resume()
      }
    },
    stopAndGo: { hide: (onGone) => view.suspend(onGone), show: () => view.resume() },
    restoreTerminal: () => {
      const sequence = view.restoreSequence()
      if (sequence !== '') writeSync(process.stdout.fd, sequence)
    },
  }
}
