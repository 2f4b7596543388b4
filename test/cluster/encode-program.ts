/** Runs `bin/encode` as a person would, in a state folder of its own, and collects what it says. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createLineSplitter } from '../../src/core/lines.ts'
import type { EncodeEvent, EventName, EventOf } from '../../src/model/events.ts'
import type { SshdHost } from './sshd-host.ts'

const ENCODE = join(import.meta.dirname, '../../bin/encode')

export interface EncodeRun {
  readonly child: ChildProcess
  readonly events: readonly EncodeEvent[]
  /** Resolves with the first event that fits; rejects when the program ends without it. */
  until<Name extends EventName>(name: Name, fits?: (event: EventOf<Name>) => boolean): Promise<EventOf<Name>>
  readonly ended: Promise<EndedRun>
}

export interface EndedRun {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** What became of each file: its name → the event. */
  readonly events: readonly EncodeEvent[]
}

export interface EncodeOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Nothing is added to `env`. */
  readonly isWholeEnv?: boolean
  /** What is run instead of `bin/encode`, with its first arguments; its stdin is a pipe then. */
  readonly program?: readonly string[]
}

/** Starts `encode --json ARGS`; `folder` holds its state, home and configuration. */
export function startEncode(folder: string, args: readonly string[], options: EncodeOptions = {}): EncodeRun {
  const events: EncodeEvent[] = []
  const waiting = new Set<() => void>()
  const child = spawnProgram(folder, ['--json', ...args], options)
  let stdout = ''
  let stderr = ''
  const lines = createLineSplitter((line) => {
    events.push(JSON.parse(line) as EncodeEvent)
    for (const look of waiting) look()
  }, 1_000_000)
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk
    lines.push(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const ended = new Promise<EndedRun>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      for (const look of waiting) look()
      resolve({ status: code ?? (signal === 'SIGKILL' ? 137 : 128), stdout, stderr, events })
    })
  })
  return {
    child,
    events,
    ended,
    until: (name, fits = () => true) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find((event) => event.event === name && fits(event as EventOf<typeof name>))
          if (found === undefined && child.exitCode === null && child.signalCode === null) return
          waiting.delete(look)
          if (found === undefined) reject(new Error(`encode ended without ${name}:\n${stdout}\n${stderr}`))
          else resolve(found as EventOf<typeof name>)
        }
        waiting.add(look)
        child.once('close', look)
        look()
      }),
  }
}

export async function runEncode(folder: string, args: readonly string[], options: EncodeOptions = {}): Promise<EndedRun> {
  return await startEncode(folder, args, options).ended
}

/** The program without `--json`: what a person reads. */
export async function runPlain(folder: string, args: readonly string[], options: EncodeOptions = {}): Promise<EndedRun> {
  const child = spawnProgram(folder, args, options)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 128))
  })
  return { status, stdout, stderr, events: [] }
}

function spawnProgram(folder: string, args: readonly string[], options: EncodeOptions): ChildProcess & ReadOutput {
  const [program = ENCODE, ...first] = options.program ?? []
  return spawn(program, [...first, ...args], {
    cwd: options.cwd ?? folder,
    env: options.isWholeEnv === true ? options.env : { ...cleanEnv(), XDG_STATE_HOME: join(folder, 'state'), ...options.env },
    stdio: [options.program === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  }) as ChildProcess & ReadOutput
}

interface ReadOutput {
  readonly stdout: Readable
  readonly stderr: Readable
}

/** The lines of a host's configuration that reach a throw-away host. */
export function accessLines(host: SshdHost): readonly string[] {
  return [
    `address: ${host.address}`,
    `port: ${host.port}`,
    `user: ${host.user}`,
    `identity_file: ${host.identityFile}`,
    `known_hosts: ${host.knownHostsFile}`,
    `working_dir: ${host.workingFolder}`,
  ]
}

export interface ClusterHost {
  readonly host: SshdHost
  readonly type: 'mounted' | 'streaming'
  /** More lines of the host's section. */
  readonly lines?: readonly string[]
}

/** Writes a configuration with the given clusters and quick profiles, and gives its path. */
export async function writeConfig(
  folder: string,
  clusters: Readonly<Record<string, readonly ClusterHost[]>>,
  more: readonly string[] = [],
): Promise<string> {
  const lines = ['config:', '  clusters:']
  for (const [name, hosts] of Object.entries(clusters)) {
    lines.push(`    ${name}:`)
    for (const { host, type, lines: own = [] } of hosts) {
      lines.push(`      ${host.name}:`, ...[`type: ${type}`, ...accessLines(host), ...own].map((line) => `        ${line}`))
    }
  }
  lines.push(...PROFILES, ...more)
  const file = join(folder, 'config.yml')
  await mkdir(folder, { recursive: true })
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

const PROFILES = [
  'profiles:',
  '  quick:',
  '    output_options_video: ["-c:v libx264", "-preset ultrafast", "-crf 36"]',
  '    output_options_audio: ["-c:a aac", "-b:a 64k"]',
  '    extension: .mkv',
  '  # Takes about as long as the film: time enough to do something to it.',
  '  slow:',
  '    include: quick',
  '    input_options: ["-re"]',
]

function cleanEnv(): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith('XDG_') && name !== 'ENCODE_CONFIG' && name !== 'NODE_OPTIONS') env[name] = value
  }
  return { ...env, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/tmp', '.cache') }
}
