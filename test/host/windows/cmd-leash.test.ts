import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../../src/core/errors.ts'
import { MAX_CMD_LINE_CHARACTERS } from '../../../src/host/shell/quote-cmd.ts'
import { cmdLeashCommand } from '../../../src/host/windows/cmd-leash.ts'
import { toFirstLine } from '../../../src/host/windows/powershell-leash.ts'

const COMMAND = { tag: 'encode-0123', heartbeatSeconds: 30, graceTenths: 15 }

describe('a command line for cmd.exe', () => {
  test('holds the command as data of a variable, tells its status, and ends when nobody beats', () => {
    const argv = ['C:\\a b\\ffmpeg.exe', '-nostdin', '-i', 'it\'s 100% "a"&b\\']
    expect(cmdLeashCommand({ ...COMMAND, argv, env: { A: 'x&y' }, nice: 10 }, 'encode-45')).toBe(
      [
        'echo encode-0123@start 1 1 job&echo encode-0123@start>&2&set A=x^&y&',
        'set ENCODE_LINE=^"C:\\a b\\ffmpeg.exe^" ^"-i^" ^"it\'s 100^"%^" \\^"a\\^"^&b\\\\^"&',
        'start "" /b /low cmd /d /v:on /c "!ENCODE_LINE!&echo encode-0123@exit !errorlevel!&type nul>"!TEMP!\\encode-45\\encode-0123""&',
        'cmd /d /v:on /c "set ENCODE_DIR=!TEMP!\\encode-45&for /l %i in (1,0,2) do (',
        '(if exist "!ENCODE_DIR!\\encode-0123" exit)&(if not exist "!ENCODE_DIR!\\beat" (rd /s /q "!ENCODE_DIR!"&exit))&',
        'set /p ENCODE_NOW=<"!ENCODE_DIR!\\beat"&',
        '(if "!ENCODE_NOW!"=="!ENCODE_WAS!" (set /a ENCODE_AGE+=1 >nul) else (set ENCODE_WAS=!ENCODE_NOW!&set ENCODE_AGE=0))&',
        '(if !ENCODE_AGE! geq 24 (rd /s /q "!ENCODE_DIR!"&exit))&ping -n 2 127.0.0.1 >nul)" <nul 2>nul',
      ].join(''),
    )
  })

  test('is refused where it carries too much, or what ends a line', () => {
    for (const argument of ['a\nb', 'a\rb', 'a\0b', '\ud800', 'x'.repeat(MAX_CMD_LINE_CHARACTERS)]) {
      expect(() => cmdLeashCommand({ ...COMMAND, argv: ['C:\\ffmpeg.exe', argument] }, 'encode-45')).toThrow(
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
