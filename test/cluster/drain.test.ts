import { execFile } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { type Bench, createBench } from './bench.ts'
import { runEncode, runPlain, startEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

const run = promisify(execFile)

describe.runIf(canStartHosts)('a configuration that changes while a run works', () => {
  test('brings a host in, is refused while it is broken, and lets a host go after its job', async () => {
    await using bench = await createBench()
    await bench.makeFilm('a.mp4', { seconds: 7 })
    for (const name of ['b.mp4', 'c.mp4']) await bench.makeFilm(name, { seconds: 1 })
    const [old, fresh] = [await bench.startHost('old', 'mounted'), await bench.startHost('fresh', 'mounted')]
    const lines = [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`]
    const both = await writeConfig(bench.folder, { home: [old, fresh].map((host) => ({ host, type: 'mounted', lines })) })
    const [withBoth, hint] = [await readFile(both, 'utf8'), '      fresh:\n        type: mounted\n']
    const config = await writeConfig(bench.folder, { home: [{ host: old, type: 'mounted', lines }] })
    const working = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    await working.until('job.progress')

    await replaceFile(config, withBoth.replace('type: mounted', 'type: mountd'))
    process.kill(Number(working.child.pid), 'SIGHUP')
    await working.until('warning', ({ message }) => message.includes('goes on as before') && /config\.yml:5:15: [^\n]+$/.test(message))

    await replaceFile(config, withBoth)
    process.kill(Number(working.child.pid), 'SIGHUP')
    await working.until('warning', ({ message }) => message.includes('host "fresh" added'))
    await working.until('job.started', ({ host }) => host === 'fresh')

    // Found by looking, without a signal.
    expect(withBoth).toContain(hint)
    await replaceFile(config, withBoth.replace('      old:\n', '      old:\n        status: disabled\n'))
    await working.until('host.draining', ({ host }) => host === 'old')
    const ended = await working.ended
    expect(ended.status, ended.stdout).toBe(0)
    expect(of(ended.events, 'job.done').map(({ host, file }) => [file.slice(bench.films.length + 1), host])).toEqual(
      expect.arrayContaining([
        ['a.mp4', 'old'],
        ['b.mp4', 'fresh'],
        ['c.mp4', 'fresh'],
      ]),
    )
    expect(of(ended.events, 'job.retry')).toEqual([])
    await bench.expectNothingLeft()
  })
})

describe.runIf(canStartHosts)('draining', () => {
  test('SIGUSR1 ends a run after its jobs; what was not started stays in the queue file, and resume does it', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, 1)
    const working = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', '--from-file', queue])
    await working.until('job.progress')
    working.child.kill('SIGUSR1')
    const ended = await working.ended
    expect(ended.status, ended.stdout).toBe(0)
    expect(ended.stderr).toBe('')
    expect(of(ended.events, 'run.finished')).toMatchObject([{ done: 1, failed: 0, left: 1, exit: 0 }])
    expect(await readFile(queue, 'utf8')).toBe(`${join(bench.films, 'b.mp4')}\n`)
    expect((await runPlain(bench.folder, ['history', 'last'])).stdout).toMatch(/queued +\S+b\.mp4/)
    const resumed = await runEncode(bench.folder, ['resume', '-y', config])
    expect(resumed.status, resumed.stdout).toBe(0)
    expect(of(resumed.events, 'job.done').map(({ file }) => file)).toEqual([join(bench.films, 'b.mp4')])
    expect(await readFile(queue, 'utf8')).toBe('')
    await bench.expectNothingLeft()
  })

  test('a host is drained by its name, runs by --drain; a name that no run has is refused', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, 4)
    await writeFile(config, (await readFile(config, 'utf8')).replace('    home:\n', '    home:\n      here: {type: local}\n'))
    const working = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', '--from-file', queue, '--strategy', 'round-robin'])
    await working.until('job.started', ({ host }) => host === 'nas')
    await working.until('job.started', ({ host }) => host === 'here')
    const unknown = await runPlain(bench.folder, ['drain', 'nass'])
    expect(unknown).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('did you mean "nas"?') })
    const drained = await runPlain(bench.folder, ['drain', 'nas', '-c', 'home'])
    expect(drained).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('it finishes the job under way') })
    const film = await bench.makeFilm('c.mp4', { seconds: 7 })
    await run('sh', ['-c', 'printf "%s\\n" "$1" >> "$2"', 'sh', film, queue])
    await working.until('job.started', ({ file, host }) => file === film && host === 'here')
    const told = await runPlain(bench.folder, ['--drain'])
    expect(told).toMatchObject({ status: 0, stdout: expect.stringContaining('ends after the job') })
    const ended = await working.ended
    expect(ended.status, ended.stdout).toBe(0)
    expect(of(ended.events, 'run.finished')).toMatchObject([{ done: 3, left: 0 }])
    expect((await runPlain(bench.folder, ['--drain'])).stdout).toBe('No run is under way\n')
    await bench.expectNothingLeft()
  })
})

/** One host and a queue file of two films. */
async function prepare(bench: Bench, seconds: number): Promise<{ readonly config: string; readonly queue: string }> {
  const host = await bench.startHost('nas', 'mounted')
  const films = [await bench.makeFilm('a.mp4', { seconds }), await bench.makeFilm('b.mp4', { seconds })]
  const lines = [`path-substitutions: ["${bench.films}/ ${bench.mount}/"]`]
  const config = await writeConfig(bench.folder, { home: [{ host, type: 'mounted', lines }] })
  const queue = join(bench.folder, 'queue')
  await writeFile(queue, films.map((film) => `${film}\n`).join(''))
  return { config, queue }
}

/** As editors do it. */
async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

function of<Name extends EncodeEvent['event']>(events: readonly EncodeEvent[], name: Name): readonly EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name)
}
