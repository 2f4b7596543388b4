/** One line at the bottom of a terminal that says whom we are waiting for, rewritten in place and gone in the end. */

import type { Writable } from 'node:stream'
import { cutText } from './fit-text.ts'
import { toLabel } from './to-label.ts'

export interface WaitingLine {
  /** That one has answered. */
  done(name: string): void
  /** Takes the line away, for something else that is shown. */
  hide(): void
  show(): void
}

/** Erases the line (EL 2), cursor at its start. */
const ERASE = '\r\u001b[2K'

/** @param terminal undefined where it is none: nothing is shown. */
export function createWaitingLine(
  what: string,
  names: readonly string[],
  terminal: (Writable & { readonly columns?: number | undefined }) | undefined,
): WaitingLine {
  const left = [...names]
  const hide = (): void => void terminal?.write(ERASE)
  const show = (): void => {
    if (terminal === undefined || left.length === 0) return
    const text = `${what}: ${names.length - left.length} of ${names.length} answered, waiting for ${left.map(toLabel).join(', ')}`
    terminal.write(`${ERASE}${cutText(text, Math.max(10, (terminal.columns ?? 80) - 1))}`)
  }
  return {
    done(name) {
      const at = left.indexOf(name)
      if (at !== -1) left.splice(at, 1)
      if (left.length === 0) hide()
      else show()
    },
    hide,
    show,
  }
}
