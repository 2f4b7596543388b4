import { execFile } from 'node:child_process'
import { readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { createBench, describeFilm } from './bench.ts'
import { type EndedRun, runEncode, runPlain, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

const run = promisify(execFile)

describe.runIf(canStartHosts)('encode on real hosts', () => {
  test('a mounted, a streaming and a local host share the work; every file is smaller and whole; nothing is left', async () => {
    await using bench = await createBench()
    const nas = await bench.startHost('nas', 'mounted')
    const box = await bench.startHost('box', 'streaming')
    const names = ['a.mp4', 'b.mkv', 'season 1/c.mp4', 'season 1/d.mp4', 'e.mp4', 'f.mp4']
    for (const name of names) await bench.makeFilm(name)
    await utimes(join(bench.films, 'a.mp4'), 1e9, 1e9)
    const config = await writeConfig(bench.folder, {
      home: [
        { host: nas, type: 'mounted', lines: [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`] },
        { host: box, type: 'streaming' },
      ],
    })
    const text = await readFile(config, 'utf8')
    await writeFile(config, text.replace('    home:\n', '    home:\n      here: {type: local}\n'))
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '--strategy', 'round-robin', '-p', 'quick', bench.films])

    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    // A host that is up sooner may do more.
    expect(of(ended, 'job.done')).toHaveLength(6)
    expect(new Set(of(ended, 'job.done').map(({ host }) => host))).toEqual(new Set(['box', 'here', 'nas']))
    expect(await bench.list()).toEqual(names.map((name) => name.replace(/\.\w+$/, '.mkv')).sort())
    for (const { output, source_bytes, output_bytes } of of(ended, 'job.done')) {
      const film = await describeFilm(output)
      expect(film).toMatchObject({ codecs: 'h264 aac', sizeBytes: output_bytes })
      expect(film.seconds).toBeGreaterThan(1.9)
      expect(output_bytes).toBeLessThan(source_bytes)
    }
    expect((await stat(join(bench.films, 'a.mkv'))).mtimeMs).toBe(1e12)
    expect(of(ended, 'run.finished')).toMatchObject([{ done: 6, skipped: 0, failed: 0, exit: 0 }])
    await bench.expectNothingLeft()
  })

  test('the stages of a streamed file are told in order, with progress', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    await bench.makeFilm('a.mp4', { seconds: 6 })
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bench.films])
    expect(of(ended, 'job.stage').map(({ stage }) => stage)).toEqual(['fetch', 'encode', 'return', 'verify', 'replace'])
    const progress = of(ended, 'job.progress')
    expect(progress.some(({ stage, percent }) => stage === 'fetch' && percent === 100)).toBe(true)
    expect(progress.some(({ stage, percent, speed }) => stage === 'encode' && (percent ?? 0) > 0 && (speed ?? 0) > 0)).toBe(true)
    await bench.expectNothingLeft()
  })

  test('two clusters work in one run, each on its own files with its own profile', async () => {
    await using bench = await createBench()
    const [one, two] = [await bench.startHost('one', 'streaming'), await bench.startHost('two', 'streaming')]
    for (const name of ['a.mp4', 'b.mp4']) await bench.makeFilm(name)
    const config = await writeConfig(bench.folder, { home: [{ host: one, type: 'streaming' }], work: [{ host: two, type: 'streaming' }] })
    const [a, b] = [join(bench.films, 'a.mp4'), join(bench.films, 'b.mp4')]
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', a, '-c', 'work', '-p', 'h264', b])
    expect(ended.status).toBe(0)
    expect(
      of(ended, 'job.done')
        .map(({ file, host }) => [file, host])
        .sort(),
    ).toEqual([
      [a, 'one'],
      [b, 'two'],
    ])
    expect(of(ended, 'job.queued').map(({ cluster, profile }) => [cluster, profile])).toEqual([
      ['home', 'quick'],
      ['work', 'h264'],
    ])
    await bench.expectNothingLeft()
  })

  test('--host pins the work to one host, and a host that does not exist is named', async () => {
    await using bench = await createBench()
    const [one, two] = [await bench.startHost('one', 'streaming'), await bench.startHost('two', 'streaming')]
    for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) await bench.makeFilm(name)
    const config = await writeConfig(bench.folder, {
      home: [
        { host: one, type: 'streaming' },
        { host: two, type: 'streaming' },
      ],
    })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '--host', 'two', '-p', 'quick', bench.films])
    expect(of(ended, 'job.done').map(({ host }) => host)).toEqual(['two', 'two', 'two'])
    expect(of(ended, 'host.up').map(({ host }) => host)).toEqual(['two'])
    const wrong = await runPlain(bench.folder, ['-y', config, '-c', 'home', '--host', 'tow', bench.films])
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toContain('There is no host "tow" in this run; did you mean "two"?')
    await bench.expectNothingLeft()
  })

  test('-k keeps sources, -o mirrors the tree under another folder', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    await bench.makeFilm('tv/s01/e1.mkv')
    await bench.makeFilm('single.mp4')
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] })
    const kept = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', '-k', bench.films])
    expect(kept.status).toBe(0)
    expect(await bench.list()).toEqual(['single.mkv', 'single.mp4', 'tv/s01/e1.mkv', 'tv/s01/e1.quick.mkv'])
    const out = join(bench.folder, 'out')
    const mirrored = await runEncode(bench.folder, [
      '-y',
      config,
      '-c',
      'home',
      '-p',
      'quick',
      '-o',
      out,
      join(bench.films, 'tv'),
      join(bench.films, 'single.mp4'),
    ])
    expect(
      of(mirrored, 'job.done')
        .map(({ output }) => output)
        .sort(),
    ).toEqual([join(out, 's01/e1.mkv'), join(out, 's01/e1.quick.mkv'), join(out, 'single.mkv')])
    expect(await bench.list()).toHaveLength(4)
    await bench.expectNothingLeft()
  })

  test('with no configuration at all a shipped profile encodes on this machine', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('film.mp4')
    const ended = await runEncode(bench.folder, ['-p', 'h264', film], { env: { HOME: bench.folder } })
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    expect(of(ended, 'job.done')).toMatchObject([{ host: 'local' }])
    await bench.expectNothingLeft()
  })

  test.each(['streaming', 'mounted'] as const)(
    'a cover picture is carried into Matroska by a %s host, beside the fonts that are there',
    async (type) => {
      await using bench = await createBench()
      const box = await bench.startHost('box', type)
      const [cover, font] = [join(bench.folder, 'cover.png'), join(bench.folder, 'a font.ttf')]
      await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'color=red:s=64x64:d=1', '-frames:v', '1', cover])
      await writeFile(font, 'letters')
      const plain = await bench.makeFilm('plain.mkv', { options: ['-attach', font, '-metadata:s:t', 'mimetype=font/ttf'] })
      const film = join(bench.films, 'film.mkv')
      await run('ffmpeg', [
        '-v',
        'error',
        '-i',
        plain,
        '-map',
        '0',
        '-c',
        'copy',
        '-attach',
        cover,
        '-metadata:s:t:1',
        'mimetype=image/png',
        film,
      ])
      const lines = type === 'mounted' ? [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`] : []
      const config = await writeConfig(bench.folder, { home: [{ host: box, type, lines }] })
      const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'h264', film])
      expect(ended.status, ended.stdout).toBe(0)
      const { stdout } = await run('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'stream=codec_name,codec_type:stream_tags=filename',
        '-of',
        'csv=p=0',
        film,
      ])
      expect(stdout.trim().split('\n')).toEqual(['h264,video', 'aac,audio', 'unknown,attachment,a font.ttf', 'png,video,cover.png'])
      await bench.expectNothingLeft()
    },
  )

  test('a dry run says all of it and changes nothing anywhere', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const film = await bench.makeFilm('a.mp4')
    const before = await stat(film)
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] })
    const knownHosts = join(bench.folder, 'known_hosts')
    await writeFile(knownHosts, '')
    const text = (await readFile(config, 'utf8'))
      .replace(box.workingFolder, join(box.workingFolder, 'not/yet'))
      .replace(`known_hosts: ${box.knownHostsFile}`, `known_hosts: ${knownHosts}\n        host_key_check: accept-new`)
    const off = 'off: {type: streaming, address: 127.0.0.1, port: 1}'
    await writeFile(config, text.replace('    home:\n', `    dark: {${off}}\n    home:\n      ${off}\n`))
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', '--dry-run', film])
    expect(ended.status).toBe(0)
    expect(of(ended, 'job.planned')).toMatchObject([
      { file: film, host: 'box', profile: 'quick', queue: '_default', output: join(bench.films, 'a.mkv'), rule: null },
    ])
    expect(of(ended, 'job.planned')[0]?.arguments).toEqual([
      '-y',
      '-i',
      film,
      '-c:a',
      'aac',
      '-b:a',
      '64k',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-crf',
      '36',
      join(bench.films, 'a.mkv'),
    ])
    expect(of(ended, 'host.up')).toMatchObject([{ host: 'box', os: 'linux' }])
    expect(of(ended, 'host.up')[0]?.free_bytes).toBeGreaterThan(0)
    expect(of(ended, 'host.down')).toMatchObject([{ host: 'off' }])
    const other = await bench.makeFilm('b.mp4')
    const halfDark = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', '--dry-run', film, '-c', 'dark', other])
    expect(of(halfDark, 'job.planned')).toMatchObject([{ host: 'box' }, { host: null }])
    expect(halfDark.status, 'as the run would end').toBe(1)
    expect(await bench.list()).toEqual(['a.mp4', 'b.mp4'])
    expect((await stat(film)).mtimeMs).toBe(before.mtimeMs)
    await expect(stat(join(bench.folder, 'state'))).rejects.toThrow('ENOENT')
    expect(await readFile(knownHosts, 'utf8')).toBe('')
    await bench.expectNothingLeft()
  })

  test('a result that saves too little is thrown away, and the file counts as skipped', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const film = await bench.makeFilm('a.mp4')
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }, [
      '  greedy: {include: quick, threshold: 99}',
      '  early: {include: quick, threshold: 99, threshold_check: 10, input_options: ["-re"]}',
    ])
    const late = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'greedy', film])
    expect(late.status).toBe(0)
    expect(of(late, 'job.skipped')).toMatchObject([
      { file: film, reason: expect.stringMatching(/saves .* less than the threshold of 99 %/) },
    ])
    const early = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'early', film])
    expect(early.status).toBe(0)
    expect(of(early, 'job.skipped')[0]?.reason).toMatch(/would save .* \(stopped at 10 %\)/)
    expect(await bench.list()).toEqual(['a.mp4'])
    await bench.expectNothingLeft()
  })

  test('a file that ffmpeg cannot encode fails with ffmpeg’s reason and a log; the others are done', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const good = await bench.makeFilm('good.mp4')
    const bad = join(bench.films, 'bad.mp4')
    await writeFile(bad, 'this is no film')
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }, [
      '  broken: {include: quick, output_options_video: ["-c:v libx264", "-preset no_such_preset"]}',
    ])
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bad, good, join(bench.films, 'missing.mp4')])
    expect(ended.status).toBe(1)
    expect(of(ended, 'job.done').map(({ file }) => file)).toEqual([good])
    expect(
      of(ended, 'job.failed')
        .map(({ file }) => file)
        .sort(),
    ).toEqual([bad, join(bench.films, 'missing.mp4')])
    const broken = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'broken', join(bench.films, 'good.mkv')])
    expect(broken.status).toBe(1)
    const [failure] = of(broken, 'job.failed')
    expect(failure?.reason).toContain('no_such_preset')
    expect(await readFile(failure?.log ?? '', 'utf8')).toContain("invalid preset 'no_such_preset'")
    expect(await bench.list()).toEqual(['bad.mp4', 'good.mkv'])
    await bench.expectNothingLeft()
  })

  test('two sources of one result are both refused, each naming the other; a taken name is refused too', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const [a, b] = [await bench.makeFilm('x.mp4'), await bench.makeFilm('x.avi')]
    const taken = await bench.makeFilm('y.mp4')
    await writeFile(join(bench.films, 'y.mkv'), 'precious')
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', a, b, taken])
    expect(ended.status).toBe(1)
    const reasons = new Map(of(ended, 'job.failed').map(({ file, reason }) => [file, reason]))
    expect(reasons.get(a)).toContain(`"${b}" would make the same result`)
    expect(reasons.get(b)).toContain(`"${a}" would make the same result`)
    expect(reasons.get(taken)).toContain('exists already')
    expect(of(ended, 'job.started')).toEqual([])
    expect(await readFile(join(bench.films, 'y.mkv'), 'utf8')).toBe('precious')
    await bench.expectNothingLeft()
  })
})

function of<Name extends EncodeEvent['event']>(run: EndedRun, name: Name): readonly EventOf<Name>[] {
  return run.events.filter((event): event is EventOf<Name> => event.event === name)
}
