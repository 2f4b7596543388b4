/** Four places to encode: a mounted host, a streaming one, a streaming one behind a link that can be cut, and this machine. */

import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CutLink, openCutLink } from '../cluster/cut-link.ts'
import { writeConfig } from '../cluster/encode-program.ts'
import { type HostProcess, type SshdHost, startSshdHost } from '../cluster/sshd-host.ts'

export interface ChaosHost {
  readonly host: SshdHost
  /** Where it sees the films; undefined when they travel. */
  readonly mount: string | undefined
  readonly link: CutLink | undefined
}

export interface ChaosCluster extends AsyncDisposable {
  /** State, configuration, queue file: everything that is not films. */
  readonly folder: string
  readonly config: string
  readonly hosts: readonly ChaosHost[]
  /** Writes the configuration as a person does in the middle of a run: `disabled` is a host without work, `isTorn` a file saved too early. */
  writeConfig(changes: { readonly disabled?: string; readonly isTorn?: boolean }): Promise<void>
  /** ffmpeg processes that the controller runs on this machine. */
  localEncoders(): Promise<readonly HostProcess[]>
  /** What runs on any host or was started by a controller, and work files: all that must not be there after a run. */
  findLeft(): Promise<readonly string[]>
}

/** Room for the films under way; filled to the brim in no time. */
const WORK_DISK_BYTES = 6_000_000

export async function startChaosCluster(folder: string, films: string): Promise<ChaosCluster> {
  await using stack = new AsyncDisposableStack()
  const mount = join(folder, 'mnt', 'nas')
  const localWork = join(folder, 'local-work')
  await mkdir(localWork)
  const attic = stack.use(await startSshdHost({ name: 'attic', bind: [{ from: films, to: mount }], hide: [films] }))
  const cellar = stack.use(await startSshdHost({ name: 'cellar', hide: [films], workDiskBytes: WORK_DISK_BYTES }))
  const barn = stack.use(await startSshdHost({ name: 'barn', hide: [films], workDiskBytes: WORK_DISK_BYTES }))
  const link = stack.use(await openCutLink(barn))
  await appendFile(barn.knownHostsFile, `[127.0.0.1]:${link.port} ${barn.hostPublicKey}\n`)
  const config = await writeConfig(
    folder,
    {
      yard: [
        { host: attic, type: 'mounted', lines: [`path-substitutions: ["${films}/ ${mount}/"]`] },
        { host: cellar, type: 'streaming', lines: ['min_free: 0'] },
        { host: { ...barn, address: '127.0.0.1', port: link.port }, type: 'streaming', lines: ['min_free: 0'] },
      ],
    },
    PROFILES_AND_RULES,
  )
  await addLocalHost(config, localWork)
  const configText = await readFile(config, 'utf8')
  const hosts: readonly ChaosHost[] = [
    { host: attic, mount, link: undefined },
    { host: cellar, mount: undefined, link: undefined },
    { host: barn, mount: undefined, link },
  ]
  const owned = stack.move()

  async function findLeft(): Promise<readonly string[]> {
    const left = (await listStartedBy(folder)).map(({ pid, args }) => `controller: process ${pid}: ${args}`)
    for (const name of await readdir(localWork)) left.push(`controller: ${join(localWork, name)}`)
    for (const { host } of hosts) {
      for (const { pid, args } of await host.processes()) left.push(`${host.name}: process ${pid}: ${args}`)
      for (const name of await readdir(host.seenFrom(host.workingFolder))) left.push(`${host.name}: ${join(host.workingFolder, name)}`)
    }
    return left
  }

  return {
    folder,
    config,
    hosts,
    async writeConfig({ disabled, isTorn }) {
      const text =
        disabled === undefined ? configText : configText.replace(`      ${disabled}:\n`, (line) => `${line}        status: disabled\n`)
      await writeFile(config, isTorn === true ? `${text.slice(0, text.length / 2)}\n{` : text)
    },
    findLeft,
    localEncoders: async () => (await listStartedBy(folder)).filter(({ args }) => isEncoder(args)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export function isEncoder(args: string): boolean {
  return /^\S*ffmpeg\s/.test(args)
}

/** Results are of another codec than sources, so that a run over the whole folder knows what is done. */
const PROFILES_AND_RULES = [
  '  small:',
  '    output_options_video: ["-c:v mpeg4", "-q:v 12", "-threads 1"]',
  '    output_options_audio: ["-c:a aac", "-b:a 48k"]',
  '    extension: .mkv',
  '  small-slow:',
  '    include: small',
  '    input_options: ["-re"]',
  'rules:',
  '  done: {profile: SKIP, criteria: {vcodec: mpeg4}}',
  '  slow: {profile: small-slow, criteria: {path: "/slow/"}}',
  '  rest: {profile: small}',
]

async function addLocalHost(config: string, workFolder: string): Promise<void> {
  const text = await readFile(config, 'utf8')
  await writeFile(config, text.replace('    yard:\n', `    yard:\n      here: {type: local, working_dir: ${workFolder}}\n`))
}

/** Processes that bear the state folder of the controllers in their environment: they, and what they have started here. */
async function listStartedBy(folder: string): Promise<readonly HostProcess[]> {
  const mark = `XDG_STATE_HOME=${join(folder, 'state')}\0`
  const found: HostProcess[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    if (!environment.includes(mark)) continue
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replace(/\0+$/, '').replaceAll('\0', ' ')
    if (args !== '') found.push({ pid: Number(pid), args })
  }
  return found
}
