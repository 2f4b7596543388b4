import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse-config.ts'
import type { Config } from '../../../src/model/config.ts'
import { describeChanges, findHostChanges, type HostChanges, hasOtherChanges } from '../../../src/run/hosts/change-hosts.ts'
import { selectHostsAgain } from '../../../src/run/hosts/follow-config.ts'

const NAS = 'nas: {type: streaming, address: 10.0.0.2}'
const BOX = 'box: {type: streaming, address: 10.0.0.3}'

describe('the changes between two configurations', () => {
  test.each<[string, readonly string[], readonly string[], Readonly<Partial<Record<keyof HostChanges, readonly string[]>>>]>([
    ['a host that is new', [NAS], [NAS, BOX], { added: ['box'] }],
    ['a host that is gone', [NAS, BOX], [BOX], { removed: ['nas'] }],
    ['a host that is disabled', [NAS, BOX], [NAS, BOX.replace('}', ', status: disabled}')], { removed: ['box'] }],
    ['a host that is enabled', [NAS, BOX.replace('}', ', status: disabled}')], [NAS, BOX], { added: ['box'] }],
    ['slots', [NAS], [NAS.replace('}', ', queues: {_default: 3}}')], { changed: ['nas'] }],
    ['the greatest number of jobs', [NAS], [NAS.replace('}', ', max_jobs: 1}')], { changed: ['nas'] }],
    ['labels', [NAS], [NAS.replace('}', ', labels: [quick]}')], { changed: ['nas'] }],
    ['the address', [NAS], [NAS.replace('0.2', '0.9')], { reopened: ['nas'] }],
    ['the address and slots', [NAS], [NAS.replace('0.2', '0.9').replace('}', ', queues: {_default: 3}}')], { reopened: ['nas'] }],
    ['the environment', [NAS], [NAS.replace('}', ', env: {TZ: UTC}}')], { reopened: ['nas'] }],
    ['the order of hosts', [NAS, BOX], [BOX, NAS], {}],
    ['nothing but where it stands in the file', [NAS], ['', '', NAS], {}],
  ])('%s', (_what, before, after, expected) => {
    const changes = findHostChanges(select(before), select(after))
    const names = Object.fromEntries(
      Object.entries(changes)
        .map(([kind, hosts]: [string, HostChanges[keyof HostChanges]]) => [kind, hosts.map(({ config }) => config.name)] as const)
        .filter(([, hosts]) => hosts.length > 0),
    )
    expect(names).toEqual(expected)
  })

  test('are told in one line, with what is for the next run only', () => {
    const changes = findHostChanges(select([NAS]), select([BOX]))
    expect(describeChanges(changes, true)).toBe('host "box" added; host "nas" removed; other changes take effect with the next run')
    expect(describeChanges(findHostChanges(select([NAS]), select([NAS])), false)).toBeUndefined()
  })

  test('in profiles are seen, those of place are not', () => {
    const rules =
      'rules:\n  all: {profile: hevc, criteria: {path: "."}}\nprofiles:\n  hevc: {output_options: ["-c:v libx265"], extension: .mkv}'
    expect(hasOtherChanges(parse([NAS], rules), parse([NAS, BOX], rules))).toBe(false)
    expect(hasOtherChanges(parse([NAS], rules), parse([NAS], rules.replace('x265', 'x264')))).toBe(true)
  })
})

describe('hosts of a run in a configuration that has changed', () => {
  test('are those that --host names, as far as they are still there', () => {
    expect(namesOf(selectHostsAgain(parse([NAS, BOX]), ['home'], ['nas', 'mac']))).toEqual({ home: ['nas'] })
  })

  test('are none where the last one of a cluster has gone, so that the file is refused', () => {
    expect(() => selectHostsAgain(parse([NAS]), ['home'], ['box'])).toThrow('It has none of the hosts that were named with --host: box')
    expect(() => selectHostsAgain(parse([NAS.replace('}', ', status: disabled}')]), ['home'], [])).toThrow('are disabled: "nas"')
    expect(() => selectHostsAgain(parse([NAS]), ['work'], [])).toThrow('There is no cluster "work"')
  })

  test('are this machine where no cluster was named, with its slots as they are now', () => {
    const [here] = selectHostsAgain(parse([NAS], '', { queues: '{_default: 5}' }), [undefined], []).values()
    expect(here?.map(({ queues }) => queues)).toEqual([{ _default: 5 }])
  })
})

function select(hosts: readonly string[]): ReturnType<typeof selectHostsAgain> {
  return selectHostsAgain(parse(hosts), ['home'], [])
}

function namesOf(hosts: ReturnType<typeof selectHostsAgain>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...hosts].map(([cluster, configs]) => [cluster, configs.map(({ name }) => name)]))
}

function parse(hosts: readonly string[], more = '', { queues }: { readonly queues?: string } = {}): Config {
  const lines = ['config:', ...(queues === undefined ? [] : [`  queues: ${queues}`]), '  clusters:', '    home:']

  return parseConfig([...lines, ...hosts.map((host) => `      ${host}`), more, ''].join('\n'), 'test.yml', [])
}
