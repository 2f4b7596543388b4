import { describe, expect, test } from 'vitest'
import { renderHelp } from '../../src/cli/help.ts'
import { COMMANDS, OPTIONS, type OptionSpec } from '../../src/cli/options.ts'
import { parseArguments } from '../../src/cli/parse-arguments.ts'

describe('options that hold for the paths that follow', () => {
  test('one run mixes clusters and profiles', () => {
    const { targets } = parseArguments(['-c', 'home', 'a.mp4', 'b.mp4', '-c', 'work', '-p', 'hevc_cuda', 'c.mp4'])
    expect(targets.map(({ path, cluster, choice }) => [path, cluster, choice.profile])).toEqual([
      ['a.mp4', 'home', undefined],
      ['b.mp4', 'home', undefined],
      ['c.mp4', 'work', 'hevc_cuda'],
    ])
  })

  test('a template replaces the profile before it, and a profile the template', () => {
    const { targets } = parseArguments(['-p', 'x', 'a', '-t', 'y', 'b', '-p', 'z', 'c'])
    expect(targets.map(({ choice }) => [choice.profile, choice.template])).toEqual([
      ['x', undefined],
      [undefined, 'y'],
      ['z', undefined],
    ])
  })

  test('mixins are a list, replaced as a whole', () => {
    const { targets } = parseArguments(['-m', 'a,b', 'one', '-m', 'c', 'two'])
    expect(targets.map(({ choice }) => choice.mixins)).toEqual([['a', 'b'], ['c']])
  })

  test('what holds where --from-file stands is for the queue file, not what later paths get', () => {
    const { last, targets } = parseArguments([
      '-c',
      'home',
      '-p',
      'hevc',
      '--from-file',
      'q.txt',
      '-c',
      'work',
      '-p',
      'h264',
      '-m',
      'a',
      'b.mp4',
    ])
    expect(last).toEqual({ cluster: 'home', choice: { profile: 'hevc', template: undefined, mixins: ['a'] } })
    expect(targets).toMatchObject([{ cluster: 'work', choice: { profile: 'h264' } }])
  })

  test('what follows is for the queue file where nothing was said before it', () => {
    expect(parseArguments(['a.mp4', '-c', 'home', '--from-file', 'q.txt']).last.cluster).toBe('home')
    expect(parseArguments(['-c', 'home']).last.cluster).toBe('home')
    const { last, fromFile } = parseArguments(['--from-file', 'q.txt', '-c', 'home', '-p', 'h264'])
    expect(fromFile).toBe('q.txt')
    expect(last).toEqual({ cluster: 'home', choice: { profile: 'h264', template: undefined, mixins: [] } })
  })
})

describe('forms', () => {
  test.each([[['--cluster=home', 'x']], [['--cluster', 'home', 'x']], [['-chome', 'x']], [['-c', 'home', 'x']]])(
    '%j names the cluster',
    (argv) => {
      expect(parseArguments(argv).targets).toMatchObject([{ path: 'x', cluster: 'home' }])
    },
  )

  test('short flags go together', () => {
    expect(parseArguments(['-skv', 'x'])).toMatchObject({ isSequential: true, keepsSource: true, verbosity: 'verbose' })
  })

  test('after -- everything is a path', () => {
    expect(parseArguments(['-s', '--', '-c', '--json', 'history']).targets.map(({ path }) => path)).toEqual(['-c', '--json', 'history'])
  })

  test('a command is the first word that is no option; ./history is a file', () => {
    expect(parseArguments(['history', '3'])).toMatchObject({ command: 'history', words: ['3'], targets: [] })
    expect(parseArguments(['./history'])).toMatchObject({ command: 'run', targets: [{ path: './history' }] })
    expect(parseArguments(['--json', '-y', 'x.yml', 'history', 'last'])).toMatchObject({
      command: 'history',
      words: ['last'],
      config: 'x.yml',
    })
    expect(parseArguments(['a.mp4', 'history'])).toMatchObject({ command: 'run', targets: [{ path: 'a.mp4' }, { path: 'history' }] })
  })
})

test('a question may be narrowed behind its file', () => {
  const { targets } = parseArguments(['explain', '-p', 'h264', 'a.mp4', '-c', 'home', '-p', 'hevc', '-m', 'x'])
  expect(targets).toMatchObject([{ path: 'a.mp4', cluster: 'home', choice: { profile: 'h264', mixins: ['x'] } }])
  expect(parseArguments(['explain', 'a.mp4', '-p', 'hevc']).targets).toMatchObject([{ choice: { profile: 'hevc' } }])
})

describe('what is wrong is said, all of it at once', () => {
  test.each([
    [['--clutser', 'home'], 'Unknown option "--clutser"; did you mean "--cluster"?'],
    [['--dryrun'], 'did you mean "--dry-run"?'],
    [['-c'], 'Option "-c" needs a value: -c NAME'],
    [['-c', '-p', 'x'], 'Option "-c" needs a value: -c NAME'],
    [['--json=yes'], 'Option "--json" takes no value, but was given "yes"'],
    [['--strategy', 'fastets'], 'Unknown strategy "fastets"; did you mean "fastest"? allowed are fastest, round-robin'],
    [['--strategy', 'x'], 'Unknown strategy "x"; allowed are fastest, round-robin'],
    [['-o', 'a', '-o', 'b'], 'Option "--output" was given twice: "a" and "b"'],
    [['-k', '-o', 'a'], 'exclude each other'],
    [['a.mp4', '-c', 'home'], '"-c home" stands behind every path and so holds for none'],
    [['a.mp4', '-p', 'hevc', '-m', 'x'], '"-p hevc -m x" stands behind every path'],
    [['-c', 'home', '--from-file', 'q.txt', '-c', 'work'], '"-c work" stands behind every path and so holds for none'],
  ])('%j', (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(message)
  })

  test('two problems make one message', () => {
    expect(() => parseArguments(['--nonsense', '-y'])).toThrow(/Unknown option "--nonsense"\nOption "-y" needs a value/)
  })

  test('--help wins over what is wrong', () => {
    expect(parseArguments(['--nonsense', '--help']).command).toBe('help')
  })
})

test('--rate-limit takes bytes or bits a second, and off', () => {
  const rateOf = (...words: string[]) => parseArguments([...words, 'a.mkv']).rateLimitBytes
  expect(rateOf('--rate-limit', '20M')).toBe(20e6)
  expect(rateOf('--rate-limit=100Mbit')).toBe(12.5e6)
  expect(rateOf('--rate-limit', 'off')).toBe(0)
  expect(rateOf()).toBeUndefined()
  expect(() => rateOf('--rate-limit', '20')).toThrow('"20" is no rate for --rate-limit; give bytes or bits a second such as 20M')
})

test('--verify takes one of three levels, and none where it is left out', () => {
  expect(parseArguments(['--verify', 'full', 'a.mkv']).verify).toBe('full')
  expect(parseArguments(['a.mkv']).verify).toBeUndefined()
  expect(() => parseArguments(['--verify', 'ful', 'a.mkv'])).toThrow('Unknown level of verification "ful"; allowed are quick, full, off')
})

test('help names every option and command and fits a screen of 80 by 24', () => {
  const help = renderHelp()
  for (const { long } of OPTIONS as readonly OptionSpec[]) expect(help).toContain(`--${long}`)
  for (const { name } of COMMANDS) expect(help).toContain(name)
  const lines = help.split('\n')
  expect(lines.length).toBeLessThanOrEqual(23)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})
