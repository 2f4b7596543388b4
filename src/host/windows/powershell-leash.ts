/**
 * The leash of a Windows host with PowerShell (Windows PowerShell 3 and later, PowerShell 7): a script around the command, sent encoded, which
 * is the same text for every default shell. The command itself comes as data on the first line of stdin, so that no shell reads it.
 *
 * Then the letters of the POSIX leash: `h` is a heartbeat, `t` asks for the end: `q` to ffmpeg, which ends it well, and after the grace its
 * whole tree is killed. The end of stdin, or no line for the heartbeat limit, kills the tree at once. Frames on stdout and stderr as there.
 */

import { EncodeError } from '../../core/errors.ts'
import type { LeashCommand } from '../shell/leash.ts'
import type { LeashDialect } from '../shell/run-on-leash.ts'
import { toPriority } from './priority.ts'
import { toRuntimeLine, withoutNostdin } from './runtime-line.ts'

export const POWERSHELL_LEASH: LeashDialect = {
  start: (command) => ({ commandLine: encodedCommand(leashScript(command)), input: toFirstLine(command) }),
  heartbeat: 'h\n',
  request: 't\n',
  isReleased: true,
  killCommand: undefined,
}

/** Letters, digits and `+/=-`: the same in cmd.exe, PowerShell and POSIX shells. */
export function encodedCommand(script: string): string {
  return `powershell.exe -NoLogo -NoProfile -NonInteractive -EncodedCommand ${Buffer.from(script, 'utf16le').toString('base64')}`
}

/** @throws NAME_NOT_CARRIED for what no Windows command line carries. */
export function toFirstLine({ argv, tag, heartbeatSeconds, graceTenths, env = {}, nice }: LeashCommand): string {
  const [program = '', ...args] = withoutNostdin(argv)
  const priority = nice === undefined ? 'Normal' : PRIORITY_CLASSES[toPriority(nice)]
  const surroundings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const fields = [tag, program, toRuntimeLine(args), String(heartbeatSeconds), String(graceTenths * 100), priority, ...surroundings]
  if (fields.some((field) => field.includes('\0') || !field.isWellFormed())) {
    throw new EncodeError('NAME_NOT_CARRIED', 'A Windows command line carries neither NUL nor broken Unicode', { hint: 'Rename the file' })
  }
  return `${Buffer.from(fields.join('\0')).toString('base64')}\n`
}

const PRIORITY_CLASSES = { normal: 'Normal', belownormal: 'BelowNormal', low: 'Idle' } as const

/** Must never mention the variable that holds pipeline input: PowerShell's host would read stdin away. */
function leashScript({ keepsAwake }: Pick<LeashCommand, 'keepsAwake'>): string {
  return `${LEASH_START}${keepsAwake === true ? AWAKE : ''}${LEASH_WATCH}`
}

const LEASH_START = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$i=[Console]::OpenStandardInput()
$l=New-Object Text.StringBuilder
while(($c=$i.ReadByte()) -ge 0 -and $c -ne 10){[void]$l.Append([char]$c)}
$j=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($l.ToString().Trim())).Split([char]0)
$g=$j[0]
function Say($x){[Console]::Out.Write($g+'@'+$x+[char]10);[Console]::Out.Flush()}
$s=New-Object Diagnostics.ProcessStartInfo
$s.FileName=$j[1];$s.Arguments=$j[2]
$s.UseShellExecute=$false;$s.RedirectStandardInput=$true
for($n=6;$n -lt $j.Length;$n++){$e=$j[$n].IndexOf('=');$s.EnvironmentVariables[$j[$n].Substring(0,$e)]=$j[$n].Substring($e+1)}
[Console]::Error.Write($g+'@start'+[char]10);[Console]::Error.Flush()
Say ('start '+$PID+' '+$PID+' job')
try{$p=[Diagnostics.Process]::Start($s)}catch{[Console]::Error.WriteLine($_.Exception.Message);Say 'exit 127';[Environment]::Exit(127)}
try{$p.PriorityClass=$j[5]}catch{}
`

/**
 * ES_CONTINUOUS and ES_SYSTEM_REQUIRED hold for the thread that asks, and so for as long as the leash does. ffmpeg runs already: to make the
 * function known takes PowerShell a second, and a policy may forbid it.
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setthreadexecutionstate
 */
export const AWAKE = `try{$w=Add-Type -PassThru -Namespace Encode -Name Awake -MemberDefinition '[DllImport("kernel32.dll")]public static extern uint SetThreadExecutionState(uint flags);'
$null=$w::SetThreadExecutionState([uint32]'0x80000001')}catch{}
`

const LEASH_WATCH = `function Stop-Tree{try{$null=& taskkill.exe /T /F /PID $p.Id 2>&1}catch{};try{if(-not $p.HasExited){$p.Kill()}}catch{}}
$b=New-Object byte[] 256;$hb=[int]$j[3];$t=[DateTime]::UtcNow;$k=$null
$a=$i.BeginRead($b,0,256,$null,$null)
while(-not $p.WaitForExit(100)){
if($a -and $a.IsCompleted){$n=0;try{$n=$i.EndRead($a)}catch{};$a=$null
if($n -le 0){Stop-Tree}else{$x=[Text.Encoding]::ASCII.GetString($b,0,$n);$t=[DateTime]::UtcNow
if($x.Contains('t') -and -not $k){try{$p.StandardInput.Write('q');$p.StandardInput.Flush()}catch{};$k=[DateTime]::UtcNow.AddMilliseconds([int]$j[4])}
$a=$i.BeginRead($b,0,256,$null,$null)}}
if($hb -gt 0 -and ([DateTime]::UtcNow-$t).TotalSeconds -gt $hb){Stop-Tree}
if($k -and [DateTime]::UtcNow -gt $k){Stop-Tree}
}
Say ('exit '+$p.ExitCode)
[Environment]::Exit(0)
`
