/**
 * All comparisons in turn, in one run: whole runs of films against what a user would pick instead, bytes against scp and rsync, and how long a
 * cancelled run holds its hosts.
 *
 *     npm run bench                                  # rewrites the tables of docs/performance.md and the plots; about 20 minutes
 *     npm run bench -- --quick                       # one short round of each workload, to see that it works; writes nothing
 *     node bench/run-suite.ts [--only films,cable,far,none,cancel] [--workload short] [--rounds 2] [--write]
 *
 * Needs root on Linux, GNU parallel, rsync and `npm run build`. The hosts are real OpenSSH servers in network namespaces behind cables of a fixed
 * rate (tc tbf); their encoders are paced (paced-film.ts), so that two cores are enough for both ends. What else runs on the machine is in the figures:
 * the load is told beside them.
 */

import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { type Comparison, compareWays, renderComparisons } from './compare-ways.ts'
import { plotComparisons } from './plot-comparisons.ts'
import { toQuick, WORKLOADS } from './workloads.ts'
import { writeMeasured } from './write-measured.ts'

const ROOT = join(import.meta.dirname, '..')
const DOCUMENT = join(ROOT, 'docs/performance.md')
const PLOT = join(ROOT, 'docs/images/workloads.svg')

/** Benchmarks that are programs of their own, and print Markdown. */
const PROGRAMS: Readonly<Record<string, { readonly full: readonly string[]; readonly quick: readonly string[] }>> = {
  none: { full: ['transfer.ts', '--megabytes', '1000', '--rounds', '3'], quick: ['transfer.ts', '--megabytes', '100', '--rounds', '1'] },
  cable: {
    full: ['transfer.ts', '--link', 'cable', '--megabytes', '1000', '--rounds', '3'],
    quick: ['transfer.ts', '--link', 'cable', '--megabytes', '100', '--rounds', '1'],
  },
  far: {
    full: ['transfer.ts', '--link', 'far', '--megabytes', '120', '--rounds', '2'],
    quick: ['transfer.ts', '--link', 'far', '--megabytes', '20', '--rounds', '1'],
  },
  cancel: { full: ['cancel.ts', '--rounds', '3'], quick: ['cancel.ts', '--hosts', '3', '--rounds', '1'] },
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: `films,${Object.keys(PROGRAMS).join(',')}` },
    workload: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const isWriting = values.write && !values.quick

for (const part of values.only.split(',')) {
  const startedLoad = loadavg()
  if (part === 'films') {
    const comparisons = await compareFilms()
    if (isWriting) await writeFile(PLOT, plotComparisons(comparisons))
    await tell(part, renderComparisons(comparisons), startedLoad)
  } else {
    const program = PROGRAMS[part]
    if (program === undefined) throw new Error(`There is no part "${part}": choose of films, ${Object.keys(PROGRAMS).join(', ')}`)
    const [file = '', ...argv] = values.quick ? program.quick : program.full
    const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, file), ...argv])
    await tell(part, stdout, startedLoad)
  }
}

async function compareFilms(): Promise<readonly Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-films-'))
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 2))
  try {
    const comparisons: Comparison[] = []
    for (const workload of WORKLOADS.filter(({ name }) => values.workload === undefined || name === values.workload)) {
      const wanted = values.quick ? toQuick(workload) : workload
      comparisons.push(await compareWays(wanted, { rounds, folder, onTime: (text) => console.error(text) }))
    }
    return comparisons
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function tell(part: string, text: string, before: readonly number[]): Promise<void> {
  const commit = execFileSync('git', ['-C', ROOT, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const loads = [before[0], loadavg()[0]].map((load) => load?.toFixed(1)).join(' before, ')
  const day = new Date().toISOString().slice(0, 10)
  const measured = `${text.trim()}\n\nMeasured on ${day} at ${commit}, ${availableParallelism()} cores, load ${loads} after.`
  console.log(`\n${measured}`)
  if (isWriting) await writeMeasured(DOCUMENT, part, measured)
}
