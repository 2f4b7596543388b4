/**
 * The guard of a Windows host's temporary files, in PowerShell: the lines and answers of the POSIX one (`shell/guard-script.ts`), with names
 * as base64. What is still open cannot be removed there: it tries again until its patience ends.
 *
 * It keeps nothing for a controller that may come back (`g` is heard and passed over): a transfer that was cut off with its connection
 * begins again.
 */

import type { GuardDialect } from '../shell/guard.ts'
import type { GuardCommand } from '../shell/guard-script.ts'
import { encodedCommand } from './powershell-leash.ts'
import { assertRemovableOnWindows } from './windows-paths.ts'

export const POWERSHELL_GUARD: GuardDialect = {
  start: (command) => ({ commandLine: encodedCommand(GUARD), input: toFirstLine(command) }),
  encodeName: (hostPath) => Buffer.from(hostPath).toString('base64'),
  assertRemovable: assertRemovableOnWindows,
  echoName: '\\',
}

function toFirstLine({ tag, heartbeatSeconds, waitSeconds }: GuardCommand): string {
  return `${Buffer.from([tag, heartbeatSeconds, waitSeconds].join('\0')).toString('base64')}\n`
}

/** As the leash: must never mention the variable that holds pipeline input. */
const GUARD = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$i=[Console]::OpenStandardInput()
$l=New-Object Text.StringBuilder
while(($c=$i.ReadByte()) -ge 0 -and $c -ne 10){[void]$l.Append([char]$c)}
$j=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($l.ToString().Trim())).Split([char]0)
$g=$j[0];$hb=[int]$j[1];$w=[int]$j[2]
$names=New-Object Collections.Generic.List[string]
$b=New-Object byte[] 4096;$t=[DateTime]::UtcNow;$rest='';$o='';$d=$w
$a=$i.BeginRead($b,0,4096,$null,$null)
while($o -eq ''){
if($a.AsyncWaitHandle.WaitOne(200)){$n=0;try{$n=$i.EndRead($a)}catch{}
if($n -le 0){$o='end'}else{$t=[DateTime]::UtcNow
$lines=($rest+[Text.Encoding]::ASCII.GetString($b,0,$n)).Split([char]10);$rest=$lines[$lines.Length-1]
for($k=0;$k -lt $lines.Length-1 -and $o -eq '';$k++){$x=$lines[$k].Trim()
if($x -eq 'q'){$o='quit'}elseif($x -eq 'r'){$o='end'}
elseif($x.StartsWith('a ')){$names.Add($x.Substring(2));[Console]::Out.Write($g+'@kept'+[char]10);[Console]::Out.Flush()}
elseif($x.StartsWith('f ')){[void]$names.Remove($x.Substring(2))}}
if($o -eq ''){$a=$i.BeginRead($b,0,4096,$null,$null)}}}
elseif($hb -gt 0 -and ([DateTime]::UtcNow-$t).TotalSeconds -gt $hb){$o='end'}
}
if($o -eq 'end'){
[Threading.Thread]::Sleep($w*1000)
for($k=0;$k -lt 60;$k++){$left=0
foreach($e in $names){try{$p=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($e))
if($p.Length -gt 3 -and -not $p.Contains('\\..')){
if([IO.Directory]::Exists($p)){[IO.Directory]::Delete($p,$true)}
if([IO.File]::Exists($p)){[IO.File]::Delete($p)}}}catch{$left++}}
if($left -eq 0){break}
[Threading.Thread]::Sleep(1000)}
}
[Environment]::Exit(0)
`
