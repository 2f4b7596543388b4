/** `npm run chaos -- [--minutes N] [--seed S]`: does the worst to a running cluster, and tells what came of it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canStartHosts } from '../cluster/sshd-host.ts'
import { renderReport } from './render-report.ts'
import { runChaos } from './run-chaos.ts'

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) } },
  })
  const minutes = Number(values.minutes)
  const seed = Number(values.seed)
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
    console.error('chaos: --minutes takes a number above 0, --seed a whole number')
    return 2
  }
  if (!canStartHosts) {
    console.error('chaos: It makes machines out of this one, which takes root on Linux: run `sudo npm run chaos`')
    return 2
  }
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const logFolder = await mkdtemp(join(tmpdir(), `encode-chaos-log-${seed}-`))
  console.log(`Seed ${seed}, ${minutes} min of faults, log in ${logFolder}`)
  const report = await runChaos({ seed, minutes, logFolder, signal: interrupt.signal })
  console.log(renderReport(report))
  const isGood = report.lost.length + report.wrong.length + report.leftOver.length === 0
  if (isGood) await rm(logFolder, { recursive: true })
  else console.log(`\nTo look at it: ${logFolder}; to try again: npm run chaos -- --minutes ${minutes} --seed ${seed}`)
  return isGood ? 0 : 1
}
