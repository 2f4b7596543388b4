import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { MAX_CMD_LINE_CHARACTERS } from '../../../src/host/shell/quote-cmd.ts'
import { cmdLeashCommand, escapeValue } from '../../../src/host/windows/cmd-leash.ts'
import { toFirstLine } from '../../../src/host/windows/powershell-leash.ts'
import { toRuntimeLine } from '../../../src/host/windows/runtime-line.ts'
import { NASTY_ARGUMENTS } from '../../contract/nasty-names.ts'
import { lacksWine, startWine, type Wine } from './wine.ts'

const COMMAND = { tag: 'encode-0123', heartbeatSeconds: 30, graceTenths: 15 }
/** Ten thousand came through as well, and took longer than they were worth each time. */
const WORDS = 2000

describe('a command line for cmd.exe', () => {
  test('holds the command as data of a variable, and tells its status', () => {
    const argv = ['C:\\a b\\ffmpeg.exe', '-i', 'it\'s 100% "a"&b\\']
    expect(cmdLeashCommand({ ...COMMAND, argv, env: { A: 'x&y' }, nice: 10 })).toBe(
      [
        'echo encode-0123@start 1 1 job&echo encode-0123@start>&2&set A=x^&y&',
        'set ENCODE_LINE=^"C:\\a b\\ffmpeg.exe^" ^"-i^" ^"it\'s 100^"%^" \\^"a\\^"^&b\\\\^"&',
        'start "" /b /low cmd /d /v:on /c "!ENCODE_LINE!&echo encode-0123@exit !errorlevel!" <nul&set /p ENCODE_LINE=',
      ].join(''),
    )
  })

  test('is refused where it carries too much, or what ends a line', () => {
    for (const argument of ['a\nb', 'a\rb', 'a\0b', '\ud800', 'x'.repeat(MAX_CMD_LINE_CHARACTERS)]) {
      expect(() => cmdLeashCommand({ ...COMMAND, argv: ['C:\\ffmpeg.exe', argument] })).toThrow(
        expect.toSatisfy((error: unknown) => isEncodeError(error, 'NAME_NOT_CARRIED')),
      )
    }
  })

  describe.runIf(lacksWine === undefined)(`read by cmd.exe${lacksWine === undefined ? '' : ` (SKIPPED: ${lacksWine})`}`, () => {
    let wine: Wine
    let folder: string
    let program: string
    beforeAll(async () => {
      wine = await startWine()
      folder = await mkdtemp(join(tmpdir(), 'encode-cmd-'))
      program = join(folder, 'arguments.exe')
      const source = join(import.meta.dirname, '../../fixtures/windows-command-line.c')
      const flags = ['-O1', '-w', '-ffreestanding', '-fno-stack-protector', '-nostdlib', '-Wl,-e,start', '-Wl,--subsystem,console']
      execFileSync('/usr/bin/x86_64-w64-mingw32-gcc', [...flags, '-o', program, source, '-lkernel32', '-lmsvcrt'])
    }, 120_000)
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true })
    })

    test(`gives a program the ${WORDS} arguments that it was to have`, { timeout: 60_000 }, () => {
      const hard = [
        ...NASTY_ARGUMENTS,
        '%PATH%',
        '%PATH:~0,5%',
        '100%',
        '%%',
        '%^PATH%',
        '"',
        'a\\"&echo x',
        'a\\',
        '^',
        '(x)',
        '\\%OS%',
        '"%OS%"',
      ]
      const word = fc.oneof(
        fc.string({ unit: fc.constantFrom(...`%"\\^&|<>()@;,=/*? azAZ09.:'\`~-PATHOS`), maxLength: 14 }),
        fc.string({ unit: 'grapheme', maxLength: 8 }),
        fc.constantFrom(...hard),
      )
      // The cmd.exe of wine looks for variables once more in what it has put in for one, where that of Windows does not; U+FFFF ends an answer.
      const carried = word.filter((text) => text.isWellFormed() && !/[\0\n\r\uffff!]/.test(text))
      const words = [...hard.filter((each) => !/[!\n\r]/.test(each)), ...fc.sample(carried, { numRuns: WORDS, seed: 7 })].slice(0, WORDS)
      const windowsPath = `Z:${program.replaceAll('/', '\\')}`
      const lines: string[] = []
      const expected: string[] = []
      let argv = [windowsPath]
      const toLine = (all: readonly string[]): string =>
        `set ENCODE_LINE=${escapeValue(toRuntimeLine(all))}&cmd /d /v:on /c "!ENCODE_LINE!"`
      const finish = (): void => {
        lines.push(toLine(argv))
        expected.push('\uffff')
        argv = [windowsPath]
      }
      for (const each of words) {
        if (toLine([...argv, each]).length > MAX_CMD_LINE_CHARACTERS - 200) finish()
        argv.push(each)
        expected.push(`${each}\0`)
      }
      finish()
      const input = lines.map((each) => `cmd.exe /c "${each}"\0`).join('')
      const output = execFileSync('/usr/bin/wine', [program], {
        env: wine.env,
        input: Buffer.from(input, 'utf16le'),
        maxBuffer: 64 * 1024 * 1024,
      })
      expect(output.toString('utf16le').split(/(?<=[\0\uffff])/)).toEqual(expected)
    })
  })
})

test('for PowerShell the command is one line of data, and ffmpeg listens to its stdin', () => {
  const line = toFirstLine({ ...COMMAND, argv: ['C:\\ffmpeg.exe', '-nostdin', '-i', 'a b'], env: { A: 'x=y' }, nice: 5 })
  expect(line).toMatch(/^[A-Za-z0-9+/=]+\n$/)
  const fields = Buffer.from(line, 'base64').toString().split('\0')
  expect(fields).toEqual(['encode-0123', 'C:\\ffmpeg.exe', '"-i" "a b"', '30', '1500', 'BelowNormal', 'A=x=y'])
})
