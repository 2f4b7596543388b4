/** In the place of `src/config/compile-schema.ts`, and with it ajv's compiler: the code that this would make at each start. */

import standalone from 'ajv/dist/standalone/index.js'
import type { Plugin } from 'rolldown'
import { createAjv } from '../../src/config/compile-schema.ts'
import { CONFIG_SCHEMA, SHIPPED_SCHEMA } from '../../src/config/schema.ts'

export function writeValidators(): Plugin {
  return {
    name: 'write-validators',
    load: {
      filter: { id: /[\\/]src[\\/]config[\\/]compile-schema\.ts$/ },
      handler: () => ({ code: renderValidators(), moduleType: 'js' }),
    },
  }
}

/** A module with the function `compileSchema`, which knows the two schemas that there are. */
export function renderValidators(): string {
  const ajv = createAjv({ source: true, esm: true })
  ajv.addSchema(CONFIG_SCHEMA, 'CONFIG_SCHEMA').addSchema(SHIPPED_SCHEMA, 'SHIPPED_SCHEMA')
  const functions = standalone.default(ajv, { checkConfig: 'CONFIG_SCHEMA', checkShipped: 'SHIPPED_SCHEMA' })
  return `import { CONFIG_SCHEMA, SHIPPED_SCHEMA } from './schema.ts'
${functions}
const made = new Map([[CONFIG_SCHEMA, checkConfig], [SHIPPED_SCHEMA, checkShipped]])
export const compileSchema = (schema) => made.get(schema)
`
}
