/** Files of a host that only takes commands. One command a question; each is plain POSIX with what GNU, busybox, macOS and the BSDs have alike. */

import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { toPlainLine, toVisible } from '../../core/text.ts'
import { parseFreeBytes, parseLoad } from '../facts/parse-facts.ts'
import type { HostFileStat, RunOptions, RunResult, TransferOptions } from '../host.ts'
import type { HostFiles, MoveOptions } from '../host-files.ts'
import { type DirectCommand, receiveCommand, receiveDirectly, sendCommand, sendDirectly, sendOnDemand } from './bulk-shell.ts'
import type { FileTeller } from './file-teller.ts'
import { assertRemovable, type Guard } from './guard.ts'

export interface ShellFilesOptions {
  readonly hostName: string
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<RunResult>
  readonly guard: Pick<Guard, 'tag' | 'start' | 'hold' | 'letGo'>
  /** Answers what it can without a command. */
  readonly teller?: Pick<FileTeller, 'look'> | undefined
  readonly transport: BulkTransport
  /** A host that does not answer a question about its files for so long has failed it; 2 minutes unless told. */
  readonly answerMs?: number | undefined
}

/**
 * How a transport moves files: the file, or what it has behind `offset`, as a command line's standard input or output. Here it is made
 * anew, or goes on behind `offset`; should the connection break, what has come stays if it is resumable.
 */
export interface BulkTransport {
  putBytes(commandLine: string, controllerPath: string, options?: BulkOptions): Promise<number>
  /** The file begins behind `after`. */
  getBytes(commandLine: string, controllerPath: string, options?: BulkOptions & { readonly after?: string }): Promise<number>
}

export interface BulkOptions extends TransferOptions {
  /** Does the rest of it, for a transport that has another program go on with the bytes. */
  readonly direct?: DirectCommand | undefined
  /** Does the same with what comes here, piece by piece as `sendOnDemand`: for a turn that is metered. */
  readonly onDemand?: string | undefined
}

export function createShellFiles({
  hostName,
  run: runForever,
  guard,
  teller,
  transport,
  answerMs = ANSWER_MS,
}: ShellFilesOptions): HostFiles {
  /** A host that answers to keepalives and to nothing else must not hold its job for ever. */
  async function run(argv: readonly string[], signal: AbortSignal | undefined): Promise<RunResult> {
    const patience = AbortSignal.timeout(answerMs)
    const either = signal === undefined ? patience : AbortSignal.any([signal, patience])
    return await runForever(argv, { signal: either }).catch((error: unknown) => {
      if (!patience.aborted || signal?.aborted === true) throw error
      throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" did not answer within ${answerMs / 1000} s`, {
        hint: 'Look whether a disk or a network folder hangs there',
        cause: error,
      })
    })
  }

  async function ask(what: string, argv: readonly string[], signal: AbortSignal | undefined): Promise<string> {
    const { status, stdout, stderr } = await run(argv, signal)
    if (status === 0) return stdout
    const said = toPlainLine(stderr)
    throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" ${what}: ${said === '' ? `status ${status}` : said}`, {
      // A Mac keeps these folders from who comes over SSH, whatever their permissions say.
      ...(/Operation not permitted/i.test(said) ? { hint: REMOTE_ACCESS_HINT } : {}),
    })
  }

  async function move({ isResumable, key = '' }: MoveOptions, work: () => Promise<void>): Promise<void> {
    if (isResumable === true) guard.hold(key)
    try {
      await guard.start()
      await work()
    } catch (error) {
      if (!isEncodeError(error, 'HOST_LOST')) guard.letGo(key)
      throw error
    }
    guard.letGo(key)
  }

  return {
    async putFile(controllerPath, hostPath, options = {}) {
      await move(options, async () => {
        const { tag } = guard
        const direct = receiveDirectly(tag, hostPath)
        await transport.putBytes(receiveCommand(tag, hostPath, options.offset), controllerPath, { ...options, direct })
      })
    },

    async getFile(hostPath, controllerPath, options = {}) {
      await move(options, async () => {
        const { tag } = guard
        const { commandLine, after } = sendCommand(tag, hostPath, options.offset)
        const direct = sendDirectly(tag, hostPath)
        const onDemand = sendOnDemand(tag, hostPath, options.offset)
        await transport.getBytes(commandLine, controllerPath, { ...options, after, direct, onDemand })
      })
    },

    async renameFile(from, to, signal) {
      await ask(`cannot rename "${toVisible(from)}"`, ['mv', '-f', '--', from, to], signal)
    },

    async readHead(hostPath, maxBytes, signal) {
      const pieces: Buffer[] = []
      const argv = ['dd', `if=${hostPath}`, `bs=${maxBytes}`, 'count=1']
      const { status } = await runForever(argv, { signal, onStdout: (chunk) => pieces.push(Buffer.from(chunk)) })
      const head = Buffer.concat(pieces)
      if (status === 0 && head.length <= maxBytes) return head
      throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" cannot read "${toVisible(hostPath)}": status ${status}`)
    },

    async hashFile(hostPath, signal) {
      // No limit of time: it reads the whole file.
      const { status, stdout, stderr } = await runForever(['/bin/sh', '-c', HASH, 'encode-hash', hostPath], { signal })
      const digits = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/i.exec(stdout)?.[0].toLowerCase()
      if (status === NO_HASH_STATUS) return undefined
      if (status === 0 && digits !== undefined) return digits
      const said = toPlainLine(stderr)
      throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" cannot hash "${toVisible(hostPath)}": ${said || `status ${status}`}`)
    },

    async statFile(hostPath, signal) {
      const told = await teller?.look(hostPath, signal)
      if (told !== undefined) return told
      const answer = await ask(`cannot look at "${toVisible(hostPath)}"`, ['/bin/sh', '-c', STAT, 'encode-stat', hostPath], signal)
      return answer.startsWith('none') ? undefined : parseListing(answer, hostName, hostPath)
    },

    async makeFolder(hostPath, signal) {
      const argv = ['/bin/sh', '-c', 'umask 077; exec mkdir -p -- "$1"', 'encode-mkdir', hostPath]
      await ask(`cannot make the folder "${toVisible(hostPath)}"`, argv, signal)
    },

    async removeFiles(hostPaths, signal) {
      hostPaths.forEach(assertRemovable)
      for (const batch of toBatches(hostPaths)) await ask('cannot remove a file', ['rm', '-rf', '--', ...batch], signal)
    },

    async freeBytes(hostFolder, signal) {
      const { status, stdout } = await run(['env', 'LC_ALL=C', 'df', '-Pk', hostFolder], signal)
      return status === 0 ? parseFreeBytes(stdout) : undefined
    },

    async load(cores, signal) {
      const text = await ask('does not tell its load', ['/bin/sh', '-c', LOAD], signal)
      return { cpuRatio: (parseLoad(text) ?? 0) / cores }
    },
  }
}

