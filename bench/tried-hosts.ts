/** What trials of their encoders say of simulated hosts of which nothing else is known: right on average, and off by chance. */

import type { SimulatedHost } from './random-cluster.ts'

/** A trial's picture is another one than a film's: all are off by a factor that nobody knows. */
const UNIT = 30

/** `error`: the deviation of the logarithm, so that 0.7 is a factor of two, up or down. */
export function tryHosts(hosts: readonly SimulatedHost[], error: number): ReadonlyMap<string, number> {
  return new Map(hosts.map(({ name, speed }, index) => [name, UNIT * speed * Math.exp(error * deviate(index))]))
}

/** Normally distributed over many numbers, and the same for each: evenly spread by the golden ratio, then Box and Muller. */
function deviate(index: number): number {
  const [share, turn] = [(index * 0.618_033_988_7 + 0.5) % 1, (index * 0.754_877_666_2 + 0.5) % 1]
  return Math.sqrt(-2 * Math.log(1 - share)) * Math.cos(2 * Math.PI * turn)
}
