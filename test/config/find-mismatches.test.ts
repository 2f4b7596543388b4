import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { findMismatches } from '../../src/config/find-mismatches.ts'
import { SCHEMA_ANNOTATIONS, type Schema } from '../../src/config/schema/json-schema.ts'
import { CONFIG_SCHEMA, SHIPPED_SCHEMA } from '../../src/config/schema.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Every word that a schema may have. */
const ALL_WORDS: Schema = {
  type: 'object',
  required: ['number', 'a/b~c'],
  properties: {
    number: { type: 'number', minimum: -1.5, maximum: 3 },
    integer: { type: 'integer', minimum: 0 },
    'a/b~c': { type: 'string', minLength: 2, pattern: '^[^x]*$' },
    word: { enum: ['one', 'two'] },
    list: { type: 'array', minItems: 1, maxItems: 2, items: { type: 'boolean' } },
    choice: {
      anyOf: [
        { type: 'string', enum: ['auto'] },
        { type: 'object', additionalProperties: { type: 'integer' } },
      ],
    },
    any: { deprecated: true },
  },
  additionalProperties: false,
}

const texts = [
  ...readdirSync(join(ROOT, 'test/cases/config'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .map((name) => join(ROOT, 'test/cases/config', name)),
  join(ROOT, 'config.example.yml'),
  ...readdirSync(join(ROOT, 'profiles')).map((name) => join(ROOT, 'profiles', name)),
].map((file) => readFileSync(file, 'utf8'))
const files: readonly unknown[] = texts.flatMap((text) => {
  try {
    return [parse(text, { uniqueKeys: false, logLevel: 'silent' })]
  } catch {
    return []
  }
})

const anyValue = fc.anything({
  key: fc.oneof(
    fc.string(),
    fc.constantFrom('number', 'integer', 'a/b~c', 'word', 'list', 'choice', 'any', 'constructor', 'queues', 'auto'),
  ),
  values: [
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('auto', 'one', '', '🎬', 'x'),
    ...[fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.constant([])],
  ],
})

test.each(Object.entries({ CONFIG_SCHEMA, SHIPPED_SCHEMA, ALL_WORDS }))(
  'tells of files and mutilated ones what ajv tells by %s',
  (_name, schema) => {
    const validate = createValidator(schema)
    let misfits = 0
    const compare = (value: unknown): void => {
      const found = findMismatches(value, schema)
      expect(toLines(found)).toEqual(toLines(validate(value)))
      if (found.length > 0) misfits += 1
    }
    for (const file of files) compare(file)
    fc.assert(fc.property(anyValue, compare), { numRuns: 300 })
    const mutilated = fc.tuple(fc.constantFrom(...files), fc.nat(), anyValue).map(([file, at, value]) => replacePart(file, at, value))
    fc.assert(fc.property(mutilated, compare), { numRuns: 300 })
    expect(misfits).toBeGreaterThan(300)
  },
)

test('knows every word of JSON schema that a schema of ours may have', () => {
  const misses = findMismatches(
    { number: 4, integer: -1.5, 'a/b~c': 'x', word: 'three', list: [1, true, 'x'], choice: { a: 'b' }, more: 1 },
    ALL_WORDS,
  )
  const words = ['additionalProperties', 'anyOf', 'enum', 'maxItems', 'maximum', 'minLength', 'minimum', 'pattern', 'type']
  expect([...new Set(misses.map(({ keyword }) => keyword))].sort()).toEqual(words)
  expect(findMismatches({ list: [] }, ALL_WORDS).map(({ keyword }) => keyword)).toEqual(['required', 'required', 'minItems'])
})

interface Told {
  readonly keyword: string
  readonly instancePath: string
  readonly schemaPath: string
  readonly key?: string
}

function createValidator(schema: Schema): (value: unknown) => readonly Told[] {
  const ajv = new Ajv({ allErrors: true, strictTypes: false })
  for (const annotation of SCHEMA_ANNOTATIONS) ajv.addKeyword(annotation)
  const validate = ajv.compile(schema)
  return (value) => {
    validate(value)
    return (validate.errors ?? []).map(({ keyword, instancePath, schemaPath, params }) => {
      const key: unknown = params.missingProperty ?? params.additionalProperty
      return { keyword, instancePath, schemaPath, ...(key === undefined ? {} : { key: String(key) }) }
    })
  }
}

function toLines(told: readonly Told[]): readonly string[] {
  return told
    .map(({ keyword, instancePath, schemaPath, key }) => [keyword, instancePath, decodeURIComponent(schemaPath), key].join(' '))
    .sort()
}

/** One part of it, chosen by number, is another value. */
function replacePart(value: unknown, at: number, other: unknown): unknown {
  const parts = typeof value === 'object' && value !== null ? Object.keys(value) : []
  const key = parts[at % (parts.length + 1)]
  if (key === undefined) return other
  const rest = Math.floor(at / (parts.length + 1))
  if (Array.isArray(value)) return value.map((part, index) => (String(index) === key ? replacePart(part, rest, other) : part))
  return { ...(value as object), [key]: replacePart((value as Readonly<Record<string, unknown>>)[key], rest, other) }
}
