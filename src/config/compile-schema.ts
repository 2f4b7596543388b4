/**
 * A schema → the function by which ajv holds values against it. In the bundled program other functions stand here, which ajv has written down
 * when that was made (`.ci/bundle/write-validators.ts`): to make them takes longer than all else that is done with a file.
 */

import { Ajv, type ValidateFunction } from 'ajv'
import { SCHEMA_ANNOTATIONS, type Schema } from './schema/json-schema.ts'

export function compileSchema(schema: Schema): ValidateFunction {
  // It runs a few times: half of what compiling takes is to make it short.
  return createAjv({ optimize: false }).compile(schema)
}

/** @param code how functions are written. */
export function createAjv(code: { readonly optimize?: false; readonly source?: true; readonly esm?: true }): Ajv {
  const ajv = new Ajv({
    ...{ allErrors: true, verbose: true, strict: true },
    // Would have each choice repeat the types of its alternatives.
    strictTypes: false,
    // A test holds the schemas against JSON schema's own.
    ...{ meta: false, validateSchema: false, code },
  })
  for (const annotation of SCHEMA_ANNOTATIONS) ajv.addKeyword(annotation)
  return ajv
}
