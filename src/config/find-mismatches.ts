/**
 * A value held against a schema, with each thing that does not fit. Those words of JSON schema that `Schema` has, and nothing else, walked
 * through as they stand: ajv makes a program of a schema first, which takes fifty times as long as to check a file, at every start.
 * A test holds both against each other.
 */

import type { Schema } from './schema/json-schema.ts'

/** As ajv tells them. */
export interface Mismatch {
  readonly keyword: keyof Schema
  /** Of the value, as a JSON pointer (RFC 6901). */
  readonly instancePath: string
  /** Of the word of the schema: `#/properties/config/type`. */
  readonly schemaPath: string
  /** The schema that the word stands in. */
  readonly schema: Schema
  /** The key that is missing (`required`) or unknown (`additionalProperties`). */
  readonly key?: string
}

/** @param value plain data, as of JSON. */
export function findMismatches(value: unknown, schema: Schema): readonly Mismatch[] {
  return check(value, schema, '', '#')
}

function check(value: unknown, schema: Schema, instancePath: string, schemaPath: string): readonly Mismatch[] {
  const found: Mismatch[] = []
  const miss = (keyword: keyof Schema, key?: string): void => {
    found.push({ keyword, instancePath, schemaPath: `${schemaPath}/${keyword}`, schema, ...(key === undefined ? {} : { key }) })
  }
  if (schema.type !== undefined && !isOfType(value, schema.type)) miss('type')
  if (isNumber(value)) {
    if (schema.maximum !== undefined && value > schema.maximum) miss('maximum')
    if (schema.minimum !== undefined && value < schema.minimum) miss('minimum')
  } else if (typeof value === 'string') {
    if (schema.minLength !== undefined && [...value].length < schema.minLength) miss('minLength')
    if (schema.pattern !== undefined && !toPattern(schema.pattern).test(value)) miss('pattern')
  }
  if (schema.enum !== undefined && !schema.enum.some((one) => one === value)) miss('enum')
  if (schema.anyOf !== undefined) {
    const choices = schema.anyOf.map((choice, index) => check(value, choice, instancePath, `${schemaPath}/anyOf/${index}`))
    if (!choices.some((choice) => choice.length === 0)) {
      found.push(...choices.flat())
      miss('anyOf')
    }
  }
  if (Array.isArray(value)) {
    if (schema.maxItems !== undefined && value.length > schema.maxItems) miss('maxItems')
    if (schema.minItems !== undefined && value.length < schema.minItems) miss('minItems')
    const { items } = schema
    if (items !== undefined)
      value.forEach((item, at) => void found.push(...check(item, items, `${instancePath}/${at}`, `${schemaPath}/items`)))
  } else if (isMap(value)) {
    for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) miss('required', key)
    for (const [key, part] of Object.entries(value)) {
      const inside = `${instancePath}/${toPointer(key)}`
      const ownSchema = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined
      if (ownSchema !== undefined) found.push(...check(part, ownSchema, inside, `${schemaPath}/properties/${toPointer(key)}`))
      else if (schema.additionalProperties === false) miss('additionalProperties', key)
      else if (schema.additionalProperties !== undefined) {
        found.push(...check(part, schema.additionalProperties, inside, `${schemaPath}/additionalProperties`))
      }
    }
  }
  return found
}

function isOfType(value: unknown, type: NonNullable<Schema['type']>): boolean {
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isMap(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'number') return isNumber(value)
  return typeof value === type
}

/** What no JSON can say is none. */
function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toPointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

const patterns = new Map<string, RegExp>()

/** Each is written once in the schema, and held against many values. */
function toPattern(text: string): RegExp {
  const pattern = patterns.get(text) ?? new RegExp(text, 'u')
  patterns.set(text, pattern)
  return pattern
}
