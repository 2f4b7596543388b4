/**
 * A program with a live view, run in a real terminal by the tests: plays a run, then waits.
 * SIGINT closes the view and prints `CLOSED`. Second argument: `exit` ends without closing it while a frame is on its way, a path is
 * where heartbeats are counted.
 */

import { pbkdf2 } from 'node:crypto'
import { writeFileSync, writeSync } from 'node:fs'
import { Chalk } from 'chalk'
import { systemClock } from '../../src/core/clock.ts'
import type { EncodeEvent } from '../../src/model/events.ts'
import { createLiveView } from '../../src/view/live-view.ts'
import { openOutput } from '../../src/view/open-output.ts'
import { done, eventAt, failed, finished, hostUp, progressed, queued, RUN_START_MS, started } from './run-script.ts'

const SCRIPTS: Readonly<Record<string, () => readonly EncodeEvent[]>> = {
  two: () => [
    eventAt(0, 'run.started', { jobs: 5, clusters: ['home'] }),
    hostUp(1, 'nas'),
    hostUp(1, 'mac'),
    eventAt(1, 'host.down', { cluster: 'home', host: 'old', reason: 'Connection refused by 10.0.0.9:22' }),
    queued(1, 'a', '/tv/first.mp4'),
    queued(1, 'b', '/tv/A film with quite a long name, S01E02 (2019) 1080p.mkv'),
    queued(1, 'c', '/tv/映画 🎬 e\u0301te\u0301.mp4'),
    queued(1, 'd', '/tv/evil\u001b[2J\u001b]0;owned\u0007name\n.mp4'),
    queued(1, 'e', '/tv/broken.mp4'),
    started(2, 'a', '/tv/first.mp4', 'nas'),
    started(2, 'b', '/tv/A film with quite a long name, S01E02 (2019) 1080p.mkv', 'nas'),
    started(2, 'c', '/tv/映画 🎬 e\u0301te\u0301.mp4', 'mac'),
    done(60, 'a', '/tv/first.mp4', 'nas'),
    started(61, 'd', '/tv/evil\u001b[2J\u001b]0;owned\u0007name\n.mp4', 'nas'),
    failed(61, 'e', '/tv/broken.mp4', 'mac', 'moov atom not found'),
    progressed(62, 'b', 'nas', 52),
    progressed(62, 'c', 'mac', 7),
    progressed(62, 'd', 'nas', null, 'fetch'),
    eventAt(63, 'warning', { message: 'The clock of "mac" is 3 minutes late' }),
  ],
  hundred: () => [
    eventAt(0, 'run.started', { jobs: 500, clusters: ['home'] }),
    hostUp(1, 'nas'),
    ...Array.from({ length: 100 }, (_, index) => started(2, `j${index}`, `/tv/episode ${index}.mp4`, 'nas')),
    ...Array.from({ length: 100 }, (_, index) => progressed(3, `j${index}`, 'nas', index)),
  ],
}

const [script = 'two', ending = 'wait'] = process.argv.slice(2)
const stdout = openOutput(process.stdout, process.platform)
// After what hides the cursor, a picture of nothing, and one of the script.
if (ending === 'exit') exitWithPieceAfter(3)
const view = createLiveView({
  stdout,
  stderr: process.stderr,
  // The script ends 65 s after the start of its run.
  clock: { ...systemClock, now: () => RUN_START_MS + 65_000 + performance.now() },
  chalk: new Chalk({ level: 1 }),
})
process.on('exit', () => writeSync(1, view.restoreSequence()))

for (const event of SCRIPTS[script]?.() ?? []) view.handle(event)
process.stderr.write('stray words\n')

async function close(): Promise<void> {
  await view.close()
  writeSync(1, 'CLOSED\n')
  process.exit(0)
}

process.on('SIGINT', () => {
  view.handle(finished(70, { done: 1, failed: 1, source_bytes: 1_200_000_000, output_bytes: 400_000_000, exit: 130 }))
  void close()
})
if (ending !== 'exit') {
  // Proof that the program is going on: a count in a file.
  let beats = 0
  setInterval(() => {
    beats += 1
    if (ending !== 'wait') writeFileSync(ending, String(beats))
  }, 10)
}

/** Exits when so many pieces are in the terminal and one more was handed over: a thread that is busy until then writes it. */
function exitWithPieceAfter(pieces: number): void {
  const write = stdout.write.bind(stdout)
  let count = 0
  stdout.write = ((...args: Parameters<typeof write>) => {
    const isLast = count >= pieces && stdout.writableLength === 0
    count += 1
    if (!isLast) return write(...args)
    for (let thread = 0; thread < 4; thread += 1) pbkdf2('', '', 50_000, 64, 'sha512', () => {})
    write(...args)
    process.exit(7)
  }) as typeof write
}
