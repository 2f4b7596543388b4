/**
 * Hosts that are opened while the first files are still looked into: what takes longest before the first encode then takes its time beside
 * the rest. Nobody hears of them until the run takes them over; a host that it does not want is closed again.
 */

import { untilAborted } from '../core/until-aborted.ts'
import type { Host, OpenOptions } from '../host/host.ts'
import type { HostConfig } from '../model/config.ts'

export interface OpenAheadOptions {
  readonly createHost: (config: HostConfig) => Host
  readonly signal: AbortSignal
  /** How each is opened, as whoever takes them would. */
  readonly how?: ((config: HostConfig) => OpenOptions) | undefined
}

/** Disposed of, it closes those that nobody took; never rejects. */
export interface HostsAhead extends AsyncDisposable {
  /**
   * The host that is being opened for this configuration, where there is one: its `open` resolves or rejects when that is over. Any other
   * is made anew. A run takes its hosts all at once, so that those that are left a moment after the first was taken are closed.
   */
  readonly createHost: (config: HostConfig) => Host
  /** Opens those that are not being opened yet. */
  add(configs: Iterable<HostConfig>): void
}

export function openAhead(configs: Iterable<HostConfig>, { createHost, signal, how }: OpenAheadOptions): HostsAhead {
  const waiting = new Map<HostConfig, Host>()
  const closing: Promise<unknown>[] = []
  let isTaken = false
  add(configs)
  return {
    add,
    createHost(config) {
      const host = waiting.get(config)
      waiting.delete(config)
      if (!isTaken) setImmediate(closeRest)
      isTaken = true
      return host ?? createHost(config)
    },
    async [Symbol.asyncDispose]() {
      closeRest()
      await Promise.allSettled(closing)
    },
  }

  function add(more: Iterable<HostConfig>): void {
    for (const config of more) {
      const host = waiting.has(config) ? undefined : begin(config)
      if (host !== undefined) waiting.set(config, host)
    }
  }

  function begin(config: HostConfig): Host | undefined {
    try {
      const host = createHost(config)
      const opening = host.open(signal, how?.(config))
      opening.catch(() => {}) // told to whoever takes it
      return { ...host, open: async (wanted) => await untilAborted(opening, wanted) }
    } catch {
      // Whoever wants it meets the same.
      return undefined
    }
  }

  function closeRest(): void {
    for (const host of waiting.values()) closing.push(host[Symbol.asyncDispose]())
    waiting.clear()
  }
}
