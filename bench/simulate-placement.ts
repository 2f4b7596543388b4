/**
 * How near `fastest` comes to the shortest possible run, over random clusters: the real scheduler under a clock that jumps, held against
 * first come, first served (`round-robin`) and a lower bound (random-cluster.ts). Once with hosts that see the media themselves, once with
 * links of their own, over which sources come and results go.
 *
 *     node bench/simulate-placement.ts [--clusters 200] [--linked-clusters 200] [--knowledge all] [--first-seed 1] [--shards 2] [--plot FILE]
 *
 * `--knowledge exact`, `wrong` or `unknown` makes all clusters of one kind (random-cluster.ts); with `all` each number has its own, a third of
 * each. Clusters are shared out among processes, `--shards` of them. Each is made from a number of its own, from `--first-seed` on.
 *
 * `--links cable` gives each way of a link all that it carries, instead of half of it while both are in use; `--thought-links` has the run
 * believe one or the other at first.
 */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { parseArgs, promisify } from 'node:util'
import { createRandomCluster, KNOWLEDGE, type Knowledge, type SimulatedCluster } from './random-cluster.ts'
import { simulateRun } from './simulate-run.ts'
import { findLowerBound } from './simulated-bound.ts'
import { tryHosts } from './tried-hosts.ts'

interface Sample {
  readonly hasLinks: boolean
  readonly knowledge: Knowledge
  /** Times the lower bound. */
  readonly fastest: number
  readonly firstCome: number
  /** The same as `fastest` without trials, where hosts are known by these alone. */
  readonly untried?: number
}

/** How far trials are off: by a factor of 1.35 or less in two of three cases. Of real ones it is known of one machine alone. */
const TRIAL_ERROR = 0.3

/** What each way of a link has while both are in use. */
const LINKS: ReadonlyMap<string, number> = new Map([
  ['shared', 0.5],
  ['cable', 1],
])

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [720, 360, 56, 44]
const MOST = 3
const COLORS = { fastest: '#1565c0', firstCome: '#e65100' }

const { values } = parseArgs({
  options: {
    clusters: { type: 'string', default: '200' },
    'linked-clusters': { type: 'string' },
    knowledge: { type: 'string', default: 'all' },
    'first-seed': { type: 'string', default: '1' },
    links: { type: 'string', default: 'shared' },
    'thought-links': { type: 'string' },
    shards: { type: 'string', default: '2' },
    /** Of a process that was started by another one: which of the shards it is. */
    shard: { type: 'string' },
    plot: { type: 'string' },
  },
})
const counts = { plain: Number(values.clusters), linked: Number(values['linked-clusters'] ?? values.clusters) }
const firstSeed = Number(values['first-seed'])
const shards = Number(values.shards)
const kinds = KNOWLEDGE.filter((kind) => values.knowledge === 'all' || values.knowledge === kind)
if (kinds.length === 0) throw new Error(`--knowledge is one of ${KNOWLEDGE.join(', ')} and all`)
const samples: Sample[] = values.shard === undefined ? await sampleInShards() : await sample(Number(values.shard))
if (values.shard !== undefined) process.stdout.write(JSON.stringify(samples))
else await report()

async function sampleInShards(): Promise<Sample[]> {
  const runShard = promisify(execFile)
  const answers = Array.from({ length: shards }, async (_, shard) => {
    const { stdout } = await runShard(process.execPath, [import.meta.filename, ...process.argv.slice(2), '--shard', String(shard)])
    return JSON.parse(stdout) as Sample[]
  })
  return (await Promise.all(answers)).flat()
}

async function sample(shard: number): Promise<Sample[]> {
  const sampled: Sample[] = []
  for (let index = shard; index < Math.max(counts.plain, counts.linked); index += shards) {
    for (const hasLinks of [false, true]) {
      if (index >= (hasLinks ? counts.linked : counts.plain)) continue
      const knowledge = kinds.length === 1 ? kinds[0] : undefined
      const cluster = createRandomCluster(firstSeed + index, { hasLinks, knowledge, bothRatio: toBothRatio(values.links) })
      const knownRatio = values['thought-links'] === undefined ? cluster.knownRatio : toBothRatio(values['thought-links'])
      sampled.push(await measure({ ...cluster, knownRatio }, hasLinks))
    }
  }
  return sampled
}

function toBothRatio(name: string): number {
  const ratio = LINKS.get(name)
  if (ratio === undefined) throw new Error(`Links are one of ${[...LINKS.keys()].join(', ')}`)
  return ratio
}

