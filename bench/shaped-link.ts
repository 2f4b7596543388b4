/** Links to a host that are slower than this machine's memory: a virtual cable at a rate (Linux, root), and a proxy with rate and delay. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, connect as dial, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { SshdHost } from '../test/cluster/sshd-host.ts'

export interface Link extends AsyncDisposable {
  readonly address: string
  readonly port: number
  readonly knownHostsFile: string
  /** Bytes that it has carried so far, headers included where it has them. Missing where it does not count. */
  readonly carriedBytes?: (way: 'up' | 'down') => number
}

/** Bytes that may wait at the bottleneck, as in a router. */
const QUEUE_BYTES = 1024 * 1024

/** Of a cable's token bucket: what goes at once when it has rested. */
export const CABLE_BURST_BYTES = 256 * 1024

/**
 * For so long the sender's own system may queue for a cable. It waits for its network card and drops nothing of its own: with 20 ms hundreds of segments
 * of one transfer were dropped whenever this machine was busy.
 */
const CABLE_QUEUE_MS = 100
/**
 * As most systems have it. With BBR, which some machines have, a connection sends next to nothing for 0.2 s in ten, to find out how long the way is
 * (ProbeRTT): new connections are measured without that, and those that stand with it.
 */
const CABLE_CONGESTION_CONTROL = 'cubic'

let cableCount = 0

/** A second server of the same host, in a network namespace behind a cable that token buckets hold to a rate, both ways. */
export async function openCable(host: SshdHost, megabitsPerSecond: number): Promise<Link> {
  const number = cableCount
  cableCount += 1
  const name = `encode${process.pid}-${number}`
  const [near, far, port] = [`en${process.pid}-${number}`, `ef${process.pid}-${number}`, 2222]
  // Two processes that measure at a time have addresses of their own.
  const [network, gateway, address] = [0, 1, 2].map((last) => `10.213.${process.pid % 256}.${(number * 4 + last) % 256}`)
  if (address === undefined) throw new Error('No address')
  const run = (line: string): void => void execFileSync('sh', ['-c', line])
  const remove = (): void => run(`ip netns del ${name} 2>/dev/null; ip link del ${near} 2>/dev/null; true`)
  const shape = `root tbf rate ${megabitsPerSecond}mbit burst ${CABLE_BURST_BYTES} latency ${CABLE_QUEUE_MS}ms`
  try {
    run(`ip netns add ${name} && ip link add ${near} type veth peer name ${far} && ip link set ${far} netns ${name}`)
    run(`ip addr add ${gateway}/30 dev ${near} && ip link set ${near} up && ip -n ${name} addr add ${address}/30 dev ${far}`)
    run(
      `ip -n ${name} link set lo up && ip -n ${name} link set ${far} up && tc qdisc add dev ${near} ${shape} && ip netns exec ${name} tc qdisc add dev ${far} ${shape}`,
    )
    const control = `congctl ${CABLE_CONGESTION_CONTROL}`
    run(
      `ip route change ${network}/30 dev ${near} src ${gateway} ${control} && ip -n ${name} route change ${network}/30 dev ${far} src ${address} ${control}`,
    )
    const folder = dirname(host.identityFile)
    const own = await readFile(join(folder, 'sshd_config'), 'utf8')
    const config = join(folder, 'cable_config')
    await writeFile(config, own.replace(/^ListenAddress .*$/m, `ListenAddress ${address}`).replace(/^Port .*$/m, `Port ${port}`))
    // It ends with the host: the host's first process ends all of its namespace.
    const [, init] = host.seenFrom('/').match(/^\/proc\/(\d+)\//) ?? []
    run(`nsenter --net=/run/netns/${name} --mount=/proc/${init}/ns/mnt --pid=/proc/${init}/ns/pid /usr/sbin/sshd -f '${config}'`)
    return {
      address,
      port,
      knownHostsFile: await know(host, address, port),
      carriedBytes: (way) => Number(readFileSync(`/sys/class/net/${near}/statistics/${way === 'up' ? 'tx' : 'rx'}_bytes`, 'utf8')),
      [Symbol.asyncDispose]: async () => remove(),
    }
  } catch (error) {
    remove()
    throw error
  }
}

export interface FarLinkOptions {
  readonly megabitsPerSecond: number
  readonly roundTripMs: number
  /** Where it leads to; the host's SSH server unless told. */
  readonly toPort?: number
}

/** Every byte is handed on half a round trip after it came, and not faster than the rate. */
export async function openFarLink(host: SshdHost, { megabitsPerSecond, roundTripMs, toPort }: FarLinkOptions): Promise<Link> {
  const bytesPerMs = (megabitsPerSecond * 1e6) / 8 / 1000
  const sockets = new Set<Socket>()
  const carried = { up: 0, down: 0 }

  function carry(way: 'up' | 'down', from: Socket, into: Socket): void {
    const waiting: { readonly chunk: Buffer | undefined; readonly dueAt: number }[] = []
    let freeAt = 0
    let queued = 0
    // One timer for all: two that are due in the same millisecond may come in any order.
    const deliver = (): void => {
      while (waiting[0] !== undefined && waiting[0].dueAt <= performance.now()) {
        const chunk = waiting.shift()?.chunk
        if (chunk === undefined) into.end()
        else into.write(chunk)
        queued -= chunk?.length ?? 0
        carried[way] += chunk?.length ?? 0
      }
      if (queued <= QUEUE_BYTES) from.resume()
      if (waiting[0] !== undefined) setTimeout(deliver, Math.max(0, waiting[0].dueAt - performance.now()))
    }
    const queue = (chunk: Buffer | undefined): void => {
      freeAt = Math.max(freeAt, performance.now()) + (chunk?.length ?? 0) / bytesPerMs
      waiting.push({ chunk, dueAt: freeAt + roundTripMs / 2 })
      if (waiting.length === 1) setTimeout(deliver, Math.max(0, freeAt - performance.now() + roundTripMs / 2))
    }
    from.on('data', (chunk) => {
      queue(chunk)
      queued += chunk.length
      if (queued > QUEUE_BYTES) from.pause()
    })
    from.on('end', () => queue(undefined))
    from.on('error', () => into.destroy())
    from.on('close', () => sockets.delete(from))
    sockets.add(from)
  }

  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = dial({ port: toPort ?? host.port, host: host.address, allowHalfOpen: true })
    for (const socket of [near, far]) socket.setNoDelay(true)
    carry('up', near, far)
    carry('down', far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  return {
    address: '127.0.0.1',
    port,
    knownHostsFile: await know(host, '127.0.0.1', port),
    carriedBytes: (way) => carried[way],
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function know(host: SshdHost, address: string, port: number): Promise<string> {
  const file = join(dirname(host.knownHostsFile), `known_hosts_${port}`)
  await writeFile(file, `[${address}]:${port} ${host.hostPublicKey}\n`)
  return file
}
