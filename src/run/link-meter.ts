/**
 * How much the transfers of one host have moved over its link together. A transfer that shares the link with others is no slower link:
 * what counts is all that went the same way while it moved.
 */

/** To the host or from it: the two do not take from each other. */
export type LinkWay = 'fetch' | 'return'

export interface LinkMeter {
  count(way: LinkWay, bytes: number): void
  /** Since the beginning. */
  totalBytes(way: LinkWay): number
}

export function createLinkMeter(): LinkMeter {
  const totals: Record<LinkWay, number> = { fetch: 0, return: 0 }
  return {
    count(way, bytes) {
      totals[way] += bytes
    },
    totalBytes: (way) => totals[way],
  }
}
