/** Waiting for something that nobody tells of: a test asks for it again and again, and fails when it never comes. */

import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is yes. Rejects, naming `what`, when that takes longer than `timeoutMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<void> {
  const { what, timeoutMs = 15_000, everyMs = 20 } = options
  const deadline = performance.now() + timeoutMs
  for (;;) {
    if (await condition()) return
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`)
    await sleep(everyMs)
  }
}
