/** What is said of hosts that fail, are silent or stand still, from the file to where it is used. */

import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { selectProfile } from '../../src/profile/select-profile.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const FILM: MediaInfo = createPlan('1', '/films/a.mp4').source
const PROFILES = `
profiles:
  plain: {output_options: -c:v libx265, extension: .mkv}
  patient: {include: plain, stall_timeout: 15m}
  heir: {include: patient}
  endless: {include: patient, stall_timeout: off}
templates:
  quick: {cli: {video-codec: "-c:v libx264"}, extension: .mkv}
`

describe('stall_timeout', () => {
  test.each([
    ['plain', '', 300],
    ['plain', 'stall_timeout: 90s', 90],
    ['plain', 'stall_timeout: 0', 0],
    ['quick', 'stall_timeout: 1h', 3600],
    ['patient', 'stall_timeout: 90s', 900],
    ['heir', '', 900],
    ['endless', 'stall_timeout: 90s', 0],
  ])('of profile "%s" with "%s" in section config is %i s', (profile, line, seconds) => {
    const selection = selectProfile(parse(line), FILM, { profile, mixins: [] })
    expect(selection).toMatchObject({ kind: 'encode', profile: { stallSeconds: seconds } })
  })
})

describe('keepalive', () => {
  test('is that of the host, else that of section config, else nobody says it', () => {
    const hosts = 'clusters: {home: {own: {keepalive: 1.5}, other: }}'
    expect(keepalivesOf(parse(`keepalive: 10\n  ${hosts}`))).toEqual([1.5, 10])
    expect(keepalivesOf(parse(hosts))).toEqual([1.5, undefined])
  })
})

describe('prefetch', () => {
  test('is that of the host, else that of section config, else nobody says it', () => {
    const hosts = 'clusters: {home: {own: {prefetch: 0}, other: }}'
    const prefetchOf = (line: string) => parse(line).clusters.flatMap((cluster) => cluster.hosts.map(({ prefetch }) => prefetch))
    expect(prefetchOf(`prefetch: 2\n  ${hosts}`)).toEqual([0, 2])
    expect(prefetchOf(hosts)).toEqual([0, undefined])
  })
})

describe('rate_limit', () => {
  test('is one of the run and one of each host, and off or 0 is none', () => {
    const config = parse(
      'rate_limit: 100Mbit\n  clusters: {home: {own: {rate_limit: 5M}, bare: {rate_limit: 750000}, free: {rate_limit: off}, none: }}',
    )
    expect(config.rateLimitBytes).toBe(12.5e6)
    expect(config.clusters.flatMap(({ hosts }) => hosts.map(({ rateLimitBytes }) => rateLimitBytes))).toEqual([
      5e6,
      750e3,
      undefined,
      undefined,
    ])
    expect(parse('rate_limit: 0').rateLimitBytes).toBeUndefined()
    expect(parse('').rateLimitBytes).toBeUndefined()
  })

  test.each(['20', '20Mb', '-5M', 'fast'])('"%s" is refused, and not read as none', (rate) => {
    expect(() => parse(`rate_limit: ${rate}`)).toThrow('must be a rate such as 20M (bytes a second), 100Mbit or off')
  })
})

describe('max_failures', () => {
  test.each([
    ['', undefined],
    ['max_failures: 0', 0],
    ['max_failures: 7', 7],
  ])('with "%s" is %s', (line, count) => {
    expect(parse(line).maxFailures).toBe(count)
  })
})

function parse(line: string): ReturnType<typeof parseConfig> {
  return parseConfig(`config:\n  ${line}\n${PROFILES}`, 'config.yml', [])
}

function keepalivesOf({ clusters }: ReturnType<typeof parseConfig>): readonly (number | undefined)[] {
  return clusters.flatMap(({ hosts }) => hosts.map(({ keepaliveSeconds }) => keepaliveSeconds))
}
