/** The completion scripts in the shells they are for, with the real program answering for names. */

import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderBashCompletion } from '../../../src/cli/completion/render-bash.ts'
import { renderFishCompletion } from '../../../src/cli/completion/render-fish.ts'
import { renderZshCompletion } from '../../../src/cli/completion/render-zsh.ts'
import { COMMANDS, OPTIONS } from '../../../src/cli/options.ts'
import { lacks } from '../../capabilities.ts'

const ROOT = join(import.meta.dirname, '../../..')

const CONFIG = `config:
  clusters:
    home: { attic: {}, cellar: {} }
    "holiday flat": { attic: {}, balcony: {} }
    $(touch pwned): {}
profiles:
  my_hevc: { include: hevc }
  my_sound: { output_options_audio: ["-c:a copy"] }
  quiet: { output_options_audio: ["-an"] }
templates:
  quick: { cli: { video-codec: -c:v libx264 }, extension: .mkv }
`

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-completion-'))
  await mkdir(join(folder, 'home/.config/encode'), { recursive: true })
  await mkdir(join(folder, 'cwd/holiday films'), { recursive: true })
  await writeFile(join(folder, 'home/.config/encode/config.yml'), CONFIG)
  await writeFile(join(folder, 'cwd/other.yml'), 'config: { clusters: { work: { desk: {} } } }\n')
  await writeFile(join(folder, 'cwd/my film.mkv'), '')
  await writeFile(join(folder, 'cwd/history.mkv'), '')
  // Completion asks the program itself; any other call writes down what it was given.
  await mkdir(join(folder, 'bin'))
  const program = [
    '#!/bin/sh',
    `[ "$1" = completion ] || { printf '%s\\n' "$@" >${join(folder, 'called')}.part; mv ${join(folder, 'called')}.part ${join(folder, 'called')}; exit; }`,
    `exec '${process.execPath}' '${join(ROOT, 'src/cli/main.ts')}' "$@"`,
  ]
  await writeFile(join(folder, 'bin/encode'), `${program.join('\n')}\n`)
  await chmod(join(folder, 'bin/encode'), 0o755)
  await writeFile(join(folder, 'completion.bash'), renderBashCompletion())
  await writeFile(join(folder, 'completion.zsh'), renderZshCompletion())
  await writeFile(join(folder, 'completion.fish'), renderFishCompletion())
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** A line as typed → words that must be offered, and words that must not. */
const CASES: readonly (readonly [line: string, offered: readonly string[], never: readonly string[]])[] = [
  ['encode --c', ['--cluster', '--config'], ['--host', 'history']],
  ['encode -c home --no', ['--no-color'], ['--host']],
  ['encode hi', ['history'], ['resume', '--host']],
  ['encode -c ho', ['home'], ['attic', 'my film.mkv']],
  ['encode -c ', ['home', 'holiday flat', '$(touch pwned)'], ['attic', 'history.mkv']],
  ['encode --cluster=ho', ['home'], ['attic']],
  ['encode --host ', ['attic', 'cellar', 'balcony'], ['home', 'history']],
  ['encode -c home film.mkv -p ', ['my_hevc', 'hevc', 'h264_nvenc', 'copy'], ['my_sound', 'quick']],
  ['encode -t ', ['quick'], ['my_hevc']],
  ['encode -m ', ['my_sound', 'quiet'], ['my_hevc', 'hevc']],
  ['encode -m quiet,my', ['quiet,my_sound'], ['my_hevc']],
  ['encode --strategy ', ['fastest', 'round-robin', 'load-cpu', 'load-tasks'], ['history']],
  ['encode -y other.yml -c ', ['work'], ['home']],
  ['encode --config other.yml --host ', ['desk'], ['attic']],
  ['encode history ', ['last'], ['resume', 'history.mkv']],
  ['encode -c home history ', ['last'], ['resume', 'history.mkv']],
  ['encode config ', ['check', 'show'], ['history', 'history.mkv']],
  ['encode profiles my', ['my_hevc'], ['my film.mkv', 'my_sound']],
  ['encode resume ', [], ['last', 'history', 'history.mkv']],
  ['encode -- hi', [], ['history']],
  ['encode completion ', ['bash', 'zsh', 'fish'], ['last', 'history.mkv']],
]

