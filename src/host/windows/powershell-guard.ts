/**
 * The guard of a Windows host's temporary files, in PowerShell: the lines and answers of the POSIX one (`shell/guard-script.ts`), with names
 * as base64. What is still open cannot be removed there: it tries again until its patience ends.
 *
 * A controller that comes back for what a transfer had brought over finds a mutex of the guard's name while it lives: then the machine has
 * not been started again since. Whether something still writes there Windows itself tells, which renames no file that is open.
 */

import type { CommandTransport } from '../channel.ts'
import type { GuardDialect } from '../shell/guard.ts'
import type { GuardCommand } from '../shell/guard-script.ts'
import { askPlainly } from './ask-plainly.ts'
import { encodedCommand } from './powershell-leash.ts'
import { assertRemovableOnWindows } from './windows-paths.ts'

export const POWERSHELL_GUARD: GuardDialect = {
  start: (command) => ({ commandLine: encodedCommand(GUARD), input: toFirstLine(command) }),
  encodeName: (hostPath) => Buffer.from(hostPath).toString('base64'),
  assertRemovable: assertRemovableOnWindows,
  echoName: '\\',
}

/** Whether the guard of an earlier connection still stands. Rejects with HOST_LOST, or the signal's reason. */
export async function isGuardAlive(transport: CommandTransport, tag: string, signal: AbortSignal): Promise<boolean> {
  if (!/^[\w-]+$/.test(tag)) return false
  const script = `try{[Threading.Mutex]::OpenExisting('${tag}').Close();[Console]::Out.Write('${ALIVE}')}catch{}`
  return (await askPlainly(transport, encodedCommand(script), signal)).includes(ALIVE)
}

const ALIVE = 'It stands'

function toFirstLine({ tag, heartbeatSeconds, waitSeconds }: GuardCommand): string {
  return `${Buffer.from([tag, heartbeatSeconds, waitSeconds].join('\0')).toString('base64')}\n`
}

/** As the leash: must never mention the variable that holds pipeline input. */
const GUARD = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$i=[Console]::OpenStandardInput()
$l=New-Object Text.StringBuilder
while(($c=$i.ReadByte()) -ge 0 -and $c -ne 10){[void]$l.Append([char]$c)}
$j=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($l.ToString().Trim())).Split([char]0)
$g=$j[0];$hb=[int]$j[1];$w=[int]$j[2];$s=0
try{$m=New-Object Threading.Mutex($false,$g)}catch{}
$names=New-Object Collections.Generic.List[string]
$b=New-Object byte[] 4096;$t=[DateTime]::UtcNow;$rest='';$o='';$d=$w
$a=$i.BeginRead($b,0,4096,$null,$null)
while($o -eq ''){
if($a.AsyncWaitHandle.WaitOne(200)){$n=0;try{$n=$i.EndRead($a)}catch{}
if($n -le 0){$o='end'}else{$t=[DateTime]::UtcNow
$lines=($rest+[Text.Encoding]::ASCII.GetString($b,0,$n)).Split([char]10);$rest=$lines[$lines.Length-1]
for($k=0;$k -lt $lines.Length-1 -and $o -eq '';$k++){$x=$lines[$k].Trim()
if($x -eq 'q'){$o='quit'}elseif($x -eq 'r'){$o='end';$s=0}
elseif($x.StartsWith('g ')){$s=[int]$x.Substring(2)}
elseif($x.StartsWith('a ')){$names.Add($x.Substring(2));[Console]::Out.Write($g+'@kept'+[char]10);[Console]::Out.Flush()}
elseif($x.StartsWith('f ')){[void]$names.Remove($x.Substring(2))}}
if($o -eq ''){$a=$i.BeginRead($b,0,4096,$null,$null)}}}
elseif($hb -gt 0 -and ([DateTime]::UtcNow-$t).TotalSeconds -gt $hb){$o='end';$s=0}
}
function Name($e){[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($e))}
function There{foreach($e in $names){$p=Name $e;if([IO.File]::Exists($p) -or [IO.Directory]::Exists($p)){return $true}};return $false}
if($o -eq 'end'){
for($k=0;$k -lt $s -and (There);$k++){[Threading.Thread]::Sleep(1000)}
[Threading.Thread]::Sleep($w*1000)
for($k=0;$k -lt 60;$k++){$left=0
foreach($e in $names){try{$p=Name $e
if($p.Length -gt 3 -and -not $p.Contains('\\..')){
if([IO.Directory]::Exists($p)){[IO.Directory]::Delete($p,$true)}
if([IO.File]::Exists($p)){[IO.File]::Delete($p)}}}catch{$left++}}
if($left -eq 0){break}
[Threading.Thread]::Sleep(1000)}
}
[Environment]::Exit(0)
`
