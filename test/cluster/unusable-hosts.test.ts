import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { createBench } from './bench.ts'
import { type EndedRun, runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

describe.runIf(canStartHosts)('hosts that cannot be used', () => {
  test('each is said to be so in one line, and the run goes on with the others', async () => {
    await using bench = await createBench()
    const good = await bench.startHost('good', 'streaming')
    const blind = await bench.startHost('blind', 'streaming')
    const bare = await bench.startHost('bare', 'streaming')
    const film = await bench.makeFilm('a.mp4')
    const stranger = join(bench.folder, 'no_known_hosts')
    await writeFile(stranger, '')
    const config = await writeConfig(bench.folder, {
      home: [
        { host: good, type: 'streaming' },
        { host: blind, type: 'mounted' },
        { host: bare, type: 'streaming', lines: ['ffmpeg: /opt/none/ffmpeg'] },
      ],
    })
    const text = await readFile(config, 'utf8')
    const access = `address: ${good.address}, port: ${good.port}, user: ${good.user}`
    const more = [
      '      off: {address: 127.0.0.1, port: 1}',
      `      stranger: {${access}, identity_file: ${good.identityFile}, known_hosts: ${stranger}}`,
      `      locked: {${access}, identity_file: ${blind.identityFile}, known_hosts: ${good.knownHostsFile}}`,
      `      readonly: {${access}, identity_file: ${good.identityFile}, known_hosts: ${good.knownHostsFile}, working_dir: /proc/none}`,
    ]
    await writeFile(config, text.replace('    home:\n', `    home:\n${more.join('\n')}\n`))
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', film], { env: { SSH_AUTH_SOCK: '' } })
    expect(ended.status).toBe(0)
    expect(of(ended, 'job.done')).toMatchObject([{ host: 'good' }])
    const reasons = new Map(of(ended, 'host.down').map(({ host, reason }) => [host, reason]))
    expect([...reasons.keys()].sort()).toEqual(['bare', 'blind', 'locked', 'off', 'readonly', 'stranger'])
    for (const reason of reasons.values()) expect(reason).not.toContain('\n')
    expect(reasons.get('off')).toMatch(/refuses connections/)
    expect(reasons.get('stranger')).toContain(good.hostKeyFingerprint)
    expect(reasons.get('bare')).toMatch(/ffmpeg/)
    expect(reasons.get('blind')).toMatch(/does not see the media/)
    await bench.expectNothingLeft()
  })

  test('with none left the exit status is 3 and the source is untouched', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4')
    const config = await writeConfig(bench.folder, {})
    const text = await readFile(config, 'utf8')
    await writeFile(config, text.replace('  clusters:\n', '  clusters:\n    home:\n      off: {address: 127.0.0.1, port: 1}\n'))
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', film])
    expect(ended.status).toBe(3)
    expect(of(ended, 'job.failed')).toMatchObject([{ file: film, reason: expect.stringContaining('off') }])
    expect(await bench.list()).toEqual(['a.mp4'])
  })
})

function of<Name extends EncodeEvent['event']>(run: EndedRun, name: Name): readonly EventOf<Name>[] {
  return run.events.filter((event): event is EventOf<Name> => event.event === name)
}