describe.skipIf(lacks('bash'))('in bash', () => {
  test('each word is completed by its kind', async () => {
    const typed = CASES.map(([line]) => `type_words ${toBashWords(line)}`)
    const answers = await offer('bash', ['--norc', '-c', [BASH_DRIVER, ...typed].join('\n')])
    expectOffers(answers.map((words) => words.map(unquote)))
  })

  test.skipIf(lacks('zsh'))('readline puts in what was chosen, quoted, and files where a path is due', async () => {
    const keys = ['encode --cluster=hom\t-p my_h\t-c holi\t-m quiet,my_s\tmy\t\r']
    const { stdout } = await execa(
      'zsh',
      ['-f', '-c', BASH_TERMINAL, 'terminal', join(folder, 'completion.bash'), join(folder, 'called'), ...keys],
      shell(),
    )
    expect(stdout).toBe('')
    const called = await readFile(join(folder, 'called'), 'utf8')
    expect(called.trimEnd().split('\n')).toEqual([
      '--cluster=home',
      '-p',
      'my_hevc',
      '-c',
      'holiday flat',
      '-m',
      'quiet,my_sound',
      'my film.mkv',
    ])
  })
})

describe.skipIf(lacks('zsh'))('in zsh', () => {
  test('each word is completed by its kind', async () => {
    expectOffers(await offerInZsh(CASES.map(([line]) => line)))
  })

  test('paths are completed as files', async () => {
    const answers = await offerInZsh(['encode m', 'encode -c home my', 'encode --from-file oth', 'encode -o hol', 'encode hist'])
    expect(answers.slice(0, 4)).toEqual([['my film.mkv'], ['my film.mkv'], ['other.yml'], ['holiday films']])
    expect(answers[4]).toEqual(expect.arrayContaining(['history', 'history.mkv']))
  })
})

describe.skipIf(lacks('fish'))('in fish', () => {
  test('each word is completed by its kind', async () => {
    expectOffers(await offerInFish(CASES.map(([line]) => line)))
  })

  test('paths are completed as files', async () => {
    const answers = await offerInFish(['encode m', 'encode -c home my', 'encode --from-file oth', 'encode -o hol', 'encode hist'])
    expect(answers.slice(0, 4)).toEqual([['my film.mkv'], ['my film.mkv'], ['other.yml'], ['holiday films/']])
    expect(answers[4]).toEqual(expect.arrayContaining(['history', 'history.mkv']))
  })
})

test.skipIf(lacks('bash'))('names from a configuration are data in every shell: none of them was run', () => {
  expect(existsSync(join(folder, 'cwd/pwned'))).toBe(false)
  expect(existsSync(join(folder, 'home/pwned'))).toBe(false)
})

describe('encode completion', () => {
  test.each(['bash', 'zsh', 'fish'])('prints the script for %s, with each option and command in it', async (name) => {
    const { stdout } = await encode('completion', name)
    for (const { long } of OPTIONS) expect(stdout).toMatch(new RegExp(`(--|-l )${long}`))
    for (const command of COMMANDS) expect(stdout).toContain(command.name)
  })

  test('says which shells there are when it is asked for another', async () => {
    const { exitCode, stderr } = await encode('completion', 'tcsh')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('no completion for shell "tcsh"')
    expect(stderr).toContain('bash, zsh and fish')
  })

  test.each([
    ['a configuration that is not there', ['-y', 'missing.yml'], ''],
    ['a kind that does not exist', [], ''],
  ])('has no words, and no complaint, for %s', async (_what, args, expected) => {
    const kind = args.length === 0 ? 'nonsense' : 'clusters'
    const { exitCode, stdout, stderr } = await encode('completion', 'words', kind, ...args)
    expect([exitCode, stdout, stderr]).toEqual([0, expected, ''])
  })

  test('offers what can be read of a broken configuration', async () => {
    await writeFile(join(folder, 'cwd/broken.yml'), 'config:\n  clusters:\n    home:\n      attic: {}\n   oops: [\n')
    const { stdout } = await encode('completion', 'words', 'clusters', '-y', 'broken.yml')
    expect(stdout).toBe('home')
  })

  test('leaves out names that a terminal should not be sent', async () => {
    await writeFile(join(folder, 'cwd/odd.yml'), 'config: { clusters: { "a\\nb": {}, "c\\e[2J": {}, d: {} } }\n')
    const { stdout } = await encode('completion', 'words', 'clusters', '-y', 'odd.yml')
    expect(stdout).toBe('d')
  })
})

