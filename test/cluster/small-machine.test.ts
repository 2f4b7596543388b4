import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createBench } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

/** For the machine itself: one processor of ours, and a kernel that says it has 512 MB. */
const SMALL = `
sed 's/^MemTotal:.*/MemTotal: 524288 kB/' /proc/meminfo >meminfo
mount --bind meminfo /proc/meminfo
taskset -pc "$(taskset -pc $$ | sed 's/.*: *\\([0-9]*\\).*/\\1/')" $$ >/dev/null
`

describe.runIf(canStartHosts)('a host with one core and 512 MB', () => {
  test('does one job at a time, niced, and steps back for others at its disk', async () => {
    await using bench = await createBench()
    const log = join(bench.folder, 'encodes.log')
    const nas = await bench.startHost('nas', 'streaming', { boot: SMALL })
    const names = ['a', 'b', 'c']
    for (const name of names) await bench.makeFilm(`${name}.mp4`, { seconds: 1 })
    const lines = ['queues: auto', `ffmpeg: ${await writeTellingFfmpeg(bench.folder, log)}`]
    const config = await writeConfig(bench.folder, { home: [{ host: nas, type: 'streaming', lines }] })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bench.films])
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    const encode = 'begins with nice 10, best-effort: prio 7\nends\n'
    expect(await readFile(log, 'utf8')).toBe(encode.repeat(names.length))
    await bench.expectNothingLeft()
  })
})

/** Writes down when it encodes a film, and how it stands with the system. */
async function writeTellingFfmpeg(folder: string, log: string): Promise<string> {
  const path = join(folder, 'bin', 'ffmpeg')
  await mkdir(join(folder, 'bin'))
  const script = `#!/bin/sh
case "$*" in *' aac '*) ;; *) exec ffmpeg "$@" ;; esac
echo "begins with nice $(nice), $(ionice -p $$)" >>'${log}'
ffmpeg "$@"
status=$?
echo ends >>'${log}'
exit $status
`
  await writeFile(path, script, { mode: 0o755 })
  return path
}
