/**
 * What is used of JSON schema. Beside its own words: `expected` says in words what a pattern takes, `whenLeftOut` what holds without the
 * key, `whenEmpty: 'error'` keeps a key without a value from being read as left out, `deprecated` marks keys of pytranscoder that are
 * read and warned of.
 */

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly description?: string
  readonly expected?: string
  readonly whenEmpty?: 'error'
  readonly whenLeftOut?: string
  readonly deprecated?: true
  /** What the key means when it is written without a value. */
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | false
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

/** Words that ajv has to know besides JSON schema's. */
export const SCHEMA_ANNOTATIONS = ['expected', 'whenEmpty', 'whenLeftOut'] as const
