import { describe, expect, test } from 'vitest'
import type { EventOf } from '../../src/model/events.ts'
import { LOGIN_SHELLS } from '../contract/ssh-host-under-test.ts'
import { createBench, describeFilm } from './bench.ts'
import { runEncode, startEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

/** All that a shell finds special, once each, in as few names as carry it. */
const NAMES = [
  `it's "quoted" $(touch pwned) \`touch pwned\` a;b&c|d>e<f 100% %PATH% !wow! !$ *?[a]{b}~^#.mp4`,
  '-leading line\nend\r back\\slash\\n ünïcödé 日本 🎬 e\u0301 tab\there \u001b[31mred.mp4',
]

/** What looks at its own name to know which shell it is. */
const NAMED = [
  { program: '/usr/bin/busybox', name: 'ash' },
  { program: '/usr/bin/tcsh', name: 'csh' },
]

describe.runIf(canStartHosts)(`encode on hosts of ${LOGIN_SHELLS.length + 1} login shells`, () => {
  test('carries any name to each of them, mounted and streaming, and leaves nothing there on Ctrl-C', async () => {
    await using bench = await createBench()
    const shells = [
      ...LOGIN_SHELLS.filter((shell) => !shell.endsWith('busybox')).map((path) => ({ path, name: path.slice(path.lastIndexOf('/') + 1) })),
      ...(await Promise.all(NAMED.map(async ({ program, name }) => ({ path: await bench.linkShell(program, name), name })))),
    ]
    const hosts = await Promise.all(shells.map(({ name, path }) => bench.startHost(name, 'mounted', { loginShell: path })))
    const config = await writeConfig(
      bench.folder,
      {
        mounted: hosts.map((host) => ({
          host,
          type: 'mounted' as const,
          lines: [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`],
        })),
        streamed: hosts.map((host) => ({ host, type: 'streaming' as const })),
      },
      // Each film is for one host: its profile asks for the label that a host has by its name.
      shells.flatMap(({ name }) =>
        ['quick', 'slow'].flatMap((profile) => [`  ${profile}-${name}:`, `    include: ${profile}`, `    require: [${name}]`]),
      ),
    )
    const wanted = [
      ...shells.flatMap(({ name }) => NAMES.map((film) => ({ cluster: 'mounted', shell: name, film: `${bench.films}/${name}/${film}` }))),
      ...shells.map(({ name }) => ({ cluster: 'streamed', shell: name, film: `${bench.films}/${name}/streamed ${NAMES[0]}` })),
    ]
    for (const { film } of wanted) await bench.makeFilm(film.slice(bench.films.length + 1), { seconds: 1 })
    const ended = await runEncode(bench.folder, [
      ...['-y', config],
      ...wanted.flatMap(({ cluster, shell, film }) => ['-c', cluster, '-p', `quick-${shell}`, film]),
    ])
    expect(ended.events.filter(({ event }) => event === 'job.failed')).toEqual([])
    expect(ended.status).toBe(0)
    const done = ended.events.filter((event): event is EventOf<'job.done'> => event.event === 'job.done')
    expect(new Map(done.map(({ file, host }) => [file, host]))).toEqual(new Map(wanted.map(({ film, shell }) => [film, shell])))
    expect(await bench.list()).toEqual(wanted.map(({ film }) => film.slice(bench.films.length + 1).replace(/mp4$/, 'mkv')).sort())
    expect((await describeFilm(done.find(({ host }) => host === 'csh')?.output ?? '')).codecs).toBe('h264 aac')

    const films = await Promise.all(
      shells.map(async ({ name }) => ({ name, film: await bench.makeFilm(`${name}/next ${NAMES[0]}`, { seconds: 20 }) })),
    )
    const run = startEncode(bench.folder, [
      ...['-y', config, '-c', 'streamed'],
      ...films.flatMap(({ name, film }) => ['-p', `slow-${name}`, film]),
    ])
    await Promise.all(
      shells.map(({ name }) =>
        run.until('job.progress', ({ host, stage, size_bytes }) => host === name && stage === 'encode' && (size_bytes ?? 0) > 0),
      ),
    )
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    await bench.expectNothingLeft()
    expect((await bench.list()).filter((name) => name.includes('/next '))).toHaveLength(shells.length)
  })
})
