/**
 * What of a file a reader was given. A reader that jumps chooses to leave something out; one whose last request was cut off may have
 * taken that for the end of the file.
 */

export interface ServedRanges {
  /** A request from there on. */
  begin(start: number): ServedRange
  /** Whether the last request, and what other requests got behind it, went up to the end. */
  reachedEnd(): boolean
}

export interface ServedRange {
  /** Behind the last byte that was given. */
  readonly position: number
  add(bytes: number): void
}

export function createServedRanges(sizeBytes: number): ServedRanges {
  const ranges: { readonly start: number; position: number }[] = []

  return {
    begin(start) {
      const range = { start, position: start }
      ranges.push(range)
      return {
        get position() {
          return range.position
        },
        add(bytes) {
          range.position += bytes
        },
      }
    },
    reachedEnd() {
      let position = ranges.at(-1)?.position ?? 0
      for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
        if (range.start <= position) position = Math.max(position, range.position)
      }
      return position >= sizeBytes
    },
  }
}
