/** What a value may look like: paths, lists of words, options, times, sizes. Each says in words what it takes. */

import { RATE_PATTERN } from '../../core/units.ts'
import type { Schema } from './json-schema.ts'

export const NO_CONTROL = '^[^\\u0000-\\u001f\\u007f]+$'

export function path(description: string): Schema {
  return { type: 'string', description, pattern: NO_CONTROL, expected: 'a path' }
}

export function orElse(whenLeftOut: string, schema: Schema): Schema {
  return { ...schema, whenLeftOut }
}

/** A value that may stand in an argument list of ssh: it never begins with a dash and holds no white space. */
export function sshWord(description: string, expected: string): Schema {
  return { type: 'string', description, pattern: '^[^\\s\\u0000-\\u001f\\u007f-][^\\s\\u0000-\\u001f\\u007f]*$', expected }
}

const WORD_LIST = [{ type: 'string' }, { type: 'array', items: { type: 'string', minLength: 1 } }] as const satisfies readonly Schema[]

export function words(description: string): Schema {
  return { description, anyOf: WORD_LIST, expected: 'a list of names, or names separated by spaces' }
}

export function options(description: string): Schema {
  return {
    description: `${description}. A list with one option per entry ("-crf 20"), or a single text`,
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string', pattern: '\\S', expected: 'an option such as "-crf 20"' } }],
    expected: 'a list of options, or one text',
    default: [],
  }
}

export function queues(description: string): Schema {
  const slots: Schema = { type: 'integer', minimum: 0, maximum: 1000 }
  return {
    description,
    anyOf: [
      { type: 'object', additionalProperties: slots },
      { type: 'array', items: { type: 'object', additionalProperties: slots } },
      { type: 'string', enum: ['auto'] },
    ],
    expected: 'queue names with their numbers of slots, or "auto"',
  }
}

/** `parseSeconds` reads it. */
export function time(description: string): Schema {
  return { type: 'string', description, pattern: '^(off|[0-9]+(\\.[0-9]+)? ?[smh]?)$', expected: 'a time such as 300, 90s, 5m, 1h or off' }
}

export function size(description: string): Schema {
  return { type: 'string', description, pattern: '^[0-9]+(\\.[0-9]+)? ?([kKmMgGtTpP]?[bB]?)?$', expected: 'a size such as 500MB, 2GB or 0' }
}

export function rate(description: string): Schema {
  return { type: 'string', description, pattern: RATE_PATTERN, expected: 'a rate such as 20M (bytes a second), 100Mbit or off' }
}
