import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createDryRunView } from '../../src/view/dry-run-view.ts'
import { quoteArgument, quoteCommand } from '../../src/view/quote-argument.ts'
import { eventAt, hostUp } from './run-script.ts'
import { createSlowStream } from './slow-stream.ts'

describe('createDryRunView', () => {
  it('tells hosts, files and that nothing was changed', async () => {
    const reader = createSlowStream(1_000_000)
    reader.open()
    const view = createDryRunView({ stdout: reader.stream })
    view.handle(hostUp(0, 'nas'))
    view.handle(eventAt(0, 'host.down', { cluster: 'home', host: 'old', reason: 'Connection refused' }))
    view.handle(
      eventAt(1, 'job.planned', {
        file: "/tv/it's.mp4",
        cluster: 'home',
        host: 'nas',
        rule: 'big',
        profile: 'h264',
        queue: '_default',
        arguments: ['-y', '-i', "/tv/it's.mp4", '-crf', '21', "/tv/it's.mkv"],
        output: "/tv/it's.mkv",
      }),
    )
    const planned = { rule: null, profile: 'h264', queue: '_default', arguments: ['-y'], output: '/tv/b.mkv' }
    view.handle(eventAt(1, 'job.planned', { ...planned, file: '/tv/b.mp4', cluster: 'dark', host: null }))
    view.handle(eventAt(1, 'job.skipped', { file: '/tv/small.mp4', reason: 'Rule "small" says SKIP' }))
    view.handle(eventAt(1, 'job.failed', { file: '/tv/gone.mp4', host: null, reason: 'No such file', log: null }))
    await view.close()
    await view.close()
    expect(reader.lines).toEqual([
      'up    nas (home): linux, ffmpeg 5.1.6, 1.20 TB free',
      'down  old (home): Connection refused',
      "/tv/it's.mp4",
      '  rule     big',
      '  profile  h264, queue _default',
      '  host     nas, cluster home',
      "  result   /tv/it's.mkv",
      "  command  ffmpeg -y -i '/tv/it'\\''s.mp4' -crf 21 '/tv/it'\\''s.mkv'",
      '/tv/b.mp4',
      '  rule     none (chosen on the command line)',
      '  profile  h264, queue _default',
      '  host     no host of dark is up',
      '  result   /tv/b.mkv',
      '  command  ffmpeg -y',
      '/tv/small.mp4',
      '  skipped: Rule "small" says SKIP',
      '/tv/gone.mp4',
      '  would fail: No such file',
      '',
      'Dry run: 2 files to encode, 1 skipped, 1 without a host, 1 that would fail, 1 host up, 1 down; nothing was changed',
    ])
  })
})

test('a dry run that never began claims nothing', async () => {
  const reader = createSlowStream(1_000_000)
  reader.open()
  const view = createDryRunView({ stdout: reader.stream })
  view.handle(eventAt(0, 'warning', { message: 'encode.yml:3:1: an old key' }))
  await view.close()
  expect(reader.lines).toEqual(['warning: encode.yml:3:1: an old key'])
})

describe('quoteCommand', () => {
  it.each(['bash', 'zsh'])('gives %s back what it was given', async (shell) => {
    const argument = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0') && text.isWellFormed())
    const nasty = ['', "'", '"', '\\', '$(id)', '`id`', '!', '*', '~', '-n', '\n', '\u001b[2J', '\u0085x', "a'\u0007'b\\c", '\u202e\u0301']
    const all = [...nasty, ...fc.sample(argument, 200)]
    const { stdout } = await promisify(execFile)(shell, ['-c', `printf '%s\\0' ${quoteCommand(all)}`])
    expect(stdout.split('\0').slice(0, -1)).toEqual(all)
  })

  it('shows no character that a terminal would act on', () => {
    expect(quoteArgument('a\u001b[2J\n\u202e')).toBe("$'a\\033[2J\\012\\342\\200\\256'")
  })
})
