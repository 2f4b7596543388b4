/**
 * What it takes to bring a file to a host and back: `scp` and `rsync` as whole processes, the two movers of this program on a host that is open already,
 * in turn, on a real OpenSSH server of this machine. `encode` moves bytes as a run does: over ssh2, and on through the system's OpenSSH client where ssh2 is
 * too much for this process. The rows below it are held to one of the two, with the client as soon as it has made its connection.
 * A bare TCP connection beside them tells what the link carries, on this machine, which is both of its ends and perhaps the link as well. `steady` is
 * the rate between a tenth and nine tenths of the bytes, without what it takes to begin and to end; `idle` what is left of the processors meanwhile.
 *
 *     node bench/transfer.ts [--megabytes 1000] [--rounds 5] [--link none|cable|far] [--without-binding] [--json]
 *
 * `cable`: 1 Gbit/s (tc tbf between two network namespaces). `far`: 100 Mbit/s with a round trip of 40 ms, through a proxy in this process,
 * whose processor time is in the figures.
 * `--without-binding`: ssh2 without its native code. Files are made in the folder for temporary ones: TMPDIR=/dev/shm leaves disks out of it.
 */

import { spawn, spawnSync } from 'node:child_process'
import { rm, stat, writeFile } from 'node:fs/promises'
import Module from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { countBuffersWithHeap } from '../src/core/count-buffers.ts'
import { createHostConfig } from '../src/host/create-host-config.ts'
import { receiveCommand, receiveDirectly, sendCommand, sendDirectly, sendOnDemand } from '../src/host/shell/bulk-shell.ts'
import { startSshdHost } from '../test/cluster/sshd-host.ts'
import { openPlainTcp } from './plain-tcp.ts'
import { type Link, openCable, openFarLink } from './shaped-link.ts'
import { describeSpread, median } from './statistics.ts'
import { STEADY_RATIO, type Watched, watchLink } from './watch-link.ts'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    link: { type: 'string', default: 'none' },
    'without-binding': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const LINK_MEGABITS: { readonly cable: number; readonly far: number; readonly [link: string]: number } = { cable: 1000, far: 100 }
const FAR = { megabitsPerSecond: LINK_MEGABITS.far, roundTripMs: 40 }
const [megabytes, rounds] = [Number(values.megabytes), Number(values.rounds)]

const BARE = 'bare TCP'

countBuffersWithHeap(process.versions.v8)
if (values['without-binding']) {
  const extensions = (Module as unknown as { readonly _extensions: Record<string, () => void> })._extensions
  extensions['.node'] = () => {
    throw new Error('Left out')
  }
}
// Only now: ssh2 looks for its binding when it is loaded.
const { createSshTransport } = await import('../src/host/ssh/ssh-transport.ts')
const { describeSshCrypto } = await import('../src/host/ssh/ssh-crypto.ts')

// A shell that reads no file of its user's: root's may cost a tenth of a second for each command.
await using host = await startSshdHost({ name: 'transfer', loginShell: '/bin/dash' })
await using link = await openLink()
const { address, port, knownHostsFile } = link
const source = join(dirname(host.identityFile), 'source')
const [there, here] = [join(host.workingFolder, 'there'), join(dirname(host.identityFile), 'here')]
run('sh', ['-c', `head -c ${megabytes}000000 /dev/urandom >'${source}'`])
const transportOf = (clientFromBytes: number, clientFromBusyRatio?: number) =>
  createSshTransport({
    host: createHostConfig({
      name: 'transfer',
      type: 'streaming',
      address,
      port,
      user: host.user,
      identityFile: host.identityFile,
      knownHosts: knownHostsFile,
    }),
    sshProgram: undefined,
    env: process.env,
    homeFolder: host.homeFolder,
    clientFromBytes,
    clientFromBusyRatio,
    onNote: (note) => {
      throw new Error(note)
    },
  })
await using viaBoth = transportOf(0)
await using viaClient = transportOf(0, 0)
await using viaSsh2 = transportOf(Number.POSITIVE_INFINITY)
// What stands in a run, and is asked once, is not measured: all of its connections are there.
const little = join(dirname(host.identityFile), 'little')
await writeFile(little, 'little')
for (const transport of [viaBoth, viaClient, viaSsh2]) {
  await transport.connect()
  await put(transport, little)
  await get(transport)
  await rm(here)
}

const sshOptions = [
  '-F',
  'none',
  '-i',
  host.identityFile,
  '-o',
  `UserKnownHostsFile=${knownHostsFile}`,
  '-o',
  'BatchMode=yes',
  '-o',
  'LogLevel=ERROR',
]
const ssh = ['ssh', ...sshOptions, '-p', String(port)]
await using stack = new AsyncDisposableStack()
// The proxy of a far link leads to one port: the bare connection has a proxy of its own.
let bareLink: Link | undefined
const bareAddress = values.link === 'far' ? host.address : address
const bare = await openPlainTcp([...ssh, `${host.user}@${address}`], bareAddress, there, async (place) => {
  if (values.link !== 'far') return place
  bareLink = stack.use(await openFarLink(host, { ...FAR, toPort: place.port }))
  return bareLink
})
stack.use(bare)
const at = `${host.user}@${address}:${there}`
const methods: Readonly<Record<string, Readonly<Record<'up' | 'down', () => Promise<unknown>>>>> = {
  [BARE]: { up: () => bare.up(source), down: () => bare.down(here) },
  scp: { up: () => runScp([source, at]), down: () => runScp([at, here]) },
  rsync: { up: () => runRsync([source, at]), down: () => runRsync([at, here]) },
  encode: { up: () => put(viaBoth, source), down: () => get(viaBoth) },
  "encode, system's ssh": { up: () => put(viaClient, source), down: () => get(viaClient) },
  'encode, ssh2 alone': { up: () => put(viaSsh2, source), down: () => get(viaSsh2) },
}
const samples = new Map<string, Watched[]>()
for (let round = 1; round <= rounds; round += 1) {
  for (const way of ['up', 'down'] as const) {
    for (const [name, move] of Object.entries(methods)) {
      const target = way === 'up' ? there : here
      await rm(target, { force: true })
      const { carriedBytes } = name === BARE && bareLink !== undefined ? bareLink : link
      const sample = await watchLink(move[way], carriedBytes && (() => carriedBytes(way)))
      if ((await stat(target)).size !== megabytes * 1e6) throw new Error(`${name} did not move everything ${way}`)
      samples.set(`${way} ${name}`, [...(samples.get(`${way} ${name}`) ?? []), sample])
    }
  }
}
report()

