import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { MAX_CMD_LINE_CHARACTERS, quoteCmdArgument } from '../../../src/host/shell/quote-cmd.ts'
import { lacks } from '../../capabilities.ts'
import { NASTY_ARGUMENTS } from '../../contract/nasty-names.ts'

const WINE_LIBRARIES = ['/usr/lib/x86_64-linux-gnu/wine/x86_64-windows', '/usr/lib/wine/x86_64-windows'].find(existsSync)
const hasWine = !lacks('wine') && !lacks('compiler') && WINE_LIBRARIES !== undefined
const WORDS = 10_000

/** What cmd and the C runtime find special, together and alone. */
const HARD: readonly string[] = [
  ...NASTY_ARGUMENTS,
  ...[
    '%PATH%',
    '%PATH:~0,5%',
    '%OS:Windows=x%',
    '100%',
    '%',
    '%%',
    '%%PATH%%',
    '%PATH',
    'PATH%',
    '%"PATH"%',
    '%^PATH%',
    '%CD%%CD%',
    '%=C:%',
  ],
  ...[
    '"',
    '""',
    '"""',
    'a"b',
    '"&echo owned',
    'a\\"&echo owned',
    '\\"',
    '\\\\"',
    'a\\',
    'a\\\\',
    '\\\\server\\share\\',
    'C:\\a b\\',
    '"%OS%"',
  ],
  ...[
    '^',
    '^^',
    '^"',
    '^%OS^%',
    '^&',
    '&&',
    '||',
    '>nul',
    '2>&1',
    '(x)',
    '@x',
    '!OS!',
    '^!OS^!',
    ';',
    ',',
    '=',
    '/?',
    '/c',
    'nul',
    '*.exe',
    '?',
  ],
]
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...`%"\\^&|<>()!@;,=/*? azAZ09.:'\`~-PATHOS`), maxLength: 14 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(...HARD),
)
// U+FFFF is how the program below ends its answer.
const carried = word.filter((text) => text.isWellFormed() && !/[\0\n\r\uffff]/.test(text))

describe('quoteCmdArgument', () => {
  test('refuses what no command line can carry', () => {
    for (const text of ['a\0b', 'a\nb', 'a\rb', '\ud800']) {
      expect(() => quoteCmdArgument(text)).toThrow(expect.toSatisfy((error: unknown) => isEncodeError(error, 'NAME_NOT_CARRIED')))
    }
  })

  test.each([
    ['', '""'],
    ['C:\\a b\\film.mkv', '"C:\\a b\\film.mkv"'],
    ['C:\\a b\\', '"C:\\a b\\\\"'],
    ['100%', '"100"%""'],
    ['a"b & c', '^"a\\^"b ^& c^"'],
  ])('of %j is %s', (argument, quoted) => {
    expect(quoteCmdArgument(argument)).toBe(quoted)
  })

  describe.runIf(hasWine)(`in front of cmd.exe${hasWine ? '' : ' (SKIPPED: needs wine and gcc)'}`, () => {
    let folder: string
    let program: string
    const env = (): NodeJS.ProcessEnv => ({
      PATH: process.env.PATH,
      HOME: folder,
      WINEPREFIX: join(folder, 'prefix'),
      WINEDEBUG: '-all',
      WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
    })
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'encode-wine-'))
      program = compile(folder)
      execFileSync('/usr/bin/wine', ['wineboot', '-i'], { env: env(), stdio: 'ignore' })
    }, 120_000)
    afterAll(async () => {
      execFileSync('/usr/bin/wineserver', ['-k', '-w'], { env: env(), stdio: 'ignore' })
      await rm(folder, { recursive: true, force: true })
    })

    // One of wine's programs dies at its start now and then, where the machine is busy.
    test(`is undone by cmd.exe and the C runtime, for ${WORDS} arguments`, { retry: 1 }, () => {
      const words = [...HARD, ...fc.sample(carried, { numRuns: WORDS - HARD.length, seed: 42 })]
      const windowsPath = `Z:${program.replaceAll('/', '\\')}`
      const lines: string[] = []
      const expected: string[] = []
      let line = windowsPath
      const finish = (): void => {
        lines.push(line)
        expected.push('\uffff')
        line = windowsPath
      }
      for (const each of words) {
        const quoted = quoteCmdArgument(each)
        if (line.length + quoted.length + 1 > MAX_CMD_LINE_CHARACTERS - 100) finish()
        line += ` ${quoted}`
        expected.push(`${each}\0`)
      }
      finish()
      // As Win32-OpenSSH starts a command: the line verbatim between two quotation marks.
      const input = lines.map((each) => `cmd.exe /c "${each}"\0`).join('')
      const output = execFileSync('/usr/bin/wine', [program], {
        env: env(),
        input: Buffer.from(input, 'utf16le'),
        maxBuffer: 64 * 1024 * 1024,
      })
      const found = output.toString('utf16le').split(/(?<=[\0\uffff])/)
      expect(found).toEqual(expected)
    })
  })
})

/** Wine's own libraries are what it is linked with: no compiler for Windows is needed. */
function compile(folder: string): string {
  const source = join(import.meta.dirname, '../../fixtures/windows-command-line.c')
  const [elf, object, program] = ['a.o', 'a.obj', 'arguments.exe'].map((name) => join(folder, name)) as [string, string, string]
  const flags = ['-ffreestanding', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-mno-red-zone']
  execFileSync('/usr/bin/gcc', ['-c', '-O1', '-w', '-fno-pic', '-mcmodel=large', ...flags, '-o', elf, source])
  const extra = ['.comment', '.note.GNU-stack', '.note.gnu.property', '.eh_frame'].flatMap((section) => ['-R', section])
  execFileSync('/usr/bin/objcopy', [...extra, '-O', 'pe-x86-64', elf, object])
  const libraries = ['kernel32.dll', 'msvcrt.dll'].map((name) => join(WINE_LIBRARIES ?? '', name))
  execFileSync('/usr/bin/ld', ['-m', 'i386pep', '--subsystem', 'console', '-e', 'start', '-o', program, object, ...libraries])
  return program
}
