/** What a key of the configuration takes, in words. */

import type { Schema } from '../../src/config/schema/json-schema.ts'

const PLAIN: Readonly<Record<string, string>> = { string: 'text', boolean: '`yes` or `no`', integer: 'whole number', number: 'number' }

export function describeType(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (schema.expected !== undefined) return schema.expected
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeType).join(', or ')
  if (schema.type === 'array') return `list of: ${describeType(schema.items ?? {})}`
  if (schema.type === 'object') return schema.properties === undefined ? describeNames(schema) : 'keys, see below'
  const range = schema.minimum === undefined || schema.maximum === undefined ? '' : `, ${schema.minimum} to ${schema.maximum}`
  return `${PLAIN[schema.type ?? ''] ?? 'anything'}${range}`
}

function describeNames({ additionalProperties }: Schema): string {
  const isPlain = typeof additionalProperties === 'object' && additionalProperties.type !== 'object'
  return isPlain ? `names, each with: ${describeType(additionalProperties)}` : 'names, see below'
}
