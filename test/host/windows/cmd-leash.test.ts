import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { MAX_CMD_LINE_CHARACTERS } from '../../../src/host/shell/quote-cmd.ts'
import { cmdLeashCommand } from '../../../src/host/windows/cmd-leash.ts'
import { toFirstLine } from '../../../src/host/windows/powershell-leash.ts'

const COMMAND = { tag: 'encode-0123', heartbeatSeconds: 30, graceTenths: 15 }

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
})

test('for PowerShell the command is one line of data, and ffmpeg listens to its stdin', () => {
  const line = toFirstLine({ ...COMMAND, argv: ['C:\\ffmpeg.exe', '-nostdin', '-i', 'a b'], env: { A: 'x=y' }, nice: 5 })
  expect(line).toMatch(/^[A-Za-z0-9+/=]+\n$/)
  const fields = Buffer.from(line, 'base64').toString().split('\0')
  expect(fields).toEqual(['encode-0123', 'C:\\ffmpeg.exe', '"-i" "a b"', '30', '1500', 'BelowNormal', 'A=x=y'])
})
