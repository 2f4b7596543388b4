import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { SCHEMA_ANNOTATIONS } from '../../src/config/schema/json-schema.ts'
import { CONFIG_SCHEMA, SHIPPED_SCHEMA } from '../../src/config/schema.ts'

test.each(Object.entries({ CONFIG_SCHEMA, SHIPPED_SCHEMA }))(
  '%s is a valid JSON schema, which no start of the program looks into',
  (_name, schema) => {
    const ajv = new Ajv({ strict: true, strictTypes: false })
    for (const annotation of SCHEMA_ANNOTATIONS) ajv.addKeyword(annotation)
    expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true)
  },
)
