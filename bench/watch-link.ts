/**
 * What a link and this machine do while a file moves: how fast it goes when it goes, apart from what it takes to begin and to end, and
 * how much of the processors is left. Both ends, the link and whoever else runs share them.
 */

import { readFileSync } from 'node:fs'

export interface Watched {
  readonly seconds: number
  /** Of this process and of those it has waited for. */
  readonly cpuSeconds: number
  /** From a tenth to nine tenths of what the link carried; undefined where the link does not count. */
  readonly steadySeconds: number | undefined
  /** Of all processors, 0 to 1. */
  readonly idleRatio: number
}

/** What of the bytes and of the time `steadySeconds` leaves out at each end. */
const EDGE_RATIO = 0.1
export const STEADY_RATIO = 1 - 2 * EDGE_RATIO
const SAMPLE_EVERY_MS = 20

/** @param carriedBytes what the link has carried so far, that way */
export async function watchLink(move: () => Promise<unknown>, carriedBytes: (() => number) | undefined): Promise<Watched> {
  const samples: { readonly ms: number; readonly bytes: number }[] = []
  const sample = (): void => {
    if (carriedBytes !== undefined) samples.push({ ms: performance.now(), bytes: carriedBytes() })
  }
  const [cpuBefore, machineBefore, startedAt] = [readCpuSeconds(), readMachine(), performance.now()]
  sample()
  const sampling = setInterval(sample, SAMPLE_EVERY_MS)
  try {
    await move()
  } finally {
    clearInterval(sampling)
  }
  const seconds = (performance.now() - startedAt) / 1000
  sample()
  const machine = readMachine()
  return {
    seconds,
    cpuSeconds: readCpuSeconds() - cpuBefore,
    steadySeconds: carriedBytes === undefined ? undefined : toSteadySeconds(samples),
    idleRatio: (machine.idle - machineBefore.idle) / (machine.all - machineBefore.all),
  }
}

function toSteadySeconds(samples: readonly { readonly ms: number; readonly bytes: number }[]): number {
  const [first, last] = [samples[0]?.bytes ?? 0, samples.at(-1)?.bytes ?? 0]
  const msAt = (ratio: number): number => {
    const wanted = first + (last - first) * ratio
    const index = samples.findIndex(({ bytes }) => bytes >= wanted)
    const [before, after] = [samples[index - 1], samples[index]]
    if (before === undefined || after === undefined) return Number.NaN
    return before.ms + ((after.ms - before.ms) * (wanted - before.bytes)) / (after.bytes - before.bytes)
  }
  return (msAt(1 - EDGE_RATIO) - msAt(EDGE_RATIO)) / 1000
}

function readCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}

/** In ticks, since this machine was started. */
function readMachine(): { readonly idle: number; readonly all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  // What a guest took is in what its user took.
  const ticks = first.split(/\s+/).slice(1, 9).map(Number)
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, own) => sum + own, 0) }
}
