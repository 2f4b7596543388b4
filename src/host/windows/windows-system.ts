/**
 * What a Windows host says of its memory, its clock and its load: with PowerShell, or without it by wmic, which Windows brought along until
 * 2024. Where there is neither, nobody tells.
 */

import type { CommandTransport } from '../channel.ts'
import { askPlainly } from './ask-plainly.ts'
import { encodedCommand } from './powershell-leash.ts'

export interface SystemAnswer {
  readonly memoryBytes: number | undefined
  /** Its clock, to the millisecond. */
  readonly epochSeconds: number | undefined
}

export interface WindowsSystem {
  ask(signal?: AbortSignal): Promise<SystemAnswer>
  /** 0–1; undefined where nobody tells. */
  load(signal?: AbortSignal): Promise<number | undefined>
}

/** wmic is known to hang where the service behind it is broken. */
const ANSWER_MS = 30_000

/** Calls reject with HOST_LOST, or the signal's reason. */
export function createWindowsSystem(transport: CommandTransport, hasPowerShell: () => boolean): WindowsSystem {
  async function ask(script: string, wmicCommand: string, signal: AbortSignal | undefined): Promise<string> {
    const patience = AbortSignal.timeout(ANSWER_MS)
    const commandLine = hasPowerShell() ? encodedCommand(script) : wmicCommand
    return await askPlainly(transport, commandLine, signal === undefined ? patience : AbortSignal.any([signal, patience])).catch(
      (error: unknown) => {
        if (signal?.aborted === true || !patience.aborted) throw error
        return ''
      },
    )
  }

  return {
    ask: async (signal) => parseSystem(await ask(SYSTEM, 'wmic os get LocalDateTime,TotalVisibleMemorySize /value', signal)),
    load: async (signal) => parseLoad(await ask(LOAD, 'wmic cpu get LoadPercentage /value', signal)),
  }
}

/** `time=MILLISECONDS memory=BYTES` of PowerShell; `NAME=VALUE` lines of wmic, or its table. */
export function parseSystem(answer: string): SystemAnswer {
  const said = /^time=(\d{1,16}) memory=(\d{1,16})\s*$/.exec(answer)
  if (said !== null) return { epochSeconds: Number(said[1]) / 1000, memoryBytes: Number(said[2]) || undefined }
  const date = WMI_DATE.exec(answer)
  const memoryKib = /(?<![\d.])\d{1,13}(?![\d.])/.exec(answer.replace(WMI_DATE, ' '))?.[0]
  return { epochSeconds: toEpochSeconds(date), memoryBytes: Number(memoryKib ?? 0) * 1024 || undefined }
}

/** The percentages of all processors, of which there may be several. */
export function parseLoad(answer: string): number | undefined {
  const percents = [...answer.matchAll(/(?<![\d.,])\d{1,3}(?!\d)/g)].map(([digits]) => Number(digits))
  return percents.length === 0 ? undefined : percents.reduce((sum, each) => sum + each, 0) / percents.length / 100
}

const SYSTEM = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
$m=0;try{$m=(Get-CimInstance Win32_ComputerSystem).TotalPhysicalMemory}catch{}
$t=([DateTime]::UtcNow-[DateTime]'1970-01-01').TotalMilliseconds
[Console]::Out.Write('time='+[long]$t+' memory='+[long]$m)
`
const LOAD = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue'
foreach($p in @(Get-CimInstance Win32_Processor)){[Console]::Out.Write([string][int]$p.LoadPercentage+' ')}
`

/** Local time and its minutes before UTC: `20261121204718.423000+060`. */
const WMI_DATE = /(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{3})\d{3}([+-]\d{1,3})/

function toEpochSeconds(date: RegExpExecArray | null): number | undefined {
  if (date === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millisecond = 0, offset = 0] = date.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute - offset, second, millisecond) / 1000
}
