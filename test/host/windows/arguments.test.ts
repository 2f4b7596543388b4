import { execFileSync, type StdioOptions } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { MAX_CMD_LINE_CHARACTERS } from '../../../src/host/shell/quote-cmd.ts'
import { escapeValue } from '../../../src/host/windows/cmd-leash.ts'
import { toRuntimeLine } from '../../../src/host/windows/runtime-line.ts'
import { NASTY_ARGUMENTS } from '../../contract/nasty-names.ts'
import { describeOnWine } from './describe-on-wine.ts'
import { COMPILER } from './wine-prefix.ts'

const WORDS = 10_000
/** Other words each time; `ENCODE_TEST_SEED` repeats them. */
const SEED_NUMBER = Number(process.env.ENCODE_TEST_SEED ?? Date.now() % 1_000_000)
const SEED = `ENCODE_TEST_SEED=${SEED_NUMBER}`
const HARD = [
  ...NASTY_ARGUMENTS.filter((each) => !/[\r\n]/.test(each)),
  ...['%PATH%', '%PATH:~0,5%', '100%', '%%', '%^PATH%', '"', 'a\\"&echo x', 'a\\', '^', '(x)', '\\%OS%', '"%OS%"'],
]
const TAG = 'encode-0123'

describeOnWine('arguments on a Windows host', (on) => {
  let program: string
  beforeAll(async () => {
    program = join(on.homeFolder, 'arguments.exe')
    const source = join(import.meta.dirname, '../../fixtures/windows-command-line.c')
    const flags = ['-O1', '-w', '-ffreestanding', '-fno-stack-protector', '-nostdlib', '-Wl,-e,start', '-Wl,--subsystem,console']
    execFileSync(COMPILER, [...flags, '-o', program, source, '-lkernel32', '-lmsvcrt'])
  })

  function runLines(lines: readonly string[]): Buffer {
    const input = Buffer.from(lines.map((each) => `${each}\0`).join(''), 'utf16le')
    const stdio: StdioOptions = ['pipe', 'pipe', 'ignore']
    return execFileSync('/usr/bin/wine', [program], { env: on.wine.env, input, stdio, maxBuffer: 64 * 1024 * 1024 })
  }

  test(`gives a program the ${WORDS} arguments that it was to have, and tells its status`, () => {
    // The cmd.exe of wine looks for variables once more in what it has put in for one, where that of Windows does not.
    const words = sampleWords((text) => !text.includes('!'))
    const batches = toBatches(words, MAX_CMD_LINE_CHARACTERS - 300, (each) => escapeValue(toRuntimeLine([each])).length)
    // The cmd.exe of the leash puts the line in when it has read its own.
    const lines = batches.map(
      (batch) =>
        `set ENCODE_LINE=${escapeValue(toRuntimeLine([windowsPath(), ...batch]))}&cmd /d /v:on /c "!ENCODE_LINE!&echo ${TAG}@exit !errorlevel!"`,
    )
    // As Win32-OpenSSH starts a command: the line as it came between two quotation marks.
    const output = runLines(lines.map((line) => `"c:\\windows\\system32\\cmd.exe" /c "${line}"`)).toString('latin1')
    const answers = output.split(/(?<=@exit \d+\r\n)/)
    expect(answers).toHaveLength(batches.length)
    for (const [index, answer] of answers.entries()) {
      const [said = '', status] = answer.split(`${TAG}@exit `)
      expect(toArguments(said), SEED).toEqual([...(batches[index] ?? []), END])
      expect(status).toBe('0\r\n')
    }
  })

  test(`gives as many without a shell, as the leash of PowerShell starts it`, () => {
    const batches = toBatches(
      sampleWords(() => true),
      30_000,
      (each) => toRuntimeLine([each]).length,
    )
    const output = runLines(batches.map((batch) => toRuntimeLine([windowsPath(), ...batch])))
    expect(toArguments(output.toString('latin1')), SEED).toEqual(batches.flatMap((batch) => [...batch, END]))
  })

  const windowsPath = (): string => `Z:${program.replaceAll('/', '\\')}`
})

/** What a program of ours says at the end of its arguments. */
const END = '\uffff'

function sampleWords(isCarried: (text: string) => boolean): readonly string[] {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom(...`%"\\^&|<>()!@;,=/*? azAZ09.:'\`~-PATHOS`), maxLength: 14 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom(...HARD),
  )
  const carried = word.filter((text) => text.isWellFormed() && !/[\0\n\r\uffff]/.test(text) && isCarried(text))
  const hard = HARD.filter(isCarried)
  return [...hard, ...fc.sample(carried, { numRuns: WORDS - hard.length, seed: SEED_NUMBER })]
}

/** As many of them as one command line carries. */
function toBatches(words: readonly string[], mostCharacters: number, toLength: (word: string) => number): readonly (readonly string[])[] {
  const batches: string[][] = []
  let length = mostCharacters
  for (const each of words) {
    length += toLength(each) + 1
    if (length > mostCharacters) {
      batches.push([])
      length = toLength(each) + 1
    }
    batches.at(-1)?.push(each)
  }
  return batches
}

/** Each argument, and `END` where a program ended. */
function toArguments(said: string): readonly string[] {
  return Buffer.from(said, 'latin1').toString('utf16le').replaceAll(END, `${END}\0`).split('\0').slice(0, -1)
}
