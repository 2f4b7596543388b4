/** Waiting for something that nobody tells of: a test asks for it again and again, and fails when it never comes. */

import { setTimeout as sleep } from 'node:timers/promises'
import { measureCrowd } from './quiet-clock.ts'

/** Asks until the answer is yes. Rejects, naming `what`, when that takes longer than `timeoutMs`: as much longer as this machine has to do. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<void> {
  const { what, timeoutMs = 15_000, everyMs = 20 } = options
  const startedMs = performance.now()
  for (;;) {
    if (await condition()) return
    const waitedMs = performance.now() - startedMs
    if (waitedMs > timeoutMs && waitedMs > timeoutMs * measureCrowd()) {
      throw new Error(`Waited ${Math.round(waitedMs)} ms in vain until ${what}`)
    }
    await sleep(everyMs)
  }
}
