/** ffprobe's JSON, read without trust: any field may be missing or of another type. */

export type JsonObject = Readonly<Record<string, unknown>>

/** Undefined where it is no JSON, or no object. */
export function parseJsonObject(json: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Empty where it is none. */
export function toObject(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

export function toObjects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function toNumber(value: unknown): number | undefined {
  if (value === null || value === undefined || value === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

export function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** `30000/1001`, `24`. Undefined for `0/0` and what is no number. */
export function toFraction(value: unknown): number | undefined {
  const [numerator = '', denominator = '1'] = (toText(value) ?? '').split('/')
  const fraction = numerator === '' ? Number.NaN : Number(numerator) / Number(denominator)
  return Number.isFinite(fraction) ? fraction : undefined
}

export type Defined<T> = { -readonly [Key in keyof T]?: Exclude<T[Key], undefined> }

export function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
