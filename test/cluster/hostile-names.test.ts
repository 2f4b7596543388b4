import { describe, expect, test } from 'vitest'
import { createBench, describeFilm } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'

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

describe('file names that shells find special', () => {
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
