/** The `path` criterion is a Python regular expression (pytranscoder's `re.search`) → a JavaScript one of the same meaning. */

const FLAG_LETTERS: Readonly<Record<string, string>> = { i: 'i', m: 'm', s: 's' }
/** Flags that change nothing here: Unicode is what JavaScript has anyway, ASCII and locale narrow what `\w` takes. */
const IDLE_FLAGS = 'aLu'
/** `\A` and `\Z`: the very beginning and end, whatever the flag `m` makes of `^` and `$`. */
const ANCHORS: Readonly<Record<string, string>> = { A: '(?<![\\s\\S])', Z: '(?![\\s\\S])' }

/**
 * @throws SyntaxError when it is no regular expression.
 */
export function toPathPattern(python: string): RegExp {
  const { flags, rest } = takeFlags(python)
  const pattern = rest
    .replace(/\(\?P</g, '(?<')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replace(/\(\?#[^)]*\)/g, '')
    .replace(/\{,(\d+)\}/g, '{0,$1}')
    .replace(/\\(.)/gs, (whole, letter: string) => ANCHORS[letter] ?? whole)
  try {
    // As in Python one "." is one character, emoji included; but that flag forbids needless escapes (`\-`, `\ `), which Python allows.
    return new RegExp(pattern, `${flags}u`)
  } catch {
    return new RegExp(pattern, flags)
  }
}

/** `(?i)` and the like at the beginning. */
function takeFlags(pattern: string): { readonly flags: string; readonly rest: string } {
  const [prefix = '', letters = ''] = /^\(\?([a-zA-Z]+)\)/.exec(pattern) ?? []
  for (const letter of letters) {
    if (FLAG_LETTERS[letter] === undefined && !IDLE_FLAGS.includes(letter)) throw new SyntaxError(`The flag "${letter}" is not supported`)
  }
  const flags = [...new Set(letters)].map((letter) => FLAG_LETTERS[letter] ?? '').join('')
  return { flags, rest: pattern.slice(prefix.length) }
}
