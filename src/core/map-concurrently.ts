/** Maps with a bound on how many calls are under way; results in the order of the items. The first rejection ends it. */

export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  maxAtOnce: number,
  map: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Array<Result>(items.length)
  const remaining = items.entries()
  let hasFailed = false
  async function work(): Promise<void> {
    for (const [index, item] of remaining) {
      if (hasFailed) return
      try {
        results[index] = await map(item, index)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxAtOnce, items.length) }, work))
  return results
}
