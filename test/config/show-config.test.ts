import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadExaminedConfig, loadShippedFiles } from '../../src/config/load-config.ts'
import { examineConfig, parseConfig } from '../../src/config/parse-config.ts'
import { type ShowOptions, showConfig } from '../../src/config/show-config.ts'
import { listShown, type Origin, renderShown } from '../../src/config/shown-tree.ts'

const ROOT = join(import.meta.dirname, '../..')
const PYTRANSCODER = join(ROOT, 'test/cases/config/pytranscoder')
const NOTHING: ShowOptions = { shipped: [], sshOf: () => undefined, showsAllShipped: false }

describe('what is shown reads back as the same configuration', () => {
  const files = [
    join(ROOT, 'config.example.yml'),
    ...readdirSync(PYTRANSCODER)
      .filter((name) => name.endsWith('.yml'))
      .map((name) => join(PYTRANSCODER, name)),
  ]

  test.each(files)('%s', (file) => {
    const text = readFileSync(file, 'utf8')
    const shown = render(text)
    expect(toComparable(shown)).toEqual(toComparable(text))
  })

  test.each([
    [
      'names that YAML would read as something else',
      'profiles:\n  "264": {extension: .mkv}\n  "on": {extension: .mkv}\n  "a: b # c": {include: "264 on"}\n',
    ],
    ['characters that a terminal acts on', 'profiles:\n  a:\n    description: "x\\e[2J\\u202e\\n\\"y\\""\n    extension: .mkv\n'],
    [
      'old forms',
      'config:\n  concurrent_jobs: 3\n  clusters:\n    c:\n      h: {type: agent, ip: 10.0.0.1, os: win10, queues: [{a: 1}, {b: 0}], profile: p}\nprofiles:\n  p: {extension: mkv}\nrules:\n  r: {profile: p, rules: [{vcodec: h264}, {source_size: ">9"}]}\n',
    ],
    ['a criterion that is given twice', 'rules:\n  r: {profile: skip, criteria: [{runtime: ">9"}, {runtime: "<20"}]}\n'],
    ['merge keys', 'profiles:\n  a: &base {extension: .mkv, queue: fast}\n  b:\n    <<: *base\n    queue: slow\n'],
  ])('%s', (_what, text) => {
    const shown = render(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
    expect(toComparable(shown)).toEqual(toComparable(text))
  })
})

describe('each value tells where it comes from', () => {
  test('its line, or that it is default', () => {
    expect(render('config:\n  clusters:\n    home:\n      nas:\n        port: 2222\n')).toBe(
      [
        'config:',
        '  automap: true # default',
        '  queues:',
        '    _default: 1 # default',
        '  clusters:',
        '    home:',
        '      nas:',
        '        type: streaming # default',
        '        address: nas # default',
        '        port: 2222 # c.yml:5',
        '        host_key_check: strict # default',
        '        queues:',
        '          _default: 1 # default',
        '',
      ].join('\n'),
    )
  })

  test('what OpenSSH adds, where the file leaves it out', () => {
    const text = 'config:\n  clusters:\n    home:\n      nas:\n        user: anna\n'
    const facts = {
      hostname: '10.0.0.9',
      port: 2200,
      user: 'never',
      identityFiles: ['/k/one', '/k/two'],
      hasOwnIdentityFiles: true,
      proxyJump: ['gate', 'door'],
      acceptsNewHostKeys: true,
    }
    const lines = render(text, { ...NOTHING, sshOf: () => facts }).split('\n')
    expect(lines).toEqual(
      expect.arrayContaining([
        '        address: nas # default; SSH: 10.0.0.9',
        '        port: 2200 # ssh',
        '        user: anna # c.yml:5',
        '        identity_file: /k/one # ssh',
        '        # then /k/two # ssh',
        '        proxy_jump: gate,door # ssh',
        '        host_key_check: accept-new # ssh',
      ]),
    )
  })

  test('that OpenSSH has no answer, without spoiling the rest', () => {
    const shown = render('config: {clusters: {home: {nas: }}}', { ...NOTHING, sshOf: () => ({ problem: 'ssh is broken' }) })
    expect(shown).toContain('        # ssh is broken # ssh\n')
    expect(parseConfig(shown, 's.yml', []).clusters[0]?.hosts[0]?.name).toBe('nas')
  })

  test('shipped profiles that are used are shown, all of them if asked', async () => {
    const shippedFolder = join(ROOT, 'profiles')
    const shipped = await loadShippedFiles(shippedFolder)
    const examined = await loadExaminedConfig({ file: undefined, shippedFolder })
    const names = (options: Partial<ShowOptions>) =>
      new Set(
        listShown(showConfig(examined, { ...NOTHING, shipped, ...options }))
          .filter(({ path, origin }) => path[0] === 'profiles' && origin.kind === 'shipped')
          .map(({ path }) => path[1]),
      )
    expect(names({}).size).toBe(0)
    expect(names({ showsAllShipped: true }).size).toBe(examined.config.profiles.length)
    const own = examineConfig('profiles: {mine: {include: h264}}', 'c.yml', examined.config.profiles)
    const used = listShown(showConfig(own, { ...NOTHING, shipped })).filter(({ origin }) => origin.kind === 'shipped')
    expect(new Set(used.map(({ path }) => path[1]))).toEqual(new Set(['h264']))
  })
})

test('what may be secret is hidden', () => {
  const shown = render(
    'config:\n  clusters:\n    home:\n      nas:\n        env: {API_TOKEN: t0p, PGPASSWORD: s3cret, TZ: UTC, PROXY: "http://me:hush@proxy:80"}\n',
  )
  expect(shown).toContain('TZ: UTC')
  expect(shown).toContain('http://me:***@proxy:80')
  expect(shown).not.toMatch(/t0p|s3cret|hush/)
})

function render(text: string, options: ShowOptions = NOTHING): string {
  const examined = examineConfig(text, 'c.yml', [])
  expect(examined.problems).toEqual([])
  const lines = renderShown(showConfig(examined, options), describeOrigin)
  return `${lines.join('\n').replace(/ +# (?=[^#]*$)/gm, ' # ')}\n`
}

function describeOrigin({ kind, place, detail }: Origin): string {
  const where = kind === 'file' ? `${place?.file}:${place?.line}` : kind
  return detail === undefined ? where : `${where}; ${detail}`
}

/**
 * Without places, which differ, and without what is shown as default. Not parsed but examined: names that lead nowhere are a warning
 * only as long as the file shows that it was written for pytranscoder.
 */
function toComparable(text: string): unknown {
  const { config } = examineConfig(text, 'c.yml', [])
  return JSON.parse(
    JSON.stringify({ ...config, colorize: null }, (key, value) => (['place', 'places', 'hostKeyCheck'].includes(key) ? undefined : value)),
  )
}