const REMOTE_ACCESS_HINT =
  'On a Mac, turn on "Allow full disk access for remote users" (System Settings, General, Sharing, Remote Login), or use a folder outside of Desktop, Documents and Downloads'

/** Long enough for a disk that has to wake up, and for large files to be removed. */
const ANSWER_MS = 120_000

/**
 * The size is field 5 of `ls -ldnL`: exact bytes on GNU, busybox, toybox and BSD, without reading the file (busybox `wc -c` reads it all) and
 * without the three dialects of stat(1). GNU ls would scale it by these variables. A name may hold line ends: only the first line counts.
 * Where nothing is found, a folder on the way that cannot be entered is told from a name that does not exist.
 */
const STAT = `
unset BLOCK_SIZE LS_BLOCK_SIZE BLOCKSIZE; LC_ALL=C; export LC_ALL
if [ -e "$1" ]; then exec ls -ldnL -- "$1"; fi
if [ -h "$1" ]; then exec ls -ldn -- "$1"; fi
d=$1
while [ -n "$d" ]; do
  d=\${d%/*}
  if [ -d "$d" ]; then
    [ -x "$d" ] || { echo "Permission denied" >&2; exit 1; }
    break
  fi
done
echo none
`

const LOAD = 'if [ -r /proc/loadavg ]; then cat /proc/loadavg; else LC_ALL=C uptime; fi'

/** The file as standard input: its name stands in no answer. Absolute paths are where the BSDs keep them from a bare PATH. */
const HASH = `
for t in sha256sum shasum sha256 openssl /sbin/sha256; do
  command -v "$t" >/dev/null 2>&1 || continue
  case $t in
    shasum) exec shasum -a 256 <"$1" ;;
    openssl) exec openssl dgst -sha256 <"$1" ;;
    *) exec "$t" <"$1" ;;
  esac
done
exit 44
`
const NO_HASH_STATUS = 44

/** Linux takes at most 128 KiB in one argument, and a login shell gets the whole command line as one. */
const MAX_BATCH_CHARACTERS = 16_384

function parseListing(listing: string, hostName: string, hostPath: string): HostFileStat {
  const match = /^(.)\S+\s+\d+\s+\d+\s+\d+\s+(\d+),?\s/.exec(listing)
  if (match === null) {
    throw new EncodeError(
      'COMMAND_FAILED',
      `Host "${hostName}" lists "${toVisible(hostPath)}" in an unknown form: "${toPlainLine(listing)}"`,
    )
  }
  const kind = match[1] === '-' ? 'file' : match[1] === 'd' ? 'folder' : 'other'
  return { kind, sizeBytes: kind === 'other' ? 0 : Number(match[2]) }
}

function toBatches(paths: readonly string[]): readonly (readonly string[])[] {
  const batches: string[][] = []
  let room = 0
  for (const path of paths) {
    if (batches.length === 0 || path.length > room) {
      batches.push([])
      room = MAX_BATCH_CHARACTERS
    }
    batches.at(-1)?.push(path)
    room -= path.length
  }
  return batches
}
