/**
 * Few handshakes at once: sshd drops unauthenticated connections at random from the tenth on (MaxStartups 10:30:100), counted for
 * all its clients. So the limit here is per address and for the whole process.
 */

import { type CallLimit, createCallLimit } from '../../core/call-limit.ts'

const HANDSHAKES_AT_ONCE = 4

const gates = new Map<string, CallLimit>()

/** Runs `handshake` when there is room for it at `address`. Aborted while it waits, it rejects with the signal's reason. */
export async function throughGate<T>(address: string, signal: AbortSignal | undefined, handshake: () => Promise<T>): Promise<T> {
  const gate = gates.get(address) ?? createCallLimit(HANDSHAKES_AT_ONCE)
  gates.set(address, gate)
  return await gate.run(handshake, signal)
}
