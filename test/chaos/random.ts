/** Choices that a seed repeats. */

export interface Random {
  /** From 0 up to, and not including, 1. */
  next(): number
  /** A whole number, both ends included. */
  whole(from: number, to: number): number
  pick<Item>(items: readonly [Item, ...Item[]]): Item
  /** Undefined for none. */
  pickAny<Item>(items: readonly Item[]): Item | undefined
  chance(probability: number): boolean
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    // mulberry32: small, and good enough to mix faults
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const pickAny = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(next() * items.length)]
  return {
    next,
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick: (items) => pickAny(items) ?? items[0],
    pickAny,
    chance: (probability) => next() < probability,
  }
}
