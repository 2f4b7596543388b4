import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type HostileKind, KINDS_AFTER_LOGIN, KINDS_BEFORE_LOGIN, makeHostileKeys, startHostileServer } from '../fixtures/hostile-server.ts'
import { createBench, describeFilm } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

const CONNECT_TIMEOUT_S = 2

/** What is said of each: where it happened, in words that say what to look at. */
const REASONS: Readonly<Record<keyof typeof KINDS_BEFORE_LOGIN | keyof typeof KINDS_AFTER_LOGIN, RegExp>> = {
  'says nothing': /does not complete the SSH handshake within 2 s/,
  'says one byte a second': /does not complete the SSH handshake within 2 s/,
  'hangs up at once': /closed the connection/,
  'hangs up after its version': /ended the SSH handshake|closed the connection/,
  'says nothing after its version': /does not complete the SSH handshake within 2 s/,
  'talks garbage': /is no SSH server/,
  'talks garbage after its version': /ended the SSH handshake/,
  'greets without end': /is no SSH server: it says "Welcome friend/,
  'greets with a line without end': /ended the SSH handshake/,
  'hangs up after it has named its algorithms': /ended the SSH handshake|closed the connection/,
  'hangs up after the key exchange': /ended the SSH handshake|closed the connection/,
  'never answers to a key': /does not complete the SSH handshake within 2 s/,
  'hangs up at a key': /ended the SSH handshake|closed the connection/,
  'hangs up after the login': /The connection to .* (?:was closed|broke)/,
  'refuses every session': /lets this user in but runs no command/,
  'never opens a session': /starts no command within 6 s/,
  'hangs up at a session': /The connection to .* (?:was closed|broke)/,
  'never starts a command': /starts no command within 6 s/,
  'hangs up at a command': /The connection to .* (?:was closed|broke)/,
  'hangs up in the middle of an answer': /The connection to .* (?:was closed|broke)/,
  'ends each command at once': /gives no shell|cannot run \/bin\/sh|does not answer like a POSIX system/,
}

describe.runIf(canStartHosts)('hosts that fail, or mean ill, at each step of an SSH connection', () => {
  test('delay only their own jobs, are told of in plain words, and hold up the end of the run no longer than they may', async () => {
    await using bench = await createBench()
    const own = await bench.makeFilm('own.mp4')
    const theirs = await bench.makeFilm('theirs.mp4')
    const good = await bench.startHost('good', 'streaming')
    await using keys = await makeHostileKeys()
    const kinds: readonly (readonly [string, HostileKind])[] = Object.entries({ ...KINDS_BEFORE_LOGIN, ...KINDS_AFTER_LOGIN })
    await using stack = new AsyncDisposableStack()
    const knownHosts: string[] = []
    const hosts: string[] = []
    for (const [index, [, kind]] of kinds.entries()) {
      const server = stack.use(await startHostileServer(kind, keys, '127.0.0.2'))
      knownHosts.push(server.knownHost)
      hosts.push(`      bad${index}:`, '        type: streaming', `        address: ${server.address}`, `        port: ${server.port}`)
      hosts.push('        user: nobody', `        identity_file: ${keys.identityFile}`, `        known_hosts: ${bench.folder}/known_hosts`)
    }
    await writeFile(join(bench.folder, 'known_hosts'), `${knownHosts.join('\n')}\n`)
    const home = join(bench.folder, 'home')
    await mkdir(join(home, '.ssh'), { recursive: true })
    await writeFile(join(home, '.ssh', 'config'), `Host 127.0.0.2\n  ConnectTimeout ${CONNECT_TIMEOUT_S}\n`)
    const config = await writeConfig(bench.folder, { home: [{ host: good, type: 'streaming' }] })
    await writeFile(config, (await readFile(config, 'utf8')).replace('profiles:\n', `    bad:\n${hosts.join('\n')}\nprofiles:\n`))

    const args = ['-y', config, '-c', 'home', '-p', 'quick', '-k', own, '-c', 'bad', '-p', 'quick', '-k', theirs]
    const ended = await runEncode(bench.folder, args, { env: { HOME: home } })
    const told = (name: string) =>
      ended.events.flatMap((event) => (event.event === 'host.down' && event.host === name ? [event.reason] : []))
    const found = kinds.map(([what], index) => `${what}: ${told(`bad${index}`).join(' | ')}`)
    expect(found).toEqual(kinds.map(([what]) => expect.stringMatching(REASONS[what as keyof typeof REASONS])))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may get out
    expect(found.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)

    const at = (name: string, fits: (file: string) => boolean = () => true): number => {
      const event = ended.events.find((one) => one.event === name && (!('file' in one) || fits(one.file)))
      return event === undefined ? Number.NaN : Date.parse(event.time)
    }
    // A loaded machine may be slow at everything: the good host's job is held against the last of the others.
    const givenUp = Math.max(...ended.events.flatMap((event) => (event.event === 'host.down' ? [Date.parse(event.time)] : [])))
    expect(at('job.started', (file) => file === own)).toBeLessThan(givenUp)
    // Three connection time-outs until a command has to be started, and some for a slow machine.
    expect(givenUp - at('run.started')).toBeLessThan(CONNECT_TIMEOUT_S * 3000 + 8000)
    expect(at('run.finished') - Math.max(givenUp, at('job.done'))).toBeLessThan(5000)
    expect(ended.status).toBe(1)
    expect(ended.events.filter(({ event }) => event === 'job.failed')).toMatchObject([{ file: theirs }])
    expect(await bench.list()).toEqual(['own.mkv', 'own.mp4', 'theirs.mp4'])
    expect((await describeFilm(join(bench.films, 'own.mkv'))).codecs).toBe('h264 aac')
    await bench.expectNothingLeft()
  })
})
