/** Text broken at its spaces into lines of so many terminal columns; a word that is wider than a line stands on one of its own. */

import { measureText } from './fit-text.ts'

/** @param indent spaces in front of every line but the first. Spaces within a line stay as they are. */
export function wrapWords(text: string, columns: number, indent: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  let hasWord = false
  for (const [, gap = '', word = ''] of text.matchAll(/(\s*)(\S+)/g)) {
    if (hasWord && measureText(line) + gap.length + measureText(word) > columns) {
      lines.push(line)
      line = ' '.repeat(indent) + word
    } else {
      line += gap + word
    }
    hasWord = true
  }
  return [...lines, line]
}
