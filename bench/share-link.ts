/**
 * Several hosts behind one slow cable, with and without the uplink's order: when each host has its first source, for how long slots
 * wait for a source, and when all results are back. Hosts are real OpenSSH servers of this machine; the encoder is a stand-in that
 * takes its time and leaves a file of half the size. Each host fetches one source ahead.
 *
 *     node bench/share-link.ts [--hosts 3] [--jobs 3] [--megabytes 40] [--megabits 200] [--encode-seconds 6] [--rounds 2] [--client] [--json]
 *
 * `--client`: through the system's OpenSSH client, else over ssh2. Files are made in the folder for temporary ones.
 */

import { execFileSync } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/clock.ts'
import { createHost } from '../src/host/create-host.ts'
import { createHostConfig } from '../src/host/create-host-config.ts'
import type { Host } from '../src/host/host.ts'
import { type AttemptTurns, createTransferTurns } from '../src/run/attempts/transfer-turns.ts'
import { createUplink } from '../src/transfer/uplink/uplink.ts'
import { type SshdHost, startSshdHost } from '../test/cluster/sshd-host.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '3' },
    megabytes: { type: 'string', default: '40' },
    megabits: { type: 'string', default: '200' },
    'encode-seconds': { type: 'string', default: '6' },
    rounds: { type: 'string', default: '2' },
    client: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [hostCount, jobs, megabytes, megabits] = [values.hosts, values.jobs, values.megabytes, values.megabits].map(Number) as [
  number,
  number,
  number,
  number,
]
const [encodeMs, rounds] = [Number(values['encode-seconds']) * 1000, Number(values.rounds)]

interface Round {
  /** Of each host, soonest first. */
  readonly firstSourceSeconds: readonly number[]
  readonly waitingSeconds: number
  readonly makespanSeconds: number
}

await using stack = new AsyncDisposableStack()
const servers = await Promise.all(
  Array.from({ length: hostCount }, async (_, index) => stack.use(await startSshdHost({ name: `share${index}` }))),
)
const cable = await openSharedCable(servers, megabits)
stack.defer(cable.remove)
const folder = dirname(servers[0]?.identityFile ?? '')
const source = join(folder, 'source')
execFileSync('sh', ['-c', `head -c ${megabytes}000000 /dev/urandom >'${source}'`])
const hosts = await Promise.all(
  servers.map(async (server, index) => {
    const { name, identityFile, homeFolder, user, workingFolder } = server
    const place = { address: cable.address, port: cable.port(index), knownHosts: cable.knownHostsFile }
    const host = createHost({
      config: createHostConfig({ name, type: 'streaming', user, identityFile, workingDir: workingFolder, ...place }),
      sshProgram: undefined,
      env: process.env,
      homeFolder,
      clientFromBytes: values.client ? 0 : Number.POSITIVE_INFINITY,
      clientFromBusyRatio: 0,
      onNote: (note) => {
        throw new Error(note)
      },
    })
    await host.open()
    stack.use(host)
    return { host, server }
  }),
)

const kinds = { unmanaged: false, managed: true }
const measured = new Map<string, Round[]>()
for (let round = 1; round <= rounds; round += 1) {
  for (const [kind, isManaged] of Object.entries(kinds)) {
    measured.set(kind, [...(measured.get(kind) ?? []), await work(isManaged)])
  }
}
report()

async function work(isManaged: boolean): Promise<Round> {
  const turns = createTransferTurns(createUplink({ bytesPerSecond: undefined, clock: systemClock }), systemClock)
  const startedAt = performance.now()
  const since = (fromMs: number): number => (performance.now() - fromMs) / 1000
  const firsts: number[] = []
  let waitingSeconds = 0

  async function runHost({ host, server }: { readonly host: Host; readonly server: SshdHost }): Promise<void> {
    const { name } = host.config
    let slotFreeAt = Promise.resolve(startedAt)
    const returned: Promise<void>[] = []
    for (let job = 0; job < jobs; job += 1) {
      const slot = { hasSlot: job === 0 }
      void slotFreeAt.then(() => {
        slot.hasSlot = true
      })
      const attempt = turns.begin({ key: name, config: {}, sourceBytes: megabytes * 1e6, slot })
      const result = join(server.workingFolder, `result${job}`)
      const here = join(folder, `${name}-${job}`)
      await host.putFile(source, join(server.workingFolder, 'source'), isManaged ? { turn: attempt.take('fetch') } : {})
      if (job === 0) firsts.push(since(startedAt))
      waitingSeconds += since(await slotFreeAt)
      // The next source is fetched meanwhile.
      slotFreeAt = encode(attempt, server.seenFrom(result)).then((endedAt) => {
        const options = isManaged ? { turn: attempt.take('return') } : {}
        returned.push(host.getFile(result, here, options).then(() => rm(here)))
        return endedAt
      })
    }
    await slotFreeAt
    await Promise.all(returned)
  }

  await Promise.all(hosts.map(runHost))
  return { firstSourceSeconds: firsts.sort((one, other) => one - other), waitingSeconds, makespanSeconds: since(startedAt) }
}

