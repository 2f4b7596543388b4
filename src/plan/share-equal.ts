/**
 * Makes one of values that are equal: the episodes of a series have the same profile and the same ffmpeg arguments, and a run may hold
 * tens of thousands of plans at a time.
 */

/** The value, or an equal one that was given before. Only for plain data that nobody changes. */
export type ShareEqual = <Value extends object>(value: Value) => Value

/** Enough for a library of many kinds of files; so few that a library in which no two are alike costs next to nothing. */
const MAX_KEPT = 500

export function createShareEqual(maxKept = MAX_KEPT): ShareEqual {
  const kept = new Map<string, object>()
  return <Value extends object>(value: Value): Value => {
    const text = JSON.stringify(value)
    // What is asked for again goes to the end: the oldest is what nobody asked for.
    const known = (kept.get(text) ?? value) as Value
    kept.delete(text)
    kept.set(text, known)
    const [oldest] = kept.keys()
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
    return known
  }
}
