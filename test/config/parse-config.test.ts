import { describe, expect, it } from 'vitest'
import { createDefaultConfig, parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import { isEncodeError } from '../../src/core/errors.ts'
import type { Config, HostConfig } from '../../src/model/config.ts'

describe('parseConfig', () => {
  it('takes a cluster file of four lines', () => {
    const config = parse('config:\n  clusters:\n    home:\n      nas:\n')
    expect(config.clusters).toHaveLength(1)
    expect(config.clusters[0]?.hosts[0]).toMatchObject({
      name: 'nas',
      type: 'streaming',
      isEnabled: true,
      address: undefined,
      hostKeyCheck: undefined,
      queues: { _default: 1 },
      profiles: undefined,
      place: { file: 'config.yml', line: 4, column: 7 },
    })
    expect(config.warnings).toEqual([])
  })

  it.each(['', '# nothing\n', '---\n', 'config:\nprofiles:\ntemplates:\nrules:\n', '{}', 'config: {queues: , clusters: }'])(
    'takes %j as all default',
    (text) => {
      expect(parse(text)).toEqual({ ...createDefaultConfig([]), file: 'config.yml' })
    },
  )

  it('has a default configuration that names no file', () => {
    expect(createDefaultConfig([])).toEqual({
      file: undefined,
      defaultQueueFile: undefined,
      ffmpeg: undefined,
      ffprobe: undefined,
      ssh: undefined,
      queues: { _default: 1 },
      colorize: undefined,
      automap: true,
      flsPath: undefined,
      clusters: [],
      profiles: [],
      templates: [],
      rules: [],
      warnings: [],
    })
  })

  it('reads sizes, of this machine and of hosts', () => {
    const config = parse('config: {min_free: 500MB, clusters: {home: {nas: {min_free: 0}, box: {min_free: 1.5 GB}, tower: {}}}}')
    expect(config.minFreeBytes).toBe(500e6)
    expect(config.clusters[0]?.hosts.map(({ minFreeBytes }) => minFreeBytes)).toEqual([0, 1.5e9, undefined])
  })

  it('is frozen to the last value', () => {
    const config = parse('config: {clusters: {home: {nas: {env: {A: b}}}}}\nrules: {a: {profile: SKIP, criteria: {fps: 25}}}')
    const host = config.clusters[0]?.hosts[0]
    for (const part of [
      config,
      config.queues,
      config.clusters,
      host,
      host?.env,
      host?.queues,
      config.rules[0]?.criteria[0],
      config.warnings,
    ]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it.each([
    ['yes', true],
    ['No', false],
    ['on', true],
    ['OFF', false],
    ["'yes'", true],
    ['"no"', false],
    ['true', true],
    ['y', true],
  ])('takes automap: %s as YAML 1.1 does', (written, expected) => {
    expect(parse(`config: {automap: ${written}}`).automap).toBe(expected)
    expect(parse(`%YAML 1.2\n---\nconfig: {automap: ${written}}`).automap).toBe(expected)
  })

  it('keeps names that YAML would take for something else', () => {
    const config = parse(`
profiles:
  264: {extension: .mkv, audio: {include_languages: [no, eng], default_language: no}}
  on: {extension: .mkv, include: 264}
  1_0: {extension: .mkv}
config:
  clusters: {2024-01-01: {y: {user: 007, labels: [no, 1e3], env: {N: 1.10}}}}
rules:
  12: {profile: 264, criteria: {vcodec: 0264, res_height: 0720}}
  3: {profile: on}
`)
    expect(config.profiles.map(({ name }) => name)).toEqual(['264', 'on', '1_0'])
    expect(config.profiles[0]?.audio).toEqual({ include: ['no', 'eng'], exclude: [], defaultLanguage: 'no' })
    expect(config.clusters[0]?.name).toBe('2024-01-01')
    expect(config.clusters[0]?.hosts[0]).toMatchObject({ name: 'y', user: '007', labels: ['no', '1e3'], env: { N: '1.10' } })
    // The order is the written one, whatever the names look like.
    expect(config.rules.map(({ name, profile }) => [name, profile])).toEqual([
      ['12', '264'],
      ['3', 'on'],
    ])
    expect(config.rules[0]?.criteria).toEqual([
      ['vcodec', '0264'],
      ['res_height', '0720'],
    ])
  })

  it('takes numbers in quotes', () => {
    expect(host("port: '22'\n  queues: {cuda: '2'}\n  nice: '5'")).toMatchObject({ port: 22, queues: { cuda: 2 }, nice: 5 })
  })

  it.each([
    ['nice: true', { nice: 10 }],
    ['nice: yes', { nice: 10 }],
    ['nice: no', { nice: 0 }],
    ['nice: -5', { nice: -5 }],
    ['os: win10', { os: 'windows' }],
    ['os: windows', { os: 'windows' }],
    ['os: freebsd', { os: 'freebsd' }],
    ['ip: 10.0.0.1', { address: '10.0.0.1' }],
    ['address: fe80::1%eth0', { address: 'fe80::1%eth0' }],
    ['address: localhost', { address: 'localhost', type: 'streaming' }],
    ['type: local', { type: 'local' }],
    ['path-substitutions: [/a/ /b/]', { type: 'mounted' }],
    ['path-substitutions: []', { type: 'streaming' }],
    ['path-substitutions:', { type: 'streaming' }],
    ['{type: streaming, path-substitutions: [/a/ /b/]}', { type: 'streaming' }],
    ['status: disabled', { isEnabled: false }],
    ['status:', { isEnabled: true }],
    ['queues: {}', { queues: { _default: 1 } }],
    ['queues:', { queues: { _default: 1 } }],
    ['queues: {cuda: 2}', { queues: { cuda: 2 } }],
    ['queues: {cuda: 2, qsv: 0}', { queues: { cuda: 2 } }],
    ['profiles:', { profiles: undefined }],
    ['labels: gpu fast', { labels: ['gpu', 'fast'] }],
    ['host_key_check: accept-new', { hostKeyCheck: 'accept-new' }],
    ['proxy_jump: me@gate:2222,other', { proxyJump: 'me@gate:2222,other' }],
    ['user: DOMAIN\\anna', { user: 'DOMAIN\\anna' }],
  ])('reads a host with %s', (written, expected) => {
    expect(host(written)).toMatchObject(expected)
  })

  it.each([
    ['/a/ /b/', '/a/', '/b/'],
    ['  /a/ \t /b/ ', '/a/', '/b/'],
    ['/volume1/media Z:', '/volume1/media', 'Z:'],
    ['/my films/ /your films/', '/my films/', '/your films/'],
    ['/my films/ Z:\\your films', '/my films/', 'Z:\\your films'],
    ['/my films/ \\\\server\\share x', '/my films/', '\\\\server\\share x'],
  ])('splits the path substitution %j', (written, from, to) => {
    expect(host(`path-substitutions: [${JSON.stringify(written)}]`)?.pathSubstitutions).toEqual([{ from, to }])
  })

  it('takes path substitutions as lists of two and as maps', () => {
    const written = 'path-substitutions: [[/a b/, /c d/ e/], {from: /a/, to: /b c/ d}]'
    expect(host(written)?.pathSubstitutions).toEqual([
      { from: '/a b/', to: '/c d/ e/' },
      { from: '/a/', to: '/b c/ d' },
    ])
  })

  it('joins the profiles and templates of a host', () => {
    const text = 'config: {clusters: {c: {h: {profiles: [a], templates: t u}}}}\nprofiles: {a: {}}\n'
    const config = parse(`${text}templates: {t: {cli: {}, extension: mkv}, u: {cli: , extension: .mp4}}`)
    expect(config.clusters[0]?.hosts[0]?.profiles).toEqual(['a', 't', 'u'])
    expect(config.templates.map(({ extension }) => extension)).toEqual(['.mkv', '.mp4'])
  })

  it('holds the default queue beside those given', () => {
    expect(parse('config: {queues: {cuda: 2}}').queues).toEqual({ _default: 1, cuda: 2 })
    expect(parse('config: {queues: {_default: 4}}').queues).toEqual({ _default: 4 })
    expect(parse('config: {concurrent_jobs: 2, queues: {_default: 4}}').queues).toEqual({ _default: 4 })
  })

  it('takes back what a profile includes where a key is written without a value', () => {
    const [, child] = parse(
      'profiles:\n  base: {queue: cuda}\n  child:\n    include: base\n    queue:\n    audio:\n    threshold:\n',
    ).profiles
    expect(child).toMatchObject({
      queue: '_default',
      audio: { include: [], exclude: [], defaultLanguage: undefined },
      threshold: undefined,
    })
  })

  it('takes includes in any order, and a profile that a rule reaches by them', () => {
    const config = parse('rules: {a: {profile: late}}\nprofiles: {late: {include: last}, last: {include: base}, base: {extension: mkv}}')
    expect(config.profiles.map(({ name, include }) => [name, include])).toEqual([
      ['late', ['last']],
      ['last', ['base']],
      ['base', []],
    ])
    expect(config.profiles[2]?.extension).toBe('.mkv')
  })

  it.each(['720', '<700', '>30', '< 700', '721-1081', '721 - 1081', '!720', '!<700', '!>30', '!721-1081', '23.976', '>29.97', '.5'])(
    'takes %j for a number criterion',
    (value) => {
      const config = parse(`rules: {a: {profile: SKIP, criteria: {fps: ${JSON.stringify(value)}}}}`)
      expect(config.rules[0]?.criteria).toEqual([['fps', value]])
    },
  )

  it('takes ~ in paths of this machine for the home folder, where it is told', () => {
    const text =
      'config: {default_queue_file: ~/queue, fls_path: /tmp/~, clusters: {c: {h: {identity_file: ~/.ssh/id, working_dir: ~/work}}}}'
    const config = parseConfig(text, 'config.yml', [], { homeFolder: '/home/$&' })
    expect(config).toMatchObject({ defaultQueueFile: '/home/$&/queue', flsPath: '/tmp/~' })
    expect(config.clusters[0]?.hosts[0]).toMatchObject({ identityFile: '/home/$&/.ssh/id', workingDir: '~/work' })
    expect(parse(text).defaultQueueFile).toBe('~/queue')
  })

  it('is not led astray by names that JavaScript knows', () => {
    const config = parse(
      'profiles: {constructor: {extension: .mkv}, __proto__: {extension: .mp4}}\nrules: {toString: {profile: __proto__}}',
    )
    expect(config.profiles.map(({ name, extension }) => [name, extension])).toEqual([
      ['constructor', '.mkv'],
      ['__proto__', '.mp4'],
    ])
    expect(() => parse('config: {constructor: 1}')).toThrow(/Unknown key "constructor"/)
    expect(() => parse('config: {__proto__: {queues: {}}}')).toThrow(/Unknown key "__proto__"/)
  })
})

describe('shipped profiles', () => {
  const shipped = parseShippedProfiles(
    'profiles:\n  h264: {extension: .mp4, description: H.264}\n  hevc: {extension: .mkv}\n',
    'shipped.yml',
  )

  it('stand in front of the own ones and know where they come from', () => {
    const config = parseConfig('profiles: {mine: {extension: .mkv, include: hevc}}', 'config.yml', shipped)
    expect(config.profiles.map(({ name, isShipped, place }) => [name, isShipped, place.file])).toEqual([
      ['h264', true, 'shipped.yml'],
      ['hevc', true, 'shipped.yml'],
      ['mine', false, 'config.yml'],
    ])
  })

  it('give way to a profile or a template of the same name', () => {
    const text = 'profiles: {h264: {extension: .avi}}\ntemplates: {hevc: {cli: {}, extension: .mov}}'
    const config = parseConfig(text, 'config.yml', shipped)
    expect(config.profiles.map(({ name, isShipped, extension }) => [name, isShipped, extension])).toEqual([['h264', false, '.avi']])
    expect(config.templates.map(({ name }) => name)).toEqual(['hevc'])
  })

  it('serve rules, hosts and includes of a file', () => {
    const text = 'rules: {a: {profile: h264}}\nconfig: {clusters: {c: {h: {profiles: hevc}}}}'
    expect(parseConfig(text, 'config.yml', shipped).warnings).toEqual([])
  })

  it('must hold profiles and nothing else', () => {
    expect(() => parseShippedProfiles('rules: {}', 'shipped.yml')).toThrow(/shipped\.yml:1:1: The file lacks "profiles"/)
  })
})

describe('warnings', () => {
  it.each([
    [
      'profiles: {a: {output_options: [-map 0:v, -map 0:a]}}',
      '1:43 "-map" stands twice in "output_options" of profile "a"; only the last is kept',
    ],
    ['profiles: {a: {output_options: [-metadata a b]}}', '1:33 Of "-metadata a b" in profile "a" only "-metadata" is kept'],
    [
      'profiles: {a: {output_options: -x 1 -y 2}, b: {include: a}}',
      '1:32 Of "output_options" in profile "a" only "-x" is kept where profile "b" includes it',
    ],
    ['rules: {a: {profile: SKIP, criteria: {path: "!x"}}}', '1:45 "!" in front of "path" of rule "a" is taken off and turns nothing round'],
    ['rules: {a: {profile: SKIP, criteria: {fps: 30-20}}}', '1:44 The range of "fps" of rule "a" runs backwards'],
    ['profiles: {skip: {}}', '1:12 A rule cannot name "skip"'],
    ['profiles: {a: {}}\ntemplates: {a: {cli: {}, extension: x}}', '2:13 "a" is a profile too'],
    ['config: {automap: yes, automap: no}', '1:24 "automap" was already given in line 1; this one counts'],
    ['profiles: {a: {output_options_subtitles: x}}', '1:16 "output_options_subtitles" of profile "a" has no effect'],
  ])('tell of %s', (text, expected) => {
    const [warning, ...more] = parse(text).warnings
    expect(`${warning?.place.line}:${warning?.place.column} ${warning?.message}`).toContain(expected)
    expect(more).toEqual([])
  })

  it.each([
    'profiles: {a: {output_options: -x 1 -y 2}}',
    'profiles: {a: {output_options: [-x 1, -y]}, b: {include: a, input_options: -z 3}}',
    'rules: {a: {profile: SKIP, criteria: {path: "^(?!.*x)", fps: 20-30}}}',
  ])('are silent about %s', (text) => {
    expect(parse(text).warnings).toEqual([])
  })

  it('take the place of errors for names that a file of pytranscoder left dangling', () => {
    const text = 'profiles: {a: {}}\nrules: {r: {profile: gone}, s: {profile: a}}\n'
    expect(() => parse(text)).toThrow(/"gone" of rule "r" does not exist/)
    expect(parse(`${text}config: {plex_server: x}`).warnings.map(({ place }) => place.line)).toEqual([2, 2, 3])
  })

  it('do not take the place of errors where there are others', () => {
    expect(messageOf('rules: {r: {profile: gone}}\nconfig: {plex_server: x, queus: 1}')).toContain('"gone" of rule "r" does not exist')
  })
})

function parse(text: string): Config {
  return parseConfig(text, 'config.yml', [])
}

function host(written: string): HostConfig | undefined {
  const value = written.startsWith('{') ? `    host: ${written}` : `    host:\n      ${written.replaceAll('\n  ', '\n      ')}`
  return parse(`config:\n  clusters:\n   home:\n${value}\n`).clusters[0]?.hosts[0]
}

function messageOf(text: string): string {
  try {
    parse(text)
    return ''
  } catch (error) {
    if (isEncodeError(error, 'CONFIG_INVALID')) return error.message
    throw error
  }
}
