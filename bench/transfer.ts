/**
 * What it takes to bring a file to a host and back: `scp` and `rsync` as whole processes, the two movers of this program on a host that is open already,
 * in turn, on a real OpenSSH server of this machine. The mover that uses the system's OpenSSH client makes its connection in the time that is measured.
 * A bare TCP connection beside them tells what the link carries.
 *
 *     node bench/transfer.ts [--megabytes 1000] [--rounds 5] [--link none|cable|far] [--without-binding] [--json]
 *
 * `cable`: 1 Gbit/s (tc tbf between two network namespaces). `far`: 100 Mbit/s with a round trip of 40 ms, through a proxy in this process,
 * whose processor time is in the figures.
 * `--without-binding`: ssh2 without its native code. Files are made in the folder for temporary ones: TMPDIR=/dev/shm leaves disks out of it.
 */

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import Module from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { createHostConfig } from '../src/host/create-host-config.ts'
import { receiveCommand, receiveDirectly, sendCommand, sendDirectly } from '../src/host/shell/bulk-shell.ts'
import { startSshdHost } from '../test/cluster/sshd-host.ts'
import { openPlainTcp } from './plain-tcp.ts'
import { type Link, openCable, openFarLink } from './shaped-link.ts'
import { describeSpread, median } from './statistics.ts'

interface Sample {
  readonly seconds: number
  readonly cpuSeconds: number
}

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
const [megabytes, rounds] = [Number(values.megabytes), Number(values.rounds)]

if (values['without-binding']) {
  const extensions = (Module as unknown as { readonly _extensions: Record<string, () => void> })._extensions
  extensions['.node'] = () => {
    throw new Error('Left out')
  }
}
// Only now: ssh2 looks for its binding when it is loaded.
const { createSshTransport } = await import('../src/host/ssh/ssh-transport.ts')
const { describeSshCrypto } = await import('../src/host/ssh/ssh-crypto.ts')

await using host = await startSshdHost({ name: 'transfer' })
await using link = await openLink()
const { address, port, knownHostsFile } = link
const source = join(dirname(host.identityFile), 'source')
const [there, here] = [join(host.workingFolder, 'there'), join(dirname(host.identityFile), 'here')]
run('sh', ['-c', `head -c ${megabytes}000000 /dev/urandom >'${source}'`])
const transportOf = (clientFromBytes: number) =>
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
    onNote: (note) => {
      throw new Error(note)
    },
  })
await using viaClient = transportOf(0)
await using viaSsh2 = transportOf(Number.POSITIVE_INFINITY)
await Promise.all([viaClient.connect(), viaSsh2.connect()])
// The bulk lane stands, and what is asked once is known.
for (const transport of [viaClient, viaSsh2]) await put(transport, '/dev/null').catch(() => undefined)

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
// A proxy takes connections to the host's SSH server only.
await using bare = values.link === 'far' ? undefined : await openPlainTcp([...ssh, `${host.user}@${address}`], address, there)
const at = `${host.user}@${address}:${there}`
const methods: Readonly<Record<string, Readonly<Record<'up' | 'down', () => Promise<unknown>>>>> = {
  ...(bare === undefined ? {} : { 'bare TCP': { up: () => bare.up(source), down: () => bare.down(here) } }),
  scp: { up: () => runScp([source, at]), down: () => runScp([at, here]) },
  rsync: { up: () => runRsync([source, at]), down: () => runRsync([at, here]) },
  "encode, system's ssh": { up: () => put(viaClient, source), down: () => get(viaClient) },
  'encode, ssh2 alone': { up: () => put(viaSsh2, source), down: () => get(viaSsh2) },
}
const samples = new Map<string, Sample[]>()
for (let round = 1; round <= rounds; round += 1) {
  for (const way of ['up', 'down'] as const) {
    for (const [name, move] of Object.entries(methods)) {
      const target = way === 'up' ? there : here
      await rm(target, { force: true })
      const [startedAt, cpuBefore] = [performance.now(), readCpuSeconds()]
      await move[way]()
      const sample = { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: readCpuSeconds() - cpuBefore }
      if ((await stat(target)).size !== megabytes * 1e6) throw new Error(`${name} did not move everything ${way}`)
      samples.set(`${way} ${name}`, [...(samples.get(`${way} ${name}`) ?? []), sample])
    }
  }
}
report()

async function openLink(): Promise<Link> {
  if (values.link === 'cable') return await openCable(host, LINK_MEGABITS.cable)
  if (values.link === 'far') return await openFarLink(host, { megabitsPerSecond: LINK_MEGABITS.far, roundTripMs: 40 })
  return { address: host.address, port: host.port, knownHostsFile: host.knownHostsFile, [Symbol.asyncDispose]: async () => undefined }
}

async function put(transport: typeof viaClient, from: string): Promise<void> {
  await transport.putBytes(receiveCommand('encode-bench', there), from, { direct: receiveDirectly('encode-bench', there) })
}

async function get(transport: typeof viaClient): Promise<void> {
  const { commandLine, after } = sendCommand('encode-bench', there)
  const options = { after, maxBytes: megabytes * 1e6, direct: sendDirectly('encode-bench', there) }
  await transport.getBytes(commandLine, here, options)
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

/** Of this process and of those it has waited for. */
function readCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}

function report(): void {
  const { isNative } = describeSshCrypto()
  if (values.json) {
    console.log(JSON.stringify({ megabytes, rounds, link: values.link, isNative, samples: [...samples] }))
    return
  }
  console.log(`${megabytes} MB, ${rounds} rounds, link ${values.link}, ssh2 ${isNative ? 'with' : 'without'} its binding\n`)
  const linkMegabits = LINK_MEGABITS[values.link]
  const head = [
    'way',
    'method',
    'of scp: median (range)',
    'MB/s, median (range)',
    ...(linkMegabits === undefined ? [] : ['of the link']),
    'CPU s/GB',
  ]
  const rows = [...samples].map(([key, own]) => {
    const [way = ''] = key.split(' ')
    const base = samples.get(`${way} scp`) ?? []
    const rates = own.map(({ seconds }) => megabytes / seconds)
    const ofLink = linkMegabits === undefined ? [] : [`${((median(rates) * 800) / linkMegabits).toFixed(0)} %`]
    return [
      way,
      key.slice(way.length + 1),
      describeSpread(own.map(({ seconds }, round) => seconds / (base[round]?.seconds ?? Number.NaN))),
      describeSpread(rates, 1),
      ...ofLink,
      (median(own.map(({ cpuSeconds }) => cpuSeconds)) / (megabytes / 1000)).toFixed(1),
    ]
  })
  for (const cells of [head, head.map(() => '---'), ...rows]) console.log(`| ${cells.join(' | ')} |`)
}
