/** A link to a host with a rate, which counts what goes over it and can break: both ends hear of that at once. */

import { createServer, connect as dial, type Socket } from 'node:net'

export interface SlowLink extends AsyncDisposable {
  readonly port: number
  /** Bytes handed on so far, to the host and from it. */
  readonly bytes: { readonly up: number; readonly down: number }
  /** Resolves as soon as so many bytes have gone that way. */
  whenPassed(way: Way, bytes: number): Promise<void>
  /** Breaks every connection, or the one over which most went, as soon as so many bytes have gone that way; resolves then. New ones get through. */
  breakAt(way: Way, bytes: number, which?: 'all' | 'busiest'): Promise<void>
}

type Way = 'up' | 'down'

export async function openSlowLink(
  to: { readonly address: string; readonly port: number },
  { bytesPerSecond }: { readonly bytesPerSecond: number },
): Promise<SlowLink> {
  const bytes = { up: 0, down: 0 }
  const pairs = new Map<Socket, { readonly far: Socket; bytes: number }>()
  const waiting = new Set<{ readonly way: Way; readonly bytes: number; readonly reach: () => void }>()

  function breakPair(near: Socket): void {
    const pair = pairs.get(near)
    pairs.delete(near)
    for (const socket of [near, pair?.far]) socket?.resetAndDestroy()
  }

  function count(way: Way, near: Socket, length: number): void {
    bytes[way] += length
    const pair = pairs.get(near)
    if (pair !== undefined) pair.bytes += length
    for (const entry of waiting) {
      if (entry.way !== way || bytes[way] < entry.bytes) continue
      waiting.delete(entry)
      entry.reach()
    }
  }

  async function whenPassed(way: Way, at: number): Promise<void> {
    await new Promise<void>((resolve) => waiting.add({ way, bytes: at, reach: resolve }))
  }

  function breakPairs(which: 'all' | 'busiest'): void {
    const byBytes = [...pairs].sort(([, a], [, b]) => b.bytes - a.bytes).map(([near]) => near)
    for (const near of which === 'all' ? byBytes : byBytes.slice(0, 1)) breakPair(near)
  }

  const server = createServer((near) => {
    const far = dial(to.port, to.address)
    pairs.set(near, { far, bytes: 0 })
    for (const [way, from, into] of [
      ['up', near, far],
      ['down', far, near],
    ] as const) {
      from.on('data', (chunk) => {
        into.write(chunk)
        count(way, near, chunk.length)
        from.pause()
        setTimeout(() => from.resume(), (chunk.length / bytesPerSecond) * 1000)
      })
      from.on('error', () => {})
      from.on('close', () => {
        pairs.delete(near)
        into.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    bytes,
    whenPassed,
    async breakAt(way, at, which = 'all') {
      await whenPassed(way, at)
      breakPairs(which)
    },
    async [Symbol.asyncDispose]() {
      breakPairs('all')
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}
