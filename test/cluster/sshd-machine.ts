/** A mount and a pid namespace whose init is the server of a throw-away host: booted, listened to, looked into. */

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import type { HostProcess, SshdHostOptions } from './sshd-host.ts'
import type { HostFiles } from './sshd-host-files.ts'

export interface Machine {
  readonly init: number
  readonly namespace: string
  readonly ended: Promise<void>
  isAlive(): boolean
  log(): string
  /** Nothing is asked of it any more. */
  forget(): void
  isForgotten(): boolean
}

/**
 * Makes the namespace and becomes its init, sshd, which reaps orphans at once. Arguments: folder, then binds, covers, disks
 * and hidden folders as `b FROM TO`, `t BYTES FOLDER`, `h FOLDER`. Its stdin is a pipe from the process that wants the host; at its end nobody wants it any more.
 */
const INIT = `
set -e
folder=$1; shift; cd "$folder"
while [ $# -gt 0 ]; do
  case $1 in
    b) mount --bind "$2" "$3"; shift 3 ;;
    t) mount -t tmpfs -o "size=$2" disk "$3"; shift 3 ;;
    h) mount -t tmpfs -o mode=755 hidden "$2"
       case $folder/ in "$2"/*) mkdir -p "$folder"; mount -c --bind . "$folder" ;; esac
       shift 2 ;;
  esac
done
[ ! -e boot ] || . ./boot
mkdir -p /run/sshd; cd /
{ exec >/dev/null 2>&1; while read -r _; do :; done; kill -TERM 1; } <&0 &
. "$folder/serve"
`

export async function bootMachine(folder: string, files: HostFiles, options: SshdHostOptions): Promise<Machine> {
  const binds = [...files.covers, ...(options.bind ?? [])].flatMap(({ from, to }) => ['b', from, to])
  const disks = options.workDiskBytes === undefined ? [] : ['t', String(options.workDiskBytes), files.workingFolder]
  const hides = (options.hide ?? []).flatMap((hidden) => ['h', hidden.replace(/(?<=.)\/+$/, '')])
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child=SIGKILL',
      '--mount-proc',
      'bash',
      '-c',
      INIT,
      'init',
      folder,
      ...binds,
      ...disks,
      ...hides,
    ],
    // A session of its own: Ctrl-C on the terminal is for the controller, not for its hosts.
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
  )
  let log = ''
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-65_536)
      if (/Server listening on|Not backgrounding/.test(log)) resolve()
    })
    child.once('close', () => reject(new Error(`Host "${options.name}" did not start: ${log.trim()}`)))
  })
  child.stdin.on('error', () => undefined)
  await ready
  const init = await findOnlyChild(Number(child.pid))
  // Held open: the kernel gives the number of a namespace that is gone to the next one, which would be another test's host.
  let held: number | undefined = openSync(`/proc/${init}/ns/pid`, 'r')
  return {
    init,
    namespace: await readlink(`/proc/${init}/ns/pid`),
    forget() {
      if (held !== undefined) closeSync(held)
      held = undefined
    },
    isForgotten: () => held === undefined,
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    log: () => log,
  }
}

async function findOnlyChild(pid: number): Promise<number> {
  const child = Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim())
  if (!Number.isInteger(child) || child <= 0) throw new Error(`Process ${pid} has no single child`)
  return child
}

export async function listProcesses(namespace: string): Promise<readonly HostProcess[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const found = await Promise.all(
    pids.map(async (entry) => {
      try {
        // A zombie has lost its namespace link and its arguments: it is gone but for its exit status.
        if ((await readlink(`/proc/${entry}/ns/pid`)) !== namespace) return undefined
        const args = (await readFile(`/proc/${entry}/cmdline`, 'utf8')).replace(/\0+$/, '').replaceAll('\0', ' ')
        return args === '' ? undefined : { pid: Number(entry), args }
      } catch {
        return undefined // it ended meanwhile
      }
    }),
  )
  return found.filter((entry) => entry !== undefined)
}
