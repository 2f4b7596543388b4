/** Host patterns as ssh_config(5) and sshd(8) write them: `*`, `?`, and `!` in front, which wins over every other pattern. */

export function matchesPatterns(name: string, patterns: readonly string[]): boolean {
  const lower = name.toLowerCase()
  let isMatched = false
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!')
    if (!toRegExp((isNegated ? pattern.slice(1) : pattern).toLowerCase()).test(lower)) continue
    if (isNegated) return false
    isMatched = true
  }
  return isMatched
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's')
}
