/** Fitted data held against the schema by ajv; its errors told in the words of the file. */

import type { ErrorObject, ValidateFunction } from 'ajv'
import { nearest } from '../core/nearest.ts'
import { compileSchema } from './compile-schema.ts'
import { describeExpected, describeFound, describePath, listNames, quote } from './describe.ts'
import { schemaOf, schemaOfKey } from './fit-values.ts'
import { type Finding, type Located, toPlain } from './located.ts'
import type { Schema } from './schema/json-schema.ts'

export interface ShapeProblem extends Finding {
  /** Something is not there; in a file that could not be read whole it may stand in the unread part. */
  readonly isAbsence: boolean
}

/** Compiling takes longer than checking, and there are several files of shipped profiles. */
const compiled = new WeakMap<Schema, ValidateFunction>()

export function checkShape(root: Located, schema: Schema): readonly ShapeProblem[] {
  const validate = compiled.get(schema) ?? compileSchema(schema)
  compiled.set(schema, validate)
  validate(toPlain(root))
  return withoutEchoes(validate.errors ?? []).map((error) => toProblem(error, root))
}

/** Each key that the schema calls deprecated, with what has become of it. */
export function findDeprecated(node: Located, schema: Schema, path: readonly string[] = []): readonly Finding[] {
  if (node.kind === 'list') {
    const items = schemaOf('array', schema)?.items
    return items === undefined ? [] : node.items.flatMap((item, index) => findDeprecated(item, items, [...path, String(index)]))
  }
  if (node.kind !== 'map') return []
  const own = schemaOf('object', schema) ?? {}
  return [...node.entries].flatMap(([key, entry]) => {
    const keySchema = schemaOfKey(own, key)
    if (keySchema === undefined) return []
    const inner = findDeprecated(entry.value, keySchema, [...path, key])
    if (keySchema.deprecated !== true) return inner
    const fate = keySchema.description ?? ''
    return [
      { offset: entry.keyOffset, message: `${describeKey([...path, key])} ${fate.charAt(0).toLowerCase()}${fate.slice(1)}` },
      ...inner,
    ]
  })
}

/** Of a choice that nothing fits, either the choice itself is told, or what is wrong deep inside the one that was meant. */
function withoutEchoes(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const dropped = new Set<ErrorObject>()
  for (const choice of errors.filter((error) => error.keyword === 'anyOf')) {
    const branches = errors.filter((error) => isBranchOf(error, choice))
    const told = branches.filter((error) => isToldInside(error, choice))
    if (told.length > 0) dropped.add(choice)
    for (const error of branches) if (!told.includes(error)) dropped.add(error)
  }
  return errors.filter((error) => !dropped.has(error))
}

/** Entries of one list share their schema path, so both paths must lie within the choice's. */
function isBranchOf(error: ErrorObject, choice: ErrorObject): boolean {
  const isSameValue = error.instancePath === choice.instancePath || error.instancePath.startsWith(`${choice.instancePath}/`)
  return isSameValue && error.schemaPath.startsWith(`${choice.schemaPath}/`)
}

function isToldInside(error: ErrorObject, choice: ErrorObject): boolean {
  return error.instancePath.length > choice.instancePath.length || error.keyword === 'additionalProperties'
}

function toProblem(error: ErrorObject, root: Located): ShapeProblem {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const found = locate(root, path)
  const schema = error.parentSchema as Schema
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty)
    const entry = found.node?.kind === 'map' ? found.node.entries.get(key) : undefined
    return { offset: entry?.keyOffset ?? found.offset, message: describeUnknownKey(key, path, schema), isAbsence: false }
  }
  if (error.keyword === 'required') {
    const message = `${capital(describePath(path))} lacks ${quote(String(error.params.missingProperty))}`
    return { offset: found.keyOffset, message, isAbsence: true }
  }
  const message = `${capital(describePath(path))} must be ${describeExpected(schema)}, found ${describeFound(found.node)}`
  return { offset: found.offset, message, isAbsence: found.node?.kind === 'scalar' && found.node.value === null }
}

function describeUnknownKey(key: string, path: readonly string[], schema: Schema): string {
  const properties = Object.entries(schema.properties ?? {})
  const known = properties.filter(([, property]) => property.deprecated !== true).map(([name]) => name)
  const meant = nearest(key, known) ?? nearest(key.replaceAll('-', '_'), known)
  const allowed = listNames(known, 'and').replaceAll('"', '')
  const hint = meant === undefined ? `; allowed: ${allowed}` : `, did you mean ${quote(meant)}? Allowed: ${allowed}`
  return `Unknown key ${quote(key)} in ${describePath(path)}${hint}`
}

interface Found {
  readonly node: Located | undefined
  readonly offset: number
  /** Place of the key under which the node stands. */
  readonly keyOffset: number
}

function locate(root: Located, path: readonly string[]): Found {
  let found: Found = { node: root, offset: root.offset, keyOffset: root.offset }
  for (const part of path) {
    const { node } = found
    if (node?.kind === 'list') {
      const item = node.items[Number(part)]
      const offset = item?.offset ?? found.offset
      found = { node: item, offset, keyOffset: offset }
    } else {
      const entry = node?.kind === 'map' ? node.entries.get(part) : undefined
      const keyOffset = entry?.keyOffset ?? found.keyOffset
      found = { node: entry?.value, offset: entry?.value.offset ?? keyOffset, keyOffset }
    }
  }
  return found
}

function describeKey(path: readonly string[]): string {
  return path.length === 1 ? quote(path[0] ?? '') : describePath(path)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
