/**
 * docs/config.schema.json: the configuration schema as editors take it (JSON schema draft 7).
 *
 * An editor holds the file's values against it as YAML 1.2 reads them, before encode makes them fit: `yes` is a text there, a language
 * `264` a number, and an empty section nothing. So each type takes here what encode makes of it (`src/config/fit-values.ts`).
 */

import type { Schema } from '../../src/config/schema/json-schema.ts'

type EditorSchema = Readonly<Record<string, unknown>>

const YES_OR_NO = '^(?:[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy]|[Nn])$'
const NUMBER = '^-?[0-9]+(?:\\.[0-9]+)?$'

export function toEditorSchema(schema: Schema): EditorSchema {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Configuration of encode', ...convert(schema, true) }
}

function convert(schema: Schema, mayBeEmpty: boolean): EditorSchema {
  const { description, whenLeftOut, deprecated, properties, required, additionalProperties, items, anyOf } = schema
  const about = [description, whenLeftOut === undefined ? undefined : `Left out: ${whenLeftOut}`].filter((text) => text !== undefined)
  return {
    ...(about.length === 0 ? {} : { description: about.join('\n\n') }),
    ...(deprecated === true ? { deprecated: true, deprecationMessage: description } : {}),
    ...(anyOf === undefined
      ? convertValue(schema, mayBeEmpty)
      : { anyOf: [...anyOf.map((part) => convert(part, false)), ...(mayBeEmpty ? [{ type: 'null' }] : [])] }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, value]) => [key, convert(value, value.whenEmpty !== 'error')]),
          ),
        }),
    ...(required === undefined ? {} : { required }),
    ...(additionalProperties === undefined
      ? {}
      : {
          additionalProperties:
            additionalProperties === false ? false : convert(additionalProperties, additionalProperties.type === 'object'),
        }),
    ...(items === undefined ? {} : { items: convert(items, items.type === 'object') }),
  }
}

function convertValue(
  { type, enum: words, pattern, minimum, maximum, minLength, minItems, maxItems }: Schema,
  mayBeEmpty: boolean,
): EditorSchema {
  const bounds = withoutUndefined({ minimum, maximum, minItems, maxItems })
  const empty = mayBeEmpty ? ['null'] : []
  if (words !== undefined) return { enum: mayBeEmpty ? [...words, null] : words }
  switch (type) {
    case undefined:
      return {}
    case 'boolean':
      return { type: ['boolean', 'string', ...empty], pattern: YES_OR_NO }
    case 'integer':
    case 'number':
      return { type: [type, 'string', ...empty], pattern: NUMBER, ...bounds }
    case 'string':
      return { type: ['string', 'number', 'boolean', ...empty], ...withoutUndefined({ pattern, minLength }) }
    default:
      return { type: mayBeEmpty ? [type, ...empty] : type, ...bounds }
  }
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): EditorSchema {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
