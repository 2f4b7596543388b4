import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { createBench, describeFilm } from './bench.ts'
import { BUSYBOX, CYGWIN, canRunDropbear, DROPBEAR, DROPBEAR_WITH_SFTP, FREEBSD, MACOS, WSL } from './disguise.ts'
import { type EndedRun, runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

describe.runIf(canStartHosts)('encode on hosts that pass for other systems', () => {
  test('a Mac, a FreeBSD, a NAS with busybox and two with Dropbear share the work; nothing is left', async () => {
    await using bench = await createBench()
    const mac = await bench.startHost('mac', 'streaming', MACOS)
    const others = await Promise.all([
      bench.startHost('bsd', 'streaming', FREEBSD),
      bench.startHost('nas', 'streaming', BUSYBOX),
      ...(canRunDropbear
        ? [bench.startHost('router', 'streaming', DROPBEAR), bench.startHost('box', 'streaming', DROPBEAR_WITH_SFTP)]
        : []),
    ])
    const hosts = [mac, ...others]
    const names = hosts.map(({ name }) => name)
    for (const name of names) await bench.makeFilm(`${name} it's.mp4`, { seconds: 1 })
    // Each film is for one host: its profile asks for the label that a host has by its name.
    const config = await writeConfig(
      bench.folder,
      { home: hosts.map((host) => ({ host, type: 'streaming' as const, lines: host === mac ? ['nice: yes'] : [] })) },
      [
        ...names.flatMap((name) => [`  on-${name}:`, '    include: quick', `    require: [${name}]`]),
        '  on-videotoolbox:',
        '    include: quick',
        '    require: [hevc_videotoolbox, macos, arm64]',
        '    output_options_video: ["-c:v hevc_videotoolbox", "-preset ultrafast", "-crf 40"]',
      ],
    )
    const film = (name: string): string => `${bench.films}/${name} it's.mp4`
    const ended = await runEncode(bench.folder, [
      ...['-y', config, '-c', 'home', '-p', 'on-videotoolbox', film('mac')],
      ...others.flatMap(({ name }) => ['-p', `on-${name}`, film(name)]),
    ])

    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    const done = of(ended, 'job.done')
    expect(Object.fromEntries(done.map(({ file, host }) => [file, host]))).toEqual(
      Object.fromEntries(names.map((name) => [film(name), name])),
    )
    for (const { output, host } of done) {
      expect(await describeFilm(output)).toMatchObject({ codecs: host === 'mac' ? 'hevc aac' : 'h264 aac' })
    }
    expect(Object.fromEntries(of(ended, 'host.up').map(({ host, os, ffmpeg }) => [host, [os, ffmpeg !== '']]))).toMatchObject({
      mac: ['macos', true],
      bsd: ['freebsd', true],
      nas: ['linux', true],
    })
    expect(await readFile(mac.seenFrom('/srv/caffeinate.log'), 'utf8')).toMatch(/^-i -w \d+$/m)
    expect(await readFile(mac.seenFrom('/srv/taskpolicy.log'), 'utf8')).toContain('-c utility nice -n 10 ')
    await bench.expectNothingLeft()
  })

  test('a Windows ffmpeg encodes under WSL and Cygwin, on a drive and streamed', async () => {
    await using bench = await createBench()
    const films = `for drive in /srv/drive /mnt/c; do mkdir -p $drive/films; mount --bind '${bench.mount}' $drive/films; done`
    const wsl = await bench.startHost('wsl', 'mounted', { ...WSL, boot: `${WSL.boot}\n${films}` })
    const cygwin = await bench.startHost('cygwin', 'streaming', CYGWIN)
    for (const name of ["a film's.mp4", 'b.mp4']) await bench.makeFilm(name, { seconds: 1 })
    const config = await writeConfig(bench.folder, {
      drive: [{ host: wsl, type: 'mounted', lines: [`path-substitutions: ["${bench.films}/ /mnt/c/films/"]`] }],
      streamed: [{ host: cygwin, type: 'streaming' }],
    })
    const ended = await runEncode(bench.folder, [
      ...['-y', config, '-p', 'quick', '-c', 'drive', `${bench.films}/a film's.mp4`, '-c', 'streamed', `${bench.films}/b.mp4`],
    ])
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    expect(await bench.list()).toEqual(["a film's.mkv", 'b.mkv'])
    for (const name of await bench.list()) expect(await describeFilm(`${bench.films}/${name}`)).toMatchObject({ codecs: 'h264 aac' })
    expect(new Map(of(ended, 'host.up').map(({ host, os }) => [host, os]))).toEqual(
      new Map([
        ['wsl', 'linux'],
        ['cygwin', 'windows'],
      ]),
    )
    expect(await readFile(wsl.seenFrom('/srv/ffmpeg.log'), 'utf8')).toContain("-i /srv/drive/films/a film's.mp4")
    await bench.expectNothingLeft()
  })
})

function of<Name extends EncodeEvent['event']>(ended: EndedRun, name: Name): readonly EventOf<Name>[] {
  return ended.events.filter((event): event is EventOf<Name> => event.event === name)
}
