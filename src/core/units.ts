/** Numbers with units → text for people. Values carry their unit in their name; text is made here only. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Bytes in steps of 1000, three digits at most: `999 B`, `1.64 MB`, `73.1 GB`. */
export function formatBytes(bytes: number): string {
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${bytes < 0 ? '−' : ''}${value.toFixed(digits)} ${BYTE_UNITS[unit]}`
}

/** What `formatBytes` writes, with or without a space and its `B`, in any case, and a plain number of bytes. Undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const [, value, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgtp]?b|[kmgtp])?$/i.exec(text.trim()) ?? []
  if (value === undefined) return undefined
  const power = BYTE_UNITS.findIndex((name) => name.charAt(0).toLowerCase() === unit.charAt(0).toLowerCase())
  return Math.round(Number(value) * 1000 ** Math.max(0, power))
}

/** What `parseRate` takes. A bare number needs four digits: `20` is meant to be something else than 20 B/s. */
export const RATE_PATTERN = '^(off|0|[0-9]{4,}|[0-9]+(\\.[0-9]+)? ?([kmgKMG](B|[bB]its?|bps)?|B|[bB]its?|bps)(/s)?)$'

/**
 * Bytes a second of `500k`, `20M`, `20MB/s`, `100Mbit`, `1Gbps`, in steps of 1000 as everywhere here; 0 of `0` and `off`.
 * Undefined for anything else, `Mb` too: to some it means bits, to others bytes.
 */
export function parseRate(text: string): number | undefined {
  const trimmed = text.trim()
  if (!new RegExp(RATE_PATTERN).test(trimmed)) return undefined
  const [, digits = '0', prefix = '', unit = ''] = /^([0-9.]+) ?([kmg])?(.*)$/i.exec(trimmed) ?? []
  const perSecond = Number(digits) * 1000 ** ['', 'k', 'm', 'g'].indexOf(prefix.toLowerCase())
  return Math.ceil(/bit|bps/i.test(unit) ? perSecond / 8 : perSecond)
}

/** Seconds as `8s`, `3m 05s`, `2h 07m`, `4d 03h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${pad(Math.floor((whole % 3600) / 60))}m`
  return `${Math.floor(whole / 86_400)}d ${pad(Math.floor((whole % 86_400) / 3600))}h`
}

/** A moment for a person, by the clock on their wall: `2026-11-21 23:45`. */
export function formatMoment(atMs: number): string {
  const at = new Date(atMs)
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}`
}

/** Seconds of `300`, `90s`, `5m`, `1.5h`; 0 of `0` and `off`. Undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  const trimmed = text.trim()
  if (trimmed === 'off') return 0
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?) ?([smh])?$/.exec(trimmed) ?? []
  if (digits === undefined) return undefined
  return Number(digits) * (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1)
}

/** How much smaller `outputBytes` is than `sourceBytes`, in percent, one decimal; negative when it grew. */
export function savedPercent(sourceBytes: number, outputBytes: number): number {
  if (sourceBytes <= 0) return 0
  return Math.round((1 - outputBytes / sourceBytes) * 1000) / 10
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
