import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createBench, describeFilm } from './bench.ts'
import { type EndedRun, runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

/** Its result is as large as its source, nearly, and takes a second and a half. */
const COPY = [
  '  copy:',
  '    input_options: ["-readrate 8"]',
  '    output_options: ["-c copy"]',
  '    output_options_audio: ["-an"]',
  '    extension: .mkv',
]

/** An ffmpeg that was built without HTTP. */
const NO_HTTP = `#!/bin/sh
for a; do case $a in http://*) echo "$a: Protocol not found" >&2; exit 1 ;; esac; done
exec /usr/bin/ffmpeg "$@"
`

describe.runIf(canStartHosts)('a host without anything else to do', () => {
  test('encodes a source while it arrives, and its result comes back meanwhile; where that cannot be, the source is fetched', async () => {
    await using bench = await createBench()
    const open = await bench.startHost('open', 'streaming')
    const strict = await bench.startHost('strict', 'streaming', { sshdOptions: ['AllowTcpForwarding no'] })
    const old = await bench.startHost('old', 'streaming')
    const ffmpeg = join(old.homeFolder, 'ffmpeg')
    await writeFile(ffmpeg, NO_HTTP)
    await chmod(ffmpeg, 0o755)
    const films: string[] = []
    for (const name of ['a.mkv', 'b.mkv', 'c.mkv']) {
      films.push(await bench.makeFilm(name, { seconds: 12, options: ['-c:v', 'rawvideo'] }))
    }
    const [a = '', b = '', c = ''] = films
    const config = await writeConfig(
      bench.folder,
      {
        one: [{ host: open, type: 'streaming' }],
        two: [{ host: strict, type: 'streaming' }],
        three: [{ host: old, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] }],
      },
      COPY,
    )

    const run = await runEncode(bench.folder, ['-y', config, '-v', '-p', 'copy', '-c', 'one', a, '-c', 'two', b, '-c', 'three', c])

    expect(run).toMatchObject({ status: 0 })
    expect(stagesOn(run, 'open')).toEqual(['encode', 'return', 'verify', 'replace'])
    expect(stagesOn(run, 'strict')).toEqual(['fetch', 'encode', 'return', 'verify', 'replace'])
    expect(stagesOn(run, 'old')).toEqual(['encode', 'fetch', 'encode', 'return', 'verify', 'replace'])
    const warnings = run.events.flatMap((event) => (event.event === 'warning' ? [event.message] : []))
    for (const name of ['strict', 'old']) {
      expect(warnings.filter((message) => message.startsWith(`Host "${name}" encodes no source while it arrives: `))).toHaveLength(1)
    }
    const returned = run.events.filter((event) => event.event === 'job.progress' && event.stage === 'return' && event.host === 'open')
    expect(returned[0]).toMatchObject({ size_bytes: expect.toSatisfy((bytes: number) => bytes > 4_000_000) })
    for (const film of films) {
      const { codecs, seconds } = await describeFilm(film)
      expect(codecs).toBe('rawvideo')
      expect(seconds).toBeGreaterThan(11.9)
    }
    await bench.expectNothingLeft()
  })
})

function stagesOn(run: EndedRun, host: string): readonly string[] {
  return run.events.flatMap((event) => (event.event === 'job.stage' && event.host === host ? [event.stage] : []))
}
