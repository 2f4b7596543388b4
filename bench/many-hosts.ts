/**
 * What many hosts cost the controller, over real SSH connections to servers that only pretend to encode.
 *
 *     node bench/many-hosts.ts dry-run [--hosts 100] [--dead 20]
 *     node bench/many-hosts.ts run [--hosts 50] [--jobs 2000] [--encode-seconds 10] [--slots 2]
 *
 * `--ffprobe FILE` names another ffprobe than the one on the PATH: it is started twice a job, and how long that takes differs by five times.
 *
 * `dry-run`: how long `encode --dry-run` takes when some of the hosts do not even answer to a connection, beside the 10 s for which it waits
 * for one. `run`: which share of one processor the controller takes, itself and with all that it starts, while it hands out mounted jobs.
 *
 * Needs `npm run build` and Linux, where all of 127.0.0.0/8 is this machine. The servers are one process, whose share of the machine is
 * none of the controller's; behind them are the timers and recorded commands of `simulated-transport.ts`.
 */

import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import ssh2, { type ServerChannel } from 'ssh2'
import { makeFilm } from './make-film.ts'
import { createRecorder } from './recorded-commands.ts'
import { createSimulatedTransport } from './simulated-transport.ts'

const ENCODE = join(import.meta.dirname, '../bin/encode')
/** The kernel's unit of processor time in /proc. */
const TICKS_A_SECOND = 100
/** Enough to fill the queue of a server that accepts nothing, so that the kernel answers to no further connection. */
const QUEUED = 6

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hosts: { type: 'string' },
    dead: { type: 'string', default: '20' },
    jobs: { type: 'string', default: '2000' },
    slots: { type: 'string', default: '2' },
    'encode-seconds': { type: 'string', default: '10' },
    ffprobe: { type: 'string' },
    folder: { type: 'string', default: '' },
  },
})
const [mode = 'dry-run'] = positionals
const encodeSeconds = Number(values['encode-seconds'])

if (mode === 'serve') await serve(values.folder)
else if (mode === 'be-silent') await beSilent()
else if (mode === 'dry-run') await inFolder(async (folder) => await dryRun(folder, Number(values.hosts ?? 100), Number(values.dead)))
else if (mode === 'run') await inFolder(async (folder) => await run(folder, Number(values.hosts ?? 50), Number(values.jobs)))
else throw new Error(`There is no mode "${mode}"`)

async function dryRun(folder: string, count: number, dead: number): Promise<void> {
  await fill(folder, 10)
  await using servers = await startServers(folder, dead > 0)
  const config = await writeConfig(folder, servers, count, dead)
  const argv = ['--dry-run', '--json', '-y', config, '-c', 'home', '-p', 'quick', join(folder, 'films')]
  for (let round = 0; round < 2; round += 1) {
    const { seconds, ownSeconds, childSeconds, said } = await time(folder, argv)
    const events = said.split('\n').map((line) => (line === '' ? '' : (JSON.parse(line) as { readonly event: string }).event))
    const [up, down] = ['host.up', 'host.down'].map((name) => events.filter((event) => event === name).length)
    const cpu = `CPU ${ownSeconds.toFixed(1)} s its own, ${childSeconds.toFixed(1)} s its children's`
    process.stdout.write(`dry run over ${count} hosts, ${dead} of them silent: ${seconds.toFixed(1)} s; ${up} up, ${down} down; ${cpu}\n`)
  }
}

