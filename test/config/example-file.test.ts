/** `config.example.yml` is a person's first stop: it must load, without a word of warning, and show every key. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { Schema } from '../../src/config/schema/json-schema.ts'
import { CONFIG_SCHEMA } from '../../src/config/schema.ts'

const text = readFileSync(new URL('../../config.example.yml', import.meta.url), 'utf8')

describe('config.example.yml', () => {
  it('loads without a warning', () => {
    const config = parseConfig(text, 'config.example.yml', [])
    expect(config.warnings).toEqual([])
    expect(config.clusters[0]?.hosts.map(({ name }) => name)).toEqual(['nas', 'gamer', 'here'])
    expect(config.rules).toHaveLength(3)
  })

  it.each(propertiesOf(CONFIG_SCHEMA).filter(({ schema }) => schema.deprecated !== true))('shows the key $key with a value', ({ key }) => {
    expect(text).toMatch(new RegExp(`^[^#]*(?<![\\w-])${key}:`, 'm'))
  })

  it.each(propertiesOf(CONFIG_SCHEMA).filter(({ schema }) => schema.deprecated === true))('names the old key $key', ({ key }) => {
    expect(text).toMatch(new RegExp(`^#.*(?<![\\w-])${key}(?![\\w-])`, 'm'))
  })
})

describe('the schema', () => {
  it.each(propertiesOf(CONFIG_SCHEMA))('describes the key $key', ({ schema }) => {
    expect(schema.description).toMatch(/^\S.{8,}/)
  })

  it('lets no map take keys that it does not name, unless they are names', () => {
    for (const part of partsOf(CONFIG_SCHEMA)) {
      if (part.type === 'object') expect(part.additionalProperties, part.description).toBeDefined()
    }
  })
})

function propertiesOf(root: Schema): readonly { readonly key: string; readonly schema: Schema }[] {
  return [...partsOf(root)].flatMap((part) => Object.entries(part.properties ?? {}).map(([key, schema]) => ({ key, schema })))
}

function* partsOf(schema: Schema): Generator<Schema> {
  yield schema
  const inner = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), schema.items, schema.additionalProperties]
  for (const part of inner) if (part !== undefined && part !== false) yield* partsOf(part)
}
