import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EventOf } from '../../src/model/events.ts'
import { type Bench, createBench } from './bench.ts'
import { runEncode, startEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

describe.runIf(canStartHosts)('a queue file', () => {
  test('drains line by line; comments, blank lines, failures and missing paths stay', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, ['a.mp4', 'b.mp4'])
    const missing = join(bench.films, 'missing.mp4')
    await writeFile(queue, `# tonight\n\n${join(bench.films, 'a.mp4')}\n${missing}\n# more\n${join(bench.films, 'b.mp4')}\n`)
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', '--from-file', queue])
    expect(ended.status).toBe(1)
    expect(await readFile(queue, 'utf8')).toBe(`# tonight\n\n${missing}\n# more\n`)
    expect(await bench.list()).toEqual(['a.mkv', 'b.mkv'])
    await bench.expectNothingLeft()
  })

  test('lines that others append during the run are kept, and taken up', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, ['a.mp4', 'b.mp4', 'c.mp4'], 3)
    await writeFile(queue, `${join(bench.films, 'a.mp4')}\n`)
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', '--from-file', queue])
    await run.until('job.progress')
    await appendFile(queue, `${join(bench.films, 'b.mp4')}\n# a note\n${join(bench.films, 'c.mp4')}\n`)
    const ended = await run.ended
    expect(ended.status).toBe(0)
    expect(ended.events.filter(({ event }) => event === 'job.done')).toHaveLength(3)
    expect(await readFile(queue, 'utf8')).toBe('# a note\n')
    expect(await bench.list()).toEqual(['a.mkv', 'b.mkv', 'c.mkv'])
    await bench.expectNothingLeft()
  })

  test('a second controller on the same queue file says who has it and leaves it alone', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, ['a.mp4'], 40)
    await writeFile(queue, `${join(bench.films, 'a.mp4')}\n`)
    const first = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', '--from-file', queue])
    await first.until('job.started')
    const second = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', '--from-file', queue])
    expect(second.status).toBe(2)
    expect(second.stderr).toContain(`process ${first.child.pid}`)
    const third = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', join(bench.films, 'a.mp4')])
    expect(third.status).toBe(1)
    const failure = third.events.find((event): event is EventOf<'job.failed'> => event.event === 'job.failed')
    expect(failure?.reason).toContain(`process ${first.child.pid}`)
    // It has heard nothing of either, and works on.
    expect(first.child.exitCode).toBe(null)
    first.child.kill('SIGINT')
    expect((await first.ended).status).toBe(130)
    await bench.expectNothingLeft()
  })

  test('the default queue file is taken when no path is given, and an interrupted run keeps its lines', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, ['a.mp4', 'b.mp4'], 10)
    const lines = `${join(bench.films, 'a.mp4')}\n${join(bench.films, 'b.mp4')}\n`
    await writeFile(queue, lines)
    await writeFile(config, (await readFile(config, 'utf8')).replace('config:\n', `config:\n  default_queue_file: ${queue}\n`))
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow'])
    await run.until('job.progress', (event) => event.stage === 'encode')
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    expect(await readFile(queue, 'utf8')).toBe(lines)
    await bench.expectNothingLeft()
  })

  test('rules choose for each line; a file that a rule skips counts as complete', async () => {
    await using bench = await createBench()
    const { config, queue } = await prepare(bench, ['a.mp4', 'extra/b.mp4'])
    await writeFile(queue, `${bench.films}\n`)
    await writeFile(
      config,
      `${await readFile(config, 'utf8')}rules:\n  extras: {profile: SKIP, criteria: {path: "/extra/"}}\n  rest: {profile: quick}\n`,
    )
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '--from-file', queue])
    expect(ended.status).toBe(0)
    expect(ended.events.at(-1)).toMatchObject({ done: 1, skipped: 1 })
    expect(await readFile(queue, 'utf8')).toBe('')
    expect(await bench.list()).toEqual(['a.mkv', 'extra/b.mp4'])
    await bench.expectNothingLeft()
  })
})

async function prepare(bench: Bench, films: readonly string[], seconds = 2): Promise<{ readonly config: string; readonly queue: string }> {
  for (const name of films) await bench.makeFilm(name, { seconds })
  const box = await bench.startHost('box', 'streaming')
  return { config: await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }), queue: join(bench.folder, 'queue.txt') }
}