async function run(folder: string, count: number, jobs: number): Promise<void> {
  await fill(folder, jobs)
  await using servers = await startServers(folder, false)
  const config = await writeConfig(folder, servers, count, 0)
  const argv = ['--json', '-k', '-y', config, '-c', 'home', '-p', 'quick', join(folder, 'films')]
  const { seconds, ownSeconds, childSeconds, said } = await time(folder, argv)
  const done = said.split('\n').filter((line) => line.includes('"event":"job.done"')).length
  const ideal = (jobs * encodeSeconds) / (count * Number(values.slots))
  const share = (spent: number) => (spent / seconds).toFixed(2)
  process.stdout.write(
    `${done} of ${jobs} jobs of ${encodeSeconds} s on ${count} hosts of ${values.slots} slots: ${seconds.toFixed(1)} s, ` +
      `${(seconds / ideal).toFixed(2)} of ideal; the controller took ${share(ownSeconds)} of a processor, ` +
      `with its children ${share(ownSeconds + childSeconds)}\n`,
  )
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-hosts-'))
  try {
    for (const name of ['host', 'identity']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
    await makeFilm(join(folder, 'film.mkv'))
    await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function fill(folder: string, count: number): Promise<void> {
  await mkdir(join(folder, 'films'))
  for (let number = 0; number < count; number += 1) await copyFile(join(folder, 'film.mkv'), join(folder, `films/${number}.mkv`))
}

interface Servers extends AsyncDisposable {
  readonly port: number
  readonly silentPort: number | undefined
}

async function startServers(folder: string, withSilent: boolean): Promise<Servers> {
  const children: ChildProcess[] = []
  const start = async (argv: readonly string[]): Promise<number> => {
    const child = fork(import.meta.filename, argv)
    children.push(child)
    const [port] = await once(child, 'message')
    return Number(port)
  }
  const port = await start(['serve', '--folder', folder, '--encode-seconds', String(encodeSeconds)])
  const silentPort = withSilent ? await start(['be-silent']) : undefined
  const queued: Socket[] = []
  for (let number = 0; silentPort !== undefined && number < QUEUED; number += 1) {
    queued.push(connect(silentPort, '127.0.0.1').on('error', () => undefined))
  }
  return {
    port,
    silentPort,
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy()
      for (const child of children) {
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
    },
  }
}

async function writeConfig(folder: string, { port, silentPort }: Servers, count: number, dead: number): Promise<string> {
  const [type, key] = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ')
  const lines = ['config:', ...(values.ffprobe === undefined ? [] : [`  ffprobe: ${resolve(values.ffprobe)}`]), '  clusters:', '    home:']
  const known: string[] = []
  for (let number = 0; number < count; number += 1) {
    const address = `127.3.${Math.floor(number / 250)}.${1 + (number % 250)}`
    // Spread among the others, as dead machines are.
    const isDead = silentPort !== undefined && number % Math.floor(count / Math.max(1, dead)) === 0 && number / (count / dead) < dead
    known.push(`[${address}]:${port} ${type} ${key}`)
    lines.push(`      host${number}:`)
    for (const line of [
      ...['type: mounted', `address: ${address}`, `port: ${isDead ? silentPort : port}`, 'user: nobody'],
      ...[`identity_file: ${folder}/identity`, `known_hosts: ${folder}/known`, `queues: {_default: ${values.slots}}`],
    ]) {
      lines.push(`        ${line}`)
    }
  }
  lines.push('profiles:', '  quick: {output_options: ["-map 0", "-c copy", "-c:v libx264", "-preset ultrafast"], extension: .mkv}')
  await writeFile(join(folder, 'known'), `${known.join('\n')}\n`)
  const file = join(folder, 'config.yml')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

interface Spent {
  readonly seconds: number
  readonly ownSeconds: number
  readonly childSeconds: number
  readonly said: string
}

async function time(folder: string, argv: readonly string[]): Promise<Spent> {
  const env = { ...process.env, HOME: folder, XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache') }
  const startedMs = performance.now()
  const child = spawn(ENCODE, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  let ticks: readonly number[] = []
  // The last reading before its end is at most so old.
  const watch = setInterval(() => {
    void readTicks(child.pid).then((found) => {
      ticks = found ?? ticks
    })
  }, 100)
  const [status] = await once(child, 'close')
  clearInterval(watch)
  if (status !== 0) throw new Error(`encode ended with status ${status}: ${said.slice(0, 2000)}`)
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = ticks.map((count) => count / TICKS_A_SECOND)
  return { seconds: (performance.now() - startedMs) / 1000, ownSeconds: user + system, childSeconds: childUser + childSystem, said }
}

async function readTicks(pid: number | undefined): Promise<readonly number[] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  const fields = stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  // Those of a process that has ended and is still to be waited for are nothing.
  return fields?.[0] === 0 ? undefined : fields
}

/** Takes any key, and any address of this machine. */
async function serve(folder: string): Promise<void> {
  process.once('disconnect', () => process.exit())
  const commands = createRecorder(folder)
  const server = new ssh2.Server({ hostKeys: [await readFile(join(folder, 'host'))] }, (client) => {
    const transport = createSimulatedTransport({
      name: 'simulated',
      workingDir: join(folder, 'work'),
      commands,
      encodeMs: encodeSeconds * 1000,
      reports: Math.max(2, 2 * encodeSeconds),
      nextFault: () => 'none' as const,
    })
    client.on('error', () => undefined)
    client.on('authentication', (login) => login.accept())
    client.on('session', (accept) => {
      accept().on('exec', (acceptCommand, _refuse, { command }) => void hold(acceptCommand(), command, transport))
    })
    client.on('request', (accept) => accept?.())
  })
  server.listen(0, '0.0.0.0', () => process.send?.((server.address() as AddressInfo).port))
}

async function hold(stream: ServerChannel, command: string, transport: ReturnType<typeof createSimulatedTransport>): Promise<void> {
  const channel = await transport.openCommand(command)
  stream.on('error', () => undefined)
  stream.pipe(channel.stdin)
  channel.stdout.pipe(stream, { end: false })
  channel.stderr.pipe(stream.stderr, { end: false })
  const { status } = await channel.exit
  stream.exit(status ?? 1)
  stream.end()
}

/** A server whose process does nothing any more: its queue is soon full. */
async function beSilent(): Promise<void> {
  const server = createServer()
  server.listen({ port: 0, host: '0.0.0.0', backlog: 1 })
  await once(server, 'listening')
  await new Promise((resolve) => process.send?.((server.address() as AddressInfo).port, resolve))
  const { ppid } = process
  // Nobody can tell it to end.
  while (process.ppid === ppid) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  process.exit()
}