async function openLink(): Promise<Link> {
  if (values.link === 'cable') return await openCable(host, LINK_MEGABITS.cable)
  if (values.link === 'far') return await openFarLink(host, FAR)
  return { address: host.address, port: host.port, knownHostsFile: host.knownHostsFile, [Symbol.asyncDispose]: async () => undefined }
}

async function put(transport: typeof viaClient, from: string): Promise<void> {
  await transport.putBytes(receiveCommand('encode-bench', there), from, { direct: receiveDirectly('encode-bench', there) })
}

async function get(transport: typeof viaClient): Promise<void> {
  const { commandLine, after } = sendCommand('encode-bench', there)
  const [direct, onDemand] = [sendDirectly('encode-bench', there), sendOnDemand('encode-bench', there)]
  await transport.getBytes(commandLine, here, { after, maxBytes: megabytes * 1e6, direct, onDemand })
}

async function runScp(paths: readonly string[]): Promise<void> {
  await runProgram('scp', ['-q', ...sshOptions, '-P', String(port), ...paths])
}

async function runRsync(paths: readonly string[]): Promise<void> {
  await runProgram('rsync', ['-e', ssh.join(' '), ...paths])
}

async function runProgram(program: string, argv: readonly string[]): Promise<void> {
  const child = spawn(program, [...argv], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const status = await new Promise((resolve) => child.once('close', resolve))
  if (status !== 0) throw new Error(`${program} ended with status ${status}: ${said}\nThe server says: ${host.log().slice(-4000)}`)
}

function run(program: string, args: readonly string[]): void {
  if (spawnSync(program, args, { stdio: 'inherit' }).status !== 0) throw new Error(`${program} failed`)
}

function report(): void {
  const { isNative } = describeSshCrypto()
  if (values.json) {
    console.log(JSON.stringify({ megabytes, rounds, link: values.link, isNative, samples: [...samples] }))
    return
  }
  console.log(`${megabytes} MB, ${rounds} rounds, link ${values.link}, ssh2 ${isNative ? 'with' : 'without'} its binding\n`)
  const [linkMegabits, counts] = [LINK_MEGABITS[values.link], link.carriedBytes !== undefined]
  const head = [
    'way',
    'method',
    'time, of scp: median (range)',
    'MB/s, median (range)',
    'of bare TCP',
    ...(counts ? ['steady MB/s', 'of bare TCP'] : []),
    ...(linkMegabits === undefined ? [] : ['of the link', 'steady, of the link']),
    'CPU s/GB',
    'idle',
  ]
  const rows = [...samples].map(([key, own]) => {
    const [way = ''] = key.split(' ')
    const ofRound = (other: string, rate: (sample: Watched) => number): string =>
      toPercent(own.map((sample, round) => rate(sample) / toRate(samples.get(`${way} ${other}`)?.[round], rate)))
    const steady = own.map(steadyRate)
    return [
      way,
      key.slice(way.length + 1),
      describeSpread(own.map(({ seconds }, round) => seconds / (samples.get(`${way} scp`)?.[round]?.seconds ?? Number.NaN))),
      describeSpread(own.map(wholeRate), 1),
      ofRound(BARE, wholeRate),
      ...(counts ? [describeSpread(steady, 1), ofRound(BARE, steadyRate)] : []),
      ...(linkMegabits === undefined ? [] : [own.map(wholeRate), steady].map((rates) => toLinkShare(rates, linkMegabits))),
      (median(own.map(({ cpuSeconds }) => cpuSeconds)) / (megabytes / 1000)).toFixed(1),
      toPercent(own.map(({ idleRatio }) => idleRatio)),
    ]
  })
  for (const cells of [head, head.map(() => '---'), ...rows]) console.log(`| ${cells.join(' | ')} |`)
}

/** `94.6 % (93.9–95.1)` */
function toLinkShare(rates: readonly number[], megabits: number): string {
  const [middle = '', range = ''] = describeSpread(
    rates.map((rate) => (rate * 8 * 100) / megabits),
    1,
  ).split(' ')
  return `${middle} % ${range}`.trimEnd()
}

/** Megabytes a second, from the start of a program to its end. */
function wholeRate({ seconds }: Watched): number {
  return megabytes / seconds
}

function steadyRate({ steadySeconds }: Watched): number {
  return (megabytes * STEADY_RATIO) / (steadySeconds ?? Number.NaN)
}

function toRate(sample: Watched | undefined, rate: (sample: Watched) => number): number {
  return sample === undefined ? Number.NaN : rate(sample)
}

function toPercent(ratios: readonly number[]): string {
  return `${(median(ratios) * 100).toFixed(0)} %`
}
