/**
 * A Python regular expression → a JavaScript one. Rules of pytranscoder hold Python patterns (`re.search`);
 * what the two languages write differently is rewritten, the rest is left alone.
 *
 * Rewritten: `(?i)`, `(?s)`, `(?m)`, `(?a)`, `(?u)`, `(?L)` at the start, `(?P<name>…)`, `(?P=name)`, `(?#…)`, `\A`, `\Z`, `{,n}`.
 */

/** @throws SyntaxError where the pattern cannot be read. */
export function toRegExp(pattern: string): RegExp {
  const flagged = /^\(\?([aiLmsux]+)\)/.exec(pattern)
  const flags = flagged?.[1] ?? ''
  if (flags.includes('x')) throw new SyntaxError('The flag "x" (verbose) is not supported')
  const jsFlags = ['i', 'm', 's'].filter((flag) => flags.includes(flag)).join('')
  const source = toJavaScript(pattern.slice(flagged?.[0].length ?? 0))
  try {
    // As in Python one "." is one character, emoji included; but this flag forbids needless escapes (`\-`, `\ `), which Python allows.
    return new RegExp(source, `${jsFlags}u`)
  } catch {
    return new RegExp(source, jsFlags)
  }
}

const TOKEN = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P<|\(\?P=\w+\)|\(\?#[^)]*\)|\{,\d+\}|[\s\S]/g

function toJavaScript(pattern: string): string {
  return pattern.replace(TOKEN, (token) => {
    if (token === '\\A') return '(?<![\\s\\S])'
    if (token === '\\Z') return '(?![\\s\\S])'
    if (token === '(?P<') return '(?<'
    if (token.startsWith('(?P=')) return `\\k<${token.slice(4, -1)}>`
    if (token.startsWith('(?#')) return ''
    if (token.startsWith('{,')) return `{0,${token.slice(2)}`
    // A "]" that comes first in a class is a literal in Python and ends the class in JavaScript.
    if (/^\[\^?\]/.test(token)) return token.replace(/^(\[\^?)\]/, '$1\\]')
    return token
  })
}
