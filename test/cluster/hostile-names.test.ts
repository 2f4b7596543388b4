import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createBench, describeFilm } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

/** Names that a careless quoting breaks on, runs, or takes for options. */
const NAMES = [
  'with space.mp4',
  'it\'s "quoted".mp4',
  '$(touch pwned) `touch pwned`.mp4',
  'a;b&c|d>e<f.mp4',
  '100% %PATH% !wow! !$.mp4',
  '*?[a]{b}~^#.mp4',
  '-leading.mp4',
  'line\nend\r.mp4',
  'back\\slash\\n.mp4',
  'ünïcödé 日本 🎬 e\u0301.mp4',
  'tab\there \u001b[31mred.mp4',
]

const LOGIN_SHELLS = ['/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/usr/bin/tcsh', '/bin/busybox'].filter((shell) =>
  existsSync(shell),
)

describe.runIf(canStartHosts)('file names that shells find special', () => {
  test.each(LOGIN_SHELLS)('are carried to mounted and streaming hosts whose login shell is %s', async (loginShell) => {
    await using bench = await createBench()
    for (const name of NAMES) await bench.makeFilm(name, { seconds: 1 })
    const shell = loginShell.endsWith('busybox') ? await bench.linkShell(loginShell, 'sh') : loginShell
    const nas = await bench.startHost('nas', 'mounted', { loginShell: shell })
    const box = await bench.startHost('box', 'streaming', { loginShell: shell })
    const config = await writeConfig(bench.folder, {
      home: [
        { host: nas, type: 'mounted', lines: [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`] },
        { host: box, type: 'streaming' },
      ],
    })
    const args = ['-y', config, '-c', 'home', '--strategy', 'round-robin', '-p', 'quick', '-k', bench.films]
    const ended = await runEncode(bench.folder, args)
    expect(ended.events.filter(({ event }) => event === 'job.failed')).toEqual([])
    expect(ended.status).toBe(0)
    expect(await bench.list()).toEqual([...NAMES, ...NAMES.map((name) => name.replace('.mp4', '.mkv'))].sort())
    const hosts = ended.events.flatMap((event) => (event.event === 'job.done' ? [event.host] : []))
    expect(new Set(hosts)).toEqual(new Set(['nas', 'box']))
    await bench.expectNothingLeft()
  })

  test('work on this machine, and every result is a whole film', async () => {
    await using bench = await createBench()
    for (const name of NAMES) await bench.makeFilm(name, { seconds: 1 })
    const config = await writeConfig(bench.folder, {})
    const ended = await runEncode(bench.folder, ['-y', config, '-p', 'quick', '--', ...NAMES], { cwd: bench.films })
    expect(ended.events.filter(({ event }) => event === 'job.failed')).toEqual([])
    expect(ended.status).toBe(0)
    for (const event of ended.events) if (event.event === 'job.done') expect((await describeFilm(event.output)).codecs).toBe('h264 aac')
    expect(await bench.list()).toEqual(NAMES.map((name) => name.replace('.mp4', '.mkv')).sort())
    await bench.expectNothingLeft()
  })
})
