import { Chalk } from 'chalk'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HostReport } from '../../src/model/host-report.ts'
import { measureText } from '../../src/view/fit-text.ts'
import { renderHostTable } from '../../src/view/host-table.ts'

const usable: HostReport = {
  cluster: 'home',
  host: 'nas',
  type: 'mounted',
  state: 'usable',
  isReachable: true,
  isLoggedIn: true,
  os: 'linux',
  arch: 'x86_64',
  cores: 4,
  memoryBytes: 8e9,
  ffmpegPath: '/usr/bin/ffmpeg',
  ffmpegVersion: '5.1.6-0+deb12u1',
  hasFfmpeg: true,
  hwaccels: [],
  encoders: [
    { name: 'libx264', state: 'works', reason: undefined },
    { name: 'libx265', state: 'works', reason: undefined },
    { name: 'hevc_nvenc', state: 'fails', reason: 'Cannot load libcuda.so.1' },
    { name: 'hevc_vaapi', state: 'works', reason: undefined },
  ],
  workingDir: '/var/tmp/encode',
  isWorkingDirWritable: true,
  freeBytes: 73.1e9,
  media: [{ path: '/films/a.mkv', hostPath: '/mnt/a.mkv', isSeen: true }],
  clock: { differenceSeconds: 0.2, errorSeconds: 0.6 },
  speedBytesPerSecond: 12.34e6,
  problems: [],
}

const off: HostReport = {
  ...usable,
  host: 'old',
  type: 'streaming',
  state: 'unusable',
  isReachable: false,
  isLoggedIn: undefined,
  ffmpegVersion: undefined,
  hasFfmpeg: undefined,
  encoders: [],
  isWorkingDirWritable: undefined,
  freeBytes: undefined,
  media: [],
  clock: undefined,
  speedBytesPerSecond: undefined,
  problems: [
    {
      code: 'HOST_UNREACHABLE',
      isFatal: true,
      message: '"old (10.0.0.7:22)" does not answer within 10 s',
      cure: 'Is it switched on, and does a firewall let SSH through?',
    },
  ],
}

const late: HostReport = {
  ...usable,
  host: 'late',
  clock: { differenceSeconds: -5400, errorSeconds: 0.6 },
  media: [...usable.media, { path: '/tv', hostPath: '/tv', isSeen: false }],
  problems: [
    { code: 'CLOCK_WRONG', isFatal: false, message: 'The clock of host "late" is 1h 30m behind', cure: 'Let it follow a time server' },
  ],
}

const render = (reports: readonly HostReport[], columns: number | undefined, isVerbose = false): string =>
  renderHostTable(reports, { columns, isVerbose, clusters: [...new Set(reports.map(({ cluster }) => cluster))] }).join('\n')

describe('the table of hosts', () => {
  test('shows every fact of every host where there is room, and each problem with its cure in one line', () => {
    expect(render([usable, off, late], undefined)).toBe(
      [
        'HOST  UP   LOGIN  FFMPEG  ENCODERS                    FOLDER  FREE     MEDIA  CLOCK    SPEED',
        'nas   yes  yes    5.1.6   libx264 libx265 hevc_vaapi  ok      73.1 GB  yes    ok       12.3 MB/s',
        'old   no   –      –       –                           –       –        sent   –        –',
        'late  yes  yes    5.1.6   libx264 libx265 hevc_vaapi  ok      73.1 GB  1/2    −1h 30m  12.3 MB/s',
        '',
        '✗ old: "old (10.0.0.7:22)" does not answer within 10 s → Is it switched on, and does a firewall let SSH through?',
        '! late: The clock of host "late" is 1h 30m behind → Let it follow a time server',
        '',
        'home: 2 of 3 hosts can encode',
      ].join('\n'),
    )
  })

  test('wraps encoders on 80 columns and leaves out what is told beneath anyway', () => {
    expect(render([usable, off, late], 80)).toBe(
      [
        'HOST  UP   LOGIN  FFMPEG  ENCODERS            FREE     MEDIA  CLOCK    SPEED',
        'nas   yes  yes    5.1.6   libx264 libx265     73.1 GB  yes    ok       12.3 MB/s',
        '                          hevc_vaapi',
        'old   no   –      –       –                   –        sent   –        –',
        'late  yes  yes    5.1.6   libx264 libx265     73.1 GB  1/2    −1h 30m  12.3 MB/s',
        '                          hevc_vaapi',
        '',
        '✗ old: "old (10.0.0.7:22)" does not answer within 10 s → Is it switched on, and',
        '    does a firewall let SSH through?',
        '! late: The clock of host "late" is 1h 30m behind → Let it follow a time server',
        '',
        'home: 2 of 3 hosts can encode',
      ].join('\n'),
    )
  })

  test('has a line for each fact where no table fits', () => {
    expect(render([usable], 36)).toBe(
      [
        'nas',
        '  up        yes',
        '  login     yes',
        '  ffmpeg    5.1.6',
        '  encoders  libx264 libx265',
        '            hevc_vaapi',
        '  folder    ok',
        '  free      73.1 GB',
        '  media     yes',
        '  clock     ok',
        '  speed     12.3 MB/s',
        '',
        'home: 1 of 1 host can encode',
      ].join('\n'),
    )
  })

  test('names clusters where there are several, one without a usable host, one without any', () => {
    const lines = renderHostTable([usable, { ...off, cluster: 'work' }], { columns: 80, clusters: ['home', 'work', 'empty'] })
    expect(lines.filter((line) => line.endsWith(':'))).toEqual(['home:', 'work:'])
    expect(lines.slice(-3)).toEqual(['home: 1 of 1 host can encode', 'work: 0 of 1 host can encode', 'empty: it has no hosts'])
  })

  test('names the cluster of a host with a problem where another cluster has one of its name', () => {
    const lines = renderHostTable(
      [
        { ...usable, host: 'old' },
        { ...off, cluster: 'work' },
      ],
      { columns: 200, clusters: ['home', 'work'] },
    )
    expect(lines.join('\n')).toMatch(/^✗ old \(work\): "old/m)
  })

  test('marks encoders that nobody tried, and media that nobody named', () => {
    const encoders = [{ name: 'libx264', state: 'listed', reason: undefined }] as const
    const text = render([{ ...usable, encoders, media: [] }], undefined)
    expect(text).toMatch(/ libx264\* .* \? /)
    expect(text).toContain('\n* ffmpeg lists these encoders; whether they work was not tried\n')
    expect(text).toContain('\n? not tried: name a file or folder that these hosts should see\n')
  })

  test('says why an encoder does not work when asked to say more', () => {
    expect(render([usable], undefined)).not.toContain('libcuda')
    expect(render([usable], undefined, true)).toContain('\nnas: hevc_nvenc does not work: Cannot load libcuda.so.1\n')
  })

  test('no line is wider than the terminal, whatever a host is called, and colours change no width', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 40 })
    const report = fc.record({ host: word, ffmpegVersion: word, freeBytes: fc.nat() }).map((parts) => ({ ...usable, ...parts }))
    fc.assert(
      fc.property(fc.array(report, { minLength: 1, maxLength: 4 }), fc.integer({ min: 40, max: 120 }), (reports, columns) => {
        const plain = renderHostTable(reports, { columns, clusters: ['home'] })
        for (const line of plain) expect(measureText(line)).toBeLessThanOrEqual(columns)
        const coloured = renderHostTable(reports, { columns, clusters: ['home'], chalk: new Chalk({ level: 1 }) })
        expect(coloured.map(measureText)).toEqual(plain.map(measureText))
      }),
      { numRuns: 60 },
    )
  })
})
