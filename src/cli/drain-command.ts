/** `encode drain [HOST]`, `encode --drain`: runs under way start nothing more, at all or on one host, and finish what they have. */

import { systemClock } from '../core/clock.ts'
import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import { describeProcess } from '../ledger/process-identity.ts'
import type { RunRecord } from '../ledger/records.ts'
import type { RequestAnswer } from '../ledger/requests.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines } from './print-lines.ts'
import { stateFolder } from './state-folder.ts'

/** A run looks for requests every second. */
const PATIENCE_MS = 5_000
const LOOK_EVERY_MS = 100

interface AskedRun {
  readonly run: RunRecord
  readonly answer: RequestAnswer | undefined
  /** It had its last job when it was asked. */
  readonly isOver: boolean
}

/** Resolves to the exit status. Rejects with USAGE_INVALID when there are runs, and none of them has such a host. */
export async function drainCommand(args: Arguments): Promise<number> {
  const host = args.command === 'drain' ? args.words[0] : undefined
  refuseMore(args, host)
  using ledger = openLedger({ folder: stateFolder(process.env), clock: systemClock, pid: process.pid, warner: process })
  const asked = await ask(ledger, { host, cluster: args.last.cluster })
  if (asked.length === 0) {
    await printLines(['No run is under way'])
    return 0
  }
  const refused = asked.filter(({ answer }) => answer?.isRefused === true)
  if (refused.length === asked.length) throw new EncodeError('USAGE_INVALID', refused.map(describe).join('\n'))
  await printLines(asked.map(describe))
  return 0
}

function refuseMore(args: Arguments, host: string | undefined): void {
  const extra = args.command === 'drain' ? args.words.slice(1) : args.words
  if (extra.length > 0 && args.command !== 'drain') {
    throw new EncodeError('USAGE_INVALID', '"--drain" takes no paths: it ends the runs that are under way after their jobs', {
      hint: 'For one host only: encode drain HOST',
    })
  }
  if (extra.length > 0) throw new EncodeError('USAGE_INVALID', '"encode drain" takes one host', { hint: 'Call it once for each host' })
  if (args.clusters.length > 0 && host === undefined) {
    throw new EncodeError('USAGE_INVALID', '"-c" says which cluster a host is of, and no host is named', {
      hint: 'encode drain HOST -c CLUSTER',
    })
  }
}

/** Asks every run under way, and waits for what they say. A run that does not answer (stopped by Ctrl-Z, about to end) finds it later. */
async function ask(
  ledger: Ledger,
  request: { readonly host: string | undefined; readonly cluster: string | undefined },
): Promise<readonly AskedRun[]> {
  const asked = ledger.livingRuns().map((run) => ({ run, id: ledger.askToDrain(run.id, request) }))
  const untilMs = systemClock.now() + PATIENCE_MS
  const collect = (): readonly AskedRun[] => {
    const living = new Set(ledger.livingRuns().map(({ id }) => id))
    return asked.map(({ run, id }) => ({ run, answer: ledger.findAnswer(id), isOver: !living.has(run.id) }))
  }
  let answers = collect()
  while (answers.some(({ answer, isOver }) => answer === undefined && !isOver) && systemClock.now() < untilMs) {
    await systemClock.sleep(LOOK_EVERY_MS)
    answers = collect()
  }
  return answers
}

function describe({ run, answer, isOver }: AskedRun): string {
  const said = answer?.message ?? (isOver ? 'has just ended' : 'was asked, and has not answered yet')
  return `Run ${run.id} (${describeProcess(run.process)}) ${toVisible(said)}`
}