async function measure(cluster: SimulatedCluster, hasLinks: boolean): Promise<Sample> {
  const bound = findLowerBound(cluster)
  const { knowledge, hosts } = cluster
  const trials = knowledge === 'unknown' ? tryHosts(hosts, TRIAL_ERROR) : undefined
  const [fastest, firstCome] = [
    (await simulateRun(cluster, 'fastest', undefined, trials)) / bound,
    (await simulateRun(cluster, 'round-robin')) / bound,
  ]
  const sample = { hasLinks, knowledge, fastest, firstCome }
  return trials === undefined ? sample : { ...sample, untried: (await simulateRun(cluster, 'fastest')) / bound }
}

async function report(): Promise<void> {
  process.stdout.write(renderTable())
  if (values.plot !== undefined) await writeFile(values.plot, renderPlot(samples))
}

function renderTable(): string {
  const rows = [false, true].flatMap((hasLinks) => {
    const series = samples.filter((sample) => sample.hasLinks === hasLinks)
    const name = hasLinks ? 'links as they are' : 'no links'
    const untried = series.flatMap((sample) => (sample.untried === undefined ? [] : [{ ...sample, fastest: sample.untried }]))
    return [
      ...kinds.map((kind) =>
        renderRow(
          `${name}, ${kind}`,
          series.filter(({ knowledge }) => knowledge === kind),
        ),
      ),
      ...(kinds.length > 1 ? [renderRow(`**${name}, all**`, series)] : []),
      ...(untried.length > 0 ? [renderRow(`${name}, unknown and not tried`, untried)] : []),
    ]
  })
  return `${['| clusters | number | `fastest`: mean | median | 95th percentile | most | first come: mean | of first come |', '|---|---|---|---|---|---|---|---|', ...rows].join('\n')}\n`
}

function renderRow(name: string, of: readonly Sample[]): string {
  const own = of.map(({ fastest }) => fastest).sort((a, b) => a - b)
  const first = of.map(({ firstCome }) => firstCome)
  const cells = [mean(own), quantile(own, 0.5), quantile(own, 0.95), quantile(own, 1), mean(first), mean(own) / mean(first)]
  return `| ${name} | ${of.length} | ${cells.map((value) => value.toFixed(3)).join(' | ')} |`
}

/** The share of clusters whose run took at most so many times the lower bound; broken lines for those with links. */
function renderPlot(of: readonly Sample[]): string {
  const toX = (ratio: number): number => LEFT + ((Math.min(ratio, MOST) - 1) / (MOST - 1)) * (WIDTH - LEFT - 16)
  const toY = (share: number): number => HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - 16)
  const toLine = (strategy: 'fastest' | 'firstCome', hasLinks: boolean): string => {
    const sorted = of
      .filter((sample) => sample.hasLinks === hasLinks)
      .map((sample) => sample[strategy])
      .sort((a, b) => a - b)
    const points = sorted.map((ratio, index) => `${toX(ratio).toFixed(1)},${toY((index + 1) / sorted.length).toFixed(1)}`)
    const dashes = hasLinks ? ' stroke-dasharray="5 4"' : ''
    return `<polyline fill="none" stroke="${COLORS[strategy]}" stroke-width="2"${dashes} points="${points.join(' ')}"/>`
  }
  const ticks = [1, 1.5, 2, 2.5, 3].map((ratio) => `<text x="${toX(ratio)}" y="${HEIGHT - 24}" text-anchor="middle">${ratio}</text>`)
  const shares = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH - 16}" y1="${toY(share)}" y2="${toY(share)}" stroke="#ddd"/><text x="${LEFT - 8}" y="${toY(share) + 4}" text-anchor="end">${share * 100} %</text>`,
  )
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#444">`,
    `<title>Makespan of ${of.length} simulated clusters, as a multiple of the lower bound</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...shares,
    ...ticks,
    `<text x="${(WIDTH + LEFT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">time of the run, in lower bounds (3 and more at the edge)</text>`,
    ...[false, true].flatMap((hasLinks) => [toLine('fastest', hasLinks), toLine('firstCome', hasLinks)]),
    `<text x="${toX(2.2)}" y="${toY(0.2)}" fill="${COLORS.fastest}">fastest</text>`,
    `<text x="${toX(2.2)}" y="${toY(0.12)}" fill="${COLORS.firstCome}">first come, first served</text>`,
    `<text x="${toX(2.2)}" y="${toY(0.04)}">broken lines: with links</text>`,
    '</svg>',
  ].join('\n')}\n`
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
