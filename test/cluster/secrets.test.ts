/** What SECURITY.md promises of secrets, sockets and modes, looked for during a run and after it. */

import { execFileSync, spawn } from 'node:child_process'
import { appendFile, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../wait-until.ts'
import { createBench } from './bench.ts'
import { writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

const ENCODE = join(import.meta.dirname, '../../bin/encode')
const PASSPHRASE = 'correct horse battery staple 4711'

describe.runIf(canStartHosts)('a run whose key has a passphrase, on a host and a controller with umask 000', () => {
  test('tells nobody the passphrase, listens nowhere, and lets nobody else read what it makes', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4', { seconds: 3 })
    const broken = await bench.makeFilm('b.mp4', { seconds: 1 })
    const box = await bench.startHost('box', 'streaming', { loginShell: '/bin/bash' })
    await writeFile(join(box.homeFolder, '.bashrc'), 'umask 000\n')
    const key = join(bench.folder, 'locked')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', PASSPHRASE, '-f', key])
    await appendFile(box.authorizedKeysFile, await readFile(`${key}.pub`, 'utf8'))
    const config = await writeConfig(bench.folder, { home: [{ host: { ...box, identityFile: key }, type: 'streaming' }] }, [
      '  impossible: {output_options_video: ["-c:v libx264", "-preset no-such-preset"], extension: .mkv}',
    ])
    const output = join(bench.folder, 'events')
    const args = ['-y', config, '-c', 'home', '-p', 'slow', '-k', film, '-p', 'impossible', '-k', broken]
    const line = `umask 000; exec '${ENCODE}' --json -v ${args.map((word) => `'${word}'`).join(' ')} >'${output}'`
    // A terminal of its own, on which the passphrase is typed.
    const terminal = spawn('script', ['-qec', line, '/dev/null'], {
      env: { ...process.env, HOME: bench.folder, SHELL: '/bin/sh', XDG_STATE_HOME: join(bench.folder, 'state'), SSH_AUTH_SOCK: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await using leftovers = new AsyncDisposableStack()
    leftovers.defer(() => void terminal.kill())
    const ended = new Promise<number | null>((resolve) => terminal.once('close', resolve))
    let shown = ''
    let isTyped = false
    terminal.stdout.on('data', (chunk: Buffer) => {
      shown += chunk
      if (isTyped || !shown.includes('Passphrase of the key')) return
      isTyped = true
      terminal.stdin.write(`${PASSPHRASE}\r`)
    })
    const readOutput = async (): Promise<string> => await readFile(output, 'utf8').catch(() => '')
    const isEncoding = async (): Promise<boolean> => /"job\.progress".*"stage":"encode"/.test(await readOutput())
    await waitUntil(isEncoding, { what: 'ffmpeg is at work', timeoutMs: 20_000 })

    const processes = await readProcesses()
    const own = processes.filter(({ args: words }) => words.includes(bench.folder) || words.includes('encode-'))
    expect(own.map(({ args: words }) => words)).toContainEqual(expect.stringContaining('--json'))
    expect(own.map(({ args: words }) => words)).toContainEqual(expect.stringContaining('ffmpeg'))
    expect(processes.filter(({ args: words }) => words.includes(PASSPHRASE))).toEqual([])
    expect(await findListeners(own.filter(({ args: words }) => !words.includes('sshd')))).toEqual([])
    const made = await modesBelow(box.workingFolder)
    expect(made.map(({ path }) => path)).toContainEqual(expect.stringMatching(/\.result\.mkv$/))
    // Nobody else gets past the folder, so what ffmpeg makes in it is safe whatever the umask.
    expect(made.filter(({ path, mode }) => !path.includes('/') && (mode & 0o077) !== 0)).toEqual([])

    expect(await ended).toBe(1)
    expect(await readOutput()).toMatch(/"job\.done"/)
    expect(await readOutput()).toMatch(/"job\.failed".*"log":"/)
    const state = await modesBelow(join(bench.folder, 'state'))
    expect(state.map(({ path }) => path)).toContainEqual(expect.stringMatching(/\.log$/))
    expect((await stat(join(bench.folder, 'state', 'encode'))).mode & 0o077).toBe(0)
    expect(shown).not.toContain(PASSPHRASE)
    // Output, ledger and its log, logs of jobs, known hosts: all of it stands below.
    expect(await filesWith(bench.folder, PASSPHRASE)).toEqual([])
    await bench.expectNothingLeft()
  })
})

interface Process {
  readonly pid: string
  readonly args: string
}

async function readProcesses(): Promise<readonly Process[]> {
  const found: Process[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    if (args !== '') found.push({ pid, args })
  }
  return found
}

/** Sockets of the processes that take connections (TCP) or datagrams (UDP). */
async function findListeners(processes: readonly Process[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const { pid, args } of processes) {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => [])
    const links = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
    const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
    for (const table of ['tcp', 'tcp6', 'udp', 'udp6']) {
      const lines = (await readFile(`/proc/${pid}/net/${table}`, 'utf8').catch(() => '')).split('\n').slice(1)
      for (const line of lines) {
        const [, address, , state, , , , , , inode = ''] = line.trim().split(/\s+/)
        if (inodes.has(inode) && (table.startsWith('udp') || state === '0A')) found.push(`${args}: ${table} ${address}`)
      }
    }
  }
  return found
}

async function modesBelow(folder: string): Promise<readonly { readonly path: string; readonly mode: number }[]> {
  const names = await readdir(folder, { recursive: true })
  const found: { path: string; mode: number }[] = []
  for (const path of names) {
    const entry = await stat(join(folder, path)).catch(() => undefined)
    if (entry !== undefined) found.push({ path, mode: entry.mode & 0o777 })
  }
  return found
}

async function filesWith(folder: string, text: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if ((await readFile(path)).includes(text)) found.push(path)
  }
  return found
}
