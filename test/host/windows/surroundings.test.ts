import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_CMD_LINE_CHARACTERS } from '../../../src/host/shell/quote-cmd.ts'
import { POWERSHELL_GUARD } from '../../../src/host/windows/powershell-guard.ts'
import { POWERSHELL_LEASH } from '../../../src/host/windows/powershell-leash.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer } from './windows-server.ts'
import { compileForWindows, lacksWine, startWine, type Wine } from './wine.ts'

const COMMAND = { argv: ['C:\\ffmpeg.exe'], tag: 'encode-0123', heartbeatSeconds: 30, graceTenths: 15 }

test('the script of the guard is carried by one line of cmd.exe', () => {
  const { commandLine } = POWERSHELL_GUARD.start({ tag: COMMAND.tag, heartbeatSeconds: 30, waitSeconds: 3 })
  expect(commandLine.length).toBeLessThan(MAX_CMD_LINE_CHARACTERS)
})

test('keeps the machine awake for a command that asks for it, with a script that one line of cmd.exe still carries', () => {
  const { commandLine } = POWERSHELL_LEASH.start({ ...COMMAND, keepsAwake: true })
  expect(commandLine.length).toBeLessThan(MAX_CMD_LINE_CHARACTERS)
  const script = Buffer.from(commandLine.split(' ').at(-1) ?? '', 'base64').toString('utf16le')
  // Only once there is something to stay awake for.
  expect(script).toMatch(/\[Diagnostics\.Process\]::Start[\s\S]*SetThreadExecutionState\(\[uint32\]'0x80000001'\)[\s\S]*WaitForExit/)
  expect(POWERSHELL_LEASH.start(COMMAND).commandLine.length).toBeLessThan(commandLine.length)
})

describe.runIf(lacksWine === undefined)(
  `a command on a Windows host${lacksWine === undefined ? '' : ` (SKIPPED: ${lacksWine})`}`,
  { timeout: 120_000 },
  () => {
    let wine: Wine
    let home: string
    beforeAll(async () => {
      wine = await startWine()
      home = await mkdtemp(join(tmpdir(), 'encode-windows-priority-'))
    }, 120_000)
    afterAll(async () => {
      await rm(home, { recursive: true, force: true })
    })

    // Without PowerShell it is `start /belownormal`, which the start of wine passes over.
    test('has the priority class that "nice" asks for, with PowerShell', async () => {
      await using server = await startWindowsServer({ wine, hasPowerShell: true })
      compileForWindows('tell-priority.c', join(server.localFolder, 'tell.exe'))
      await using host = reachWindows(server, home)
      await host.open()
      const classes = await Promise.all(
        [undefined, 5, 10].map(async (nice) => {
          const { stdout } = await host.run([`${server.folder}\\tell.exe`], { nice, keepsAwake: true })
          return stdout.trim()
        }),
      )
      expect(classes).toEqual(['Normal', 'BelowNormal', 'Idle'])
    })
  },
)
