/** The live view in a real terminal (tmux), run as a program of its own. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lacks } from '../capabilities.ts'

const run = promisify(execFile)
const PROGRAM = new URL('./live-view-program.ts', import.meta.url).pathname
const WAIT = { timeout: 60_000, interval: 50 }

describe.skipIf(lacks('tmux'))('the live view in a terminal', () => {
  let folder: string

  const tmux = async (...argv: readonly string[]): Promise<string> =>
    (await run('tmux', ['-S', join(folder, 'socket'), '-f', '/dev/null', ...argv])).stdout
  const screen = async (): Promise<string> => (await tmux('capture-pane', '-p')).trimEnd()
  const type = (line: string): Promise<string> => tmux('send-keys', line, 'Enter')
  const cursor = async (): Promise<string> => (await tmux('display', '-p', '#{cursor_flag}')).trim()

  async function play(script: string, ending = 'wait'): Promise<void> {
    await type(`clear; ${process.execPath} ${PROGRAM} ${script} ${ending}`)
  }

  async function resize(columns: number, rows: number): Promise<void> {
    await tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'encode-tmux-'))
    await tmux('new-session', '-d', '-x', '80', '-y', '24', 'env PS1="READY% " LC_ALL=C.UTF-8 TERM=screen sh')
    await expect.poll(screen, WAIT).toBe('READY%')
  })

  afterEach(async () => {
    // This socket's server alone, with what runs in it.
    await tmux('kill-server').catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  })

  it('shows every host and job on 80 columns and 24 rows, and no byte of a name is acted on', async () => {
    await play('two')
    await expect.poll(screen, WAIT).toMatch(/ETA .* so far$/)
    const lines = (await screen()).split('\n')
    expect(lines).toHaveLength(11)
    expect(lines[0]).toBe('nas (home)  1 encoding, 1 fetching, 1 done')
    expect(lines[1]).toMatch(/^\S A film wi…080p\.mkv +encode +━+─+ +52% +143 fps +5\.9x +ETA/)
    expect(lines[2]).toMatch(/^\S evil\\e\[2J…me\\n\.mp4 +fetch/)
    expect(lines[4]).toMatch(/^\S 映画 🎬 e\u0301te\u0301\.mp4 +encode/)
    expect(lines[5]).toMatch(/old \(home\): Connection refused/)
    expect(lines[8]).toMatch(/broken\.mp4: moov atom not found/)
    expect(await cursor()).toBe('0')
  })

  it('fits 40 columns and 12 rows, and 10 columns and 5 rows', async () => {
    await resize(40, 12)
    await play('two')
    await expect.poll(screen, WAIT).toMatch(/39%.*so far$/)
    expect((await screen()).split('\n').length).toBeLessThanOrEqual(11)
    await resize(10, 5)
    await expect.poll(screen, WAIT).toMatch(/^\S+.*\d+%\n… \d+ more\n.*broken.*\n39% 2\/5$/)
  })

  it('draws itself anew when the window changes, without leaving pieces behind', async () => {
    await play('two')
    await expect.poll(screen, WAIT).toMatch(/so far$/)
    await resize(50, 24)
    await expect.poll(screen, WAIT).not.toMatch(/143 fps/)
    await expect.poll(screen, WAIT).toMatch(/so far$/)
    expect((await screen()).split('\n')).toHaveLength(11)
    await resize(100, 30)
    await expect.poll(screen, WAIT).toMatch(/143 fps/)
    expect((await screen()).split('\n')).toHaveLength(11)
  })

  it('leaves the summary, a visible cursor and whole lines after Ctrl-C', async () => {
    await play('two')
    await expect.poll(screen, WAIT).toMatch(/so far$/)
    await tmux('send-keys', 'C-c')
    await expect.poll(screen, WAIT).toMatch(/READY%$/)
    expect(await screen()).toBe(
      [
        'Done',
        '  first.mp4  1.20 GB → 400 MB  −66.7 %  2m 03s  nas',
        '',
        'Warnings',
        '  The clock of "mac" is 3 minutes late',
        '',
        'Failed',
        '  /tv/broken.mp4 on mac: moov atom not found',
        '    log: /state/logs/e.log',
        '',
        'Hosts down',
        '  old (home): Connection refused by 10.0.0.9:22',
        '',
        'Interrupted after 1m 10s: 1 done, 1 failed, 3 left as they were',
        '1.20 GB → 400 MB, saved 800 MB (−66.7 %)',
        'stray words',
        'CLOSED',
        'READY%',
      ].join('\n'),
    )
    expect(await cursor()).toBe('1')
  })

  it('shows what fits of a hundred jobs, and puts the terminal right when the program just exits while it draws', async () => {
    await play('hundred', 'exit')
    await expect.poll(screen, WAIT).toMatch(/… and 81 more\n(.*\n)+READY%$/)
    expect(await cursor()).toBe('1')
  })

  it('keeps the program going while the terminal stands still (Ctrl-S)', async () => {
    const heartbeat = join(folder, 'heartbeat')
    await play('two', heartbeat)
    await expect.poll(screen, WAIT).toMatch(/so far$/)
    await tmux('send-keys', 'C-s')
    const beats = async (): Promise<number> => Number((await run('cat', [heartbeat])).stdout)
    const before = await beats()
    // A program that waits for its terminal stands still at the next redraw, ten beats later.
    await expect.poll(beats, { timeout: 20_000, interval: 100 }).toBeGreaterThan(before + 200)
    await tmux('send-keys', 'C-q')
    await tmux('send-keys', 'C-c')
    await expect.poll(screen, WAIT).toMatch(/CLOSED\nREADY%$/)
  }, 40_000)
})
