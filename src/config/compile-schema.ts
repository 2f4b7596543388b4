/**
 * A schema → the function by which ajv holds values against it. Compiling one takes longer than all else that is done with a file, so that
 * the bundled program has functions in the place of this module that were compiled when it was built (`.ci/bundle/write-validators.ts`).
 */

import { Ajv, type ValidateFunction } from 'ajv'
import { SCHEMA_ANNOTATIONS, type Schema } from './schema/json-schema.ts'

export function compileSchema(schema: Schema): ValidateFunction {
  // The function runs a few times only, and optimising it is half of the time that compiling takes.
  return createAjv({ optimize: false }).compile(schema)
}

/** @param code how functions are written. */
export function createAjv(code: { readonly optimize?: false; readonly source?: true; readonly esm?: true }): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: true,
    // Would have each choice repeat the types of its alternatives.
    strictTypes: false,
    // A test holds the schemas against JSON schema's own.
    meta: false,
    validateSchema: false,
    code,
  })
  for (const annotation of SCHEMA_ANNOTATIONS) ajv.addKeyword(annotation)
  return ajv
}
