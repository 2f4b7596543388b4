import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createBench } from './bench.ts'
import { runPlain } from './encode-program.ts'

describe('wrong calls start nothing and exit 2', () => {
  test('bad configuration is shown with file, line, column and caret, all problems at once', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4')
    const config = join(bench.folder, 'bad.yml')
    await mkdir(bench.folder, { recursive: true })
    await writeFile(config, 'config:\n  clusters:\n    home:\n      nas: {typo: 1}\nprofiles:\n  x:\n    threshold: much\n')
    const ended = await runPlain(bench.folder, ['-y', config, '-c', 'home', '-p', 'x', film])
    expect(ended.status).toBe(2)
    expect(ended.stderr).toContain(`${config}:4:13`)
    expect(ended.stderr).toContain(`${config}:7:16`)
    expect(ended.stderr).toMatch(/^ *\^/m)
    expect(await bench.list()).toEqual(['a.mp4'])
  })

  test('a default queue file that is not there is told as what it is', async () => {
    await using bench = await createBench()
    const config = join(bench.folder, 'config.yml')
    await writeFile(config, 'config: {default_queue_file: gone.txt}\n')
    const ended = await runPlain(bench.folder, ['-y', config])
    expect(ended.stderr).toMatch(/no path is given, and ".*gone\.txt", the "default_queue_file", does not exist/)
    expect(ended.status).toBe(2)
  })

  test.each([
    [['histroy'], /did you mean "encode history"/],
    [['--nonsense'], /Unknown option "--nonsense"/],
    [['-c', 'nowhere', 'x.mp4'], /There is no cluster "nowhere"/],
    [['-p', 'h246', 'FILM'], /h246.*did you mean "h264"/is],
    [[], /nothing to encode/],
    [['FILM'], /Nothing says how to encode/],
    [['FILM', 'films/b.mp4'], /There is no file or folder "films\/b\.mp4"; did you mean "a\.mp4"\?\n.*name a profile/],
    [['--from-file', '/no/such/queue'], /queue/],
    [['-y', '/no/such/config.yml', 'x.mp4'], /no\/such\/config\.yml/],
  ])('%j', async (args, message) => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4')
    const ended = await runPlain(
      bench.folder,
      args.map((argument) => (argument === 'FILM' ? film : argument)),
      { env: { HOME: bench.folder } },
    )
    expect(ended.stderr).toMatch(message)
    expect(ended.status).toBe(2)
    expect(ended.stderr).not.toMatch(/\n\s+at /)
  })
})
