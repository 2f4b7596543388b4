import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOnLeash } from '../../../src/host/shell/run-on-leash.ts'
import { toWindowsProgram } from '../../../src/host/shell/windows-program.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { INNER_SHELLS, openInnerShell } from './inner-shells.ts'

describe('a Windows program on a POSIX host', () => {
  let folder: string
  let tool: string
  let program: string

  /** A path tool that puts a drive in front, and a program that shows what it was given. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-windows-program-'))
    tool = join(folder, 'wslpath')
    program = join(folder, 'ffmpeg.exe')
    await writeFile(tool, '#!/bin/sh\n[ "$1" = -m ] && [ -d "$2" ] && printf "C:%s\\n" "${2%/}"\n')
    await writeFile(program, '#!/bin/sh\nprintf "%s\\0" "$0" "$@" "$WSLENV"\n')
    for (const file of [tool, program]) await chmod(file, 0o755)
    await mkdir(join(folder, "it's a folder\n"))
  })

  afterAll(async () => await rm(folder, { recursive: true }))

  test.each(INNER_SHELLS)('gets paths as it knows them, and all else as it is, from %s as /bin/sh', async (name) => {
    await using shell = await openInnerShell(name)
    const film = join(folder, "it's a folder\n", 'a $(film) "x" \\ü.mkv')
    const given = ['-i', film, '-vf', 'scale=/2', `file:${film}`, '/no/such/folder/x', '/dev/null', '', '-', '/x']
    // The tool has no fixed place on a host; here it stands in no folder of the PATH.
    const { argv, env } = toWindowsProgram('wslpath', [program, ...given], { A: '1', B: '2' })
    const placed = argv.map((word) => (word === 'wslpath' ? tool : word))
    const { status, stdout } = await runOnLeash(shell.transport, placed, { timing: TEST_TIMING, hostName: 'box', env })
    expect(status).toBe(0)
    expect(stdout.split('\0').slice(0, -1)).toEqual([
      ...[program, '-i', `C:${film}`, '-vf', 'scale=/2', `file:C:${film}`, '/no/such/folder/x', 'NUL', '', '-', 'C:/x'],
      'A:B',
    ])
  })

  test('is named no variables where there are none, nor by Cygwin, which hands all of them on', () => {
    expect(toWindowsProgram('wslpath', ['x'], {}).env).toEqual({})
    expect(toWindowsProgram('cygpath', ['x'], { A: '1' }).env).toEqual({ A: '1' })
  })
})
