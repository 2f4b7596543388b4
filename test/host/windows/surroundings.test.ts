import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MAX_CMD_LINE_CHARACTERS } from '../../../src/host/shell/quote-cmd.ts'
import { POWERSHELL_GUARD } from '../../../src/host/windows/powershell-guard.ts'
import { POWERSHELL_LEASH } from '../../../src/host/windows/powershell-leash.ts'
import { describeOnWine } from './describe-on-wine.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer } from './windows-server.ts'
import { compileForWindows } from './wine-prefix.ts'

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

describeOnWine('a command on a Windows host', (on) => {
  // Without PowerShell it is `start /belownormal`, which the start of wine passes over.
  test('has the priority class that "nice" asks for, with PowerShell', async () => {
    await using server = await startWindowsServer({ wine: on.wine, hasPowerShell: true })
    compileForWindows('tell-priority.c', join(server.localFolder, 'tell.exe'))
    await using host = reachWindows(server, on.homeFolder)
    await host.open()
    const classes = await Promise.all(
      [undefined, 5, 10].map(async (nice) => {
        const { stdout } = await host.run([`${server.folder}\\tell.exe`], { nice, keepsAwake: true })
        return stdout.trim()
      }),
    )
    expect(classes).toEqual(['Normal', 'BelowNormal', 'Idle'])
  })
})