function shell() {
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: join(folder, 'home'),
    LC_ALL: 'C.UTF-8',
    TERM: 'vt100',
    // The program is started some sixty times.
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  }
  return { cwd: join(folder, 'cwd'), env, extendEnv: false, reject: false } as const
}

async function encode(...args: readonly string[]) {
  return await execa(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], shell())
}

/** Runs a shell that prints what it offers for each line, one a line, then `--`. */
async function offer(program: string, args: readonly string[]): Promise<readonly (readonly string[])[]> {
  const { stdout, stderr } = await execa(program, args, { ...shell(), timeout: 110_000 })
  expect(stderr).toBe('')
  const answers: string[][] = [[]]
  for (const line of stdout.split('\n')) {
    if (line === '--') answers.push([])
    else answers.at(-1)?.push(line)
  }
  return answers.slice(0, -1)
}

async function offerInZsh(lines: readonly string[]): Promise<readonly (readonly string[])[]> {
  const work = await mkdtemp(join(folder, 'zsh-'))
  const program = join(import.meta.dirname, 'complete-in-zsh.zsh')
  const answers = await offer('zsh', ['-f', program, work, join(folder, 'completion.zsh'), ...lines])
  // A second look for what almost fits may offer the same again.
  return answers.map((words) => [...new Set(words.map(unquote))])
}

async function offerInFish(lines: readonly string[]): Promise<readonly (readonly string[])[]> {
  const asked = lines.map((line) => `complete -C '${line}'; echo -- --`)
  const answers = await offer('fish', ['--no-config', '-c', [`source ${join(folder, 'completion.fish')}`, ...asked].join('\n')])
  return answers.map((words) => words.map((word) => unquote(word.replace(/\t.*/, ''))))
}

function expectOffers(answers: readonly (readonly string[])[]): void {
  expect(answers).toHaveLength(CASES.length)
  for (const [index, [line, offered, never]] of CASES.entries()) {
    // Shells differ in whether they repeat what stands before "=".
    const words = answers[index]?.map((word) => word.replace(/^--cluster=/, ''))
    expect(words, line).toEqual(expect.arrayContaining([...offered]))
    for (const word of never) expect(words, line).not.toContain(word)
  }
}

const BASH_DRIVER = `
source "$HOME/../completion.bash"
type_words() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _encode
  [ "\${#COMPREPLY[@]}" = 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"
  echo --
}`

/** A line as readline splits it: at white space and "=". */
function toBashWords(line: string): string {
  return line
    .split(' ')
    .flatMap((word) => word.split(/(=)/))
    .map((word) => `'${word}'`)
    .join(' ')
}

function unquote(word: string): string {
  return word.replace(/\\(.)/g, '$1')
}

/** Types KEYS into an interactive bash and waits for the file that the call makes. */
const BASH_TERMINAL = `
zmodload zsh/zpty zsh/zselect
zpty terminal 'bash --norc --noprofile -i'
zpty -w terminal "source $1; bind 'set enable-bracketed-paste off'"
zpty -n -w terminal "$3"
repeat 1000; do
  [[ ! -e $2 ]] || break
  zpty -rt terminal output
  zselect -t 1
done
zpty -d terminal`
