/**
 * Few handshakes at once: sshd drops unauthenticated connections at random from the tenth on (MaxStartups 10:30:100), counted for
 * all its clients. So the limit here is per address and for the whole process.
 */

const HANDSHAKES_AT_ONCE = 4

interface Gate {
  inside: number
  readonly waiting: (() => void)[]
}

const gates = new Map<string, Gate>()

/** Runs `handshake` when there is room for it at `address`. */
export async function throughGate<T>(address: string, signal: AbortSignal | undefined, handshake: () => Promise<T>): Promise<T> {
  const gate = gates.get(address) ?? { inside: 0, waiting: [] }
  gates.set(address, gate)
  await enter(gate, signal)
  try {
    return await handshake()
  } finally {
    gate.inside -= 1
    gate.waiting.shift()?.()
    if (gate.inside === 0) gates.delete(address)
  }
}

async function enter(gate: Gate, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  if (gate.inside < HANDSHAKES_AT_ONCE) {
    gate.inside += 1
    return
  }
  await new Promise<void>((resolve, reject) => {
    const go = (): void => {
      signal?.removeEventListener('abort', leave)
      gate.inside += 1
      resolve()
    }
    const leave = (): void => {
      gate.waiting.splice(gate.waiting.indexOf(go), 1)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', leave, { once: true })
    gate.waiting.push(go)
  })
}