/** Resolves to the time at which it ended. */
async function encode(attempt: AttemptTurns, result: string): Promise<number> {
  attempt.expectEnd(encodeMs / 1000)
  await sleep(encodeMs)
  attempt.end()
  const endedAt = performance.now()
  await writeFile(result, Buffer.alloc((megabytes * 1e6) / 2))
  return endedAt
}

interface SharedCable {
  readonly address: string
  readonly knownHostsFile: string
  port(index: number): number
  remove(): Promise<void>
}

/** All of them in one network namespace, behind one cable that token buckets hold to a rate, both ways. */
async function openSharedCable(behind: readonly SshdHost[], megabitsPerSecond: number): Promise<SharedCable> {
  const [name, near, far] = ['encode-share', 'es', 'et'].map((part) => `${part}${process.pid}`)
  const [gateway, address] = [1, 2].map((last) => `10.214.${process.pid % 256}.${last}`)
  if (near === undefined || far === undefined || name === undefined || address === undefined) throw new Error('No names')
  const run = (line: string): void => void execFileSync('sh', ['-c', line])
  const remove = async (): Promise<void> => run(`ip netns del ${name} 2>/dev/null; ip link del ${near} 2>/dev/null; true`)
  const shape = `root tbf rate ${megabitsPerSecond}mbit burst 256kb latency 20ms`
  const port = (index: number): number => 2222 + index
  const knownHostsFile = join(dirname(behind[0]?.identityFile ?? ''), 'known_hosts_share')
  try {
    run(`ip netns add ${name} && ip link add ${near} type veth peer name ${far} && ip link set ${far} netns ${name}`)
    run(`ip addr add ${gateway}/30 dev ${near} && ip link set ${near} up && ip -n ${name} addr add ${address}/30 dev ${far}`)
    run(`ip -n ${name} link set ${far} up && tc qdisc add dev ${near} ${shape} && ip netns exec ${name} tc qdisc add dev ${far} ${shape}`)
    const known: string[] = []
    for (const [index, host] of behind.entries()) {
      const own = await readFile(join(dirname(host.identityFile), 'sshd_config'), 'utf8')
      const config = join(dirname(host.identityFile), 'share_config')
      await writeFile(config, own.replace(/^ListenAddress .*$/m, `ListenAddress ${address}`).replace(/^Port .*$/m, `Port ${port(index)}`))
      // It ends with the host: the host's first process ends all of its namespace.
      const [, init] = host.seenFrom('/').match(/^\/proc\/(\d+)\//) ?? []
      run(`nsenter --net=/run/netns/${name} --mount=/proc/${init}/ns/mnt --pid=/proc/${init}/ns/pid /usr/sbin/sshd -f '${config}'`)
      known.push(`[${address}]:${port(index)} ${host.hostPublicKey}\n`)
    }
    await writeFile(knownHostsFile, known.join(''))
    return { address, knownHostsFile, port, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

function report(): void {
  if (values.json) {
    console.log(JSON.stringify({ hostCount, jobs, megabytes, megabits, encodeMs, rounds: [...measured] }))
    return
  }
  console.log(`${hostCount} hosts, ${jobs} jobs each of ${megabytes} MB and ${encodeMs / 1000} s, ${megabits} Mbit/s, ${rounds} rounds\n`)
  console.log('| uplink | first sources after, s | slots waited, s | all back after, s |\n|---|---|---|---|')
  for (const [kind, own] of measured) {
    for (const { firstSourceSeconds, waitingSeconds, makespanSeconds } of own) {
      const firsts = firstSourceSeconds.map((seconds) => seconds.toFixed(1)).join(', ')
      console.log(`| ${kind} | ${firsts} | ${waitingSeconds.toFixed(1)} | ${makespanSeconds.toFixed(1)} |`)
    }
  }
}
