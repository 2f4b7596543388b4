/**
 * The configuration file as a JSON schema: the one source of which keys there are, what they take and what they mean.
 * ajv checks against it, the messages and the documentation are made from it. A file a section: `schema/`.
 */

import { CONFIG_SECTION } from './schema/config-section.ts'
import type { Schema } from './schema/json-schema.ts'
import { PROFILE_SCHEMA, TEMPLATE_SCHEMA } from './schema/profile-schema.ts'
import { RULE_SCHEMA } from './schema/rule-schema.ts'

const PROFILES_SECTION: Schema = { type: 'object', description: 'Profiles by name', additionalProperties: PROFILE_SCHEMA }

export const CONFIG_SCHEMA: Schema = {
  type: 'object',
  description: 'The configuration of encode',
  properties: {
    config: CONFIG_SECTION,
    profiles: PROFILES_SECTION,
    templates: { type: 'object', description: 'Templates by name', additionalProperties: TEMPLATE_SCHEMA },
    rules: { type: 'object', description: 'Rules by name, tried in the order written', additionalProperties: RULE_SCHEMA },
    new_config: { deprecated: true, description: 'Has no effect, nor had it in pytranscoder' },
  },
  additionalProperties: false,
}

/** A file of shipped profiles. */
export const SHIPPED_SCHEMA: Schema = {
  type: 'object',
  description: 'Shipped profiles',
  properties: { profiles: PROFILES_SECTION },
  required: ['profiles'],
  additionalProperties: false,
}
