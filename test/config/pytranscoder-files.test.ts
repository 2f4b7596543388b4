/** Files in the shape of pytranscoder's own samples load unchanged; `NAME.txt` holds the warnings, `line:column message`. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { Config } from '../../src/model/config.ts'

const folder = new URL('../cases/config/pytranscoder/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.yml'))

describe('a pytranscoder file', () => {
  it.each(names)('loads, and what it cannot mean any more is told with its line: %s', (name) => {
    const expected = readFileSync(new URL(name.replace('.yml', '.txt'), folder), 'utf8')
    const told = load(name).warnings.map(({ place, message }) => `${place.line}:${place.column} ${message}\n`)
    expect(told.join('')).toBe(expected)
  })

  it('gives hosts with what they leave out filled in', () => {
    const [cluster] = load('full.yml').clusters
    expect(cluster?.name).toBe('house')
    const [desk, tower, attic, cellar] = cluster?.hosts ?? []
    expect(desk).toMatchObject({
      name: 'desk',
      type: 'local',
      isEnabled: true,
      address: undefined,
      queues: { qsv: 1 },
      profiles: undefined,
    })
    expect(tower).toEqual({
      name: 'tower',
      type: 'mounted',
      isEnabled: true,
      address: '192.168.7.66',
      port: undefined,
      user: 'anna',
      identityFile: undefined,
      knownHosts: undefined,
      hostKeyCheck: undefined,
      proxyJump: undefined,
      os: 'windows',
      ffmpeg: '/mnt/c/ffmpeg/bin/ffmpeg.exe',
      ffprobe: undefined,
      workingDir: 'c:\\temp',
      pathSubstitutions: [
        { from: '/series/', to: 'm:Video\\Series\\' },
        { from: '/incoming/', to: 'n:\\' },
        { from: '/volume1/media', to: 'Z:' },
      ],
      profiles: ['hevc_card'],
      queues: { qsv: 1, cuda: 1 },
      labels: [],
      env: {},
      nice: undefined,
      place: { file: 'full.yml', line: 22, column: 7 },
    })
    expect(attic).toMatchObject({ type: 'streaming', os: 'macos', isEnabled: false, queues: { _default: 1 }, profiles: ['hevc_gone'] })
    expect(cellar).toMatchObject({ type: 'streaming', address: '192.168.7.65', workingDir: '/tmp' })
  })

  it('gives profiles as written, an empty option section as one without options', () => {
    const profiles = new Map(load('full.yml').profiles.map((profile) => [profile.name, profile]))
    expect([...profiles.keys()]).toEqual(['base', 'card', 'hevc_card', 'hevc_line', 'passthru', 'brake', 'mp3_hq'])
    expect(profiles.get('base')).toMatchObject({
      include: [],
      inputOptions: undefined,
      outputOptions: ['-f matroska', '-max_muxing_queue_size 1024'],
      outputOptionsAudio: ['-c:a copy'],
      extension: '.mkv',
      threshold: 18,
      thresholdCheck: 20,
      audio: { include: ['eng'], exclude: [], defaultLanguage: 'eng' },
    })
    expect(profiles.get('hevc_card')).toMatchObject({
      include: ['base', 'card'],
      outputOptionsVideo: [],
      extension: undefined,
      queue: 'cuda',
    })
    expect(profiles.get('card')).toMatchObject({
      inputOptions: [],
      outputOptionsVideo: ['-c:v hevc_nvenc ', "-vf 'format=nv12,hwupload' extra"],
    })
    expect(profiles.get('hevc_line')?.inputOptions).toBe('-hwaccel vaapi -hwaccel_device /dev/dri/renderD129')
  })

  it('takes the last of two profiles of one name, in the place of the first', () => {
    const passthru = load('full.yml').profiles[4]
    expect(passthru).toMatchObject({ name: 'passthru', outputOptions: ['-c copy'], outputOptionsVideo: undefined, extension: '.mkv' })
  })

  it('gives rules in the order written with their criteria as text', () => {
    expect(load('full.yml').rules.map(({ name, profile, criteria }) => [name, profile, criteria])).toEqual([
      ['already hevc', 'SKIP', [['vcodec', 'hevc']]],
      [
        'small < 700',
        'skip',
        [
          ['filesize_mb', '<2000'],
          ['res_height', '721-1081'],
          ['runtime', '30-65'],
          ['fps', '25'],
        ],
      ],
      ['not there', '!nothing', [['path', '!Westworld|Vikings']]],
      ['dangling', 'hevc_gone', [['fps', '>30']]],
      ['default', 'hevc_card', [['vcodec', '!hevc']]],
    ])
  })

  it('of the first version means the same: inner rules, source_size, concurrent_jobs, path-substitution, profile of a host', () => {
    const config = load('first-version.yml')
    expect(config.rules.map(({ criteria }) => criteria)).toEqual([
      [['vcodec', 'hevc']],
      [
        ['runtime', '<180'],
        ['filesize_mb', '>6000'],
      ],
      [],
    ])
    expect(config.queues).toEqual({ _default: 3 })
    expect(config.clusters[0]?.hosts[0]).toMatchObject({
      pathSubstitutions: [{ from: '/volume1/media/', to: '/media/' }],
      profiles: ['hevc'],
    })
    expect(config.profiles[0]?.inputOptions).toBe('-hide_banner\n-hwaccel cuvid\n')
  })

  it('may list queues and criteria, and quote its booleans', () => {
    const config = load('lists.yml')
    expect(config).toMatchObject({ automap: false, colorize: true, queues: { _default: 1, q1: 1, q2: 2 } })
    expect(config.rules[0]?.criteria).toEqual([
      ['vcodec', '!hevc'],
      ['fps', '25'],
    ])
    expect(config.templates[0]).toMatchObject({
      name: 'quick',
      inputOptions: ['-hide_banner'],
      videoCodec: '-c:v hevc_qsv -preset medium',
      audioCodec: '-c:a copy',
      subtitles: '-c:s copy',
      audioLang: 'eng *jpn',
      subtitleLang: 'eng',
      extension: '.mkv',
      queue: 'q2',
      threshold: 0,
      thresholdCheck: 100,
    })
  })

  it('may use anchors and merge keys', () => {
    const profiles = new Map(load('anchors.yml').profiles.map((profile) => [profile.name, profile]))
    const english = { include: ['eng'], exclude: [], defaultLanguage: undefined }
    expect(profiles.get('child')).toMatchObject({ threshold: 30, extension: '.mkv', audio: english, subtitle: english })
    expect(profiles.get('both')).toMatchObject({ threshold: 20, thresholdCheck: 40, extension: '.mkv' })
  })
})

function load(name: string): Config {
  return parseConfig(readFileSync(new URL(name, folder), 'utf8'), name, [])
}
