import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ValidateFunction } from 'ajv'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { writeValidators } from '../../.ci/bundle/write-validators.ts'
import { compileSchema } from '../../src/config/compile-schema.ts'
import type { Schema } from '../../src/config/schema/json-schema.ts'
import { CONFIG_SCHEMA, SHIPPED_SCHEMA } from '../../src/config/schema.ts'

const ROOT = join(import.meta.dirname, '../..')
const CASES = join(ROOT, 'test/cases/config/errors')

interface Bundled {
  readonly compileSchema: (schema: Schema) => ValidateFunction
  readonly CONFIG_SCHEMA: Schema
  readonly SHIPPED_SCHEMA: Schema
}

let folder: string
let bundled: Bundled
let code: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-validators-'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const entry = join(folder, 'entry.ts')
  const names = ['compile-schema', 'schema'].map((name) => `export * from '${join(ROOT, `src/config/${name}.ts`)}'\n`)
  await writeFile(entry, names.join(''))
  await using build = await rolldown({ input: entry, platform: 'node', plugins: [writeValidators()], checks: { pluginTimings: false } })
  const { output } = await build.write({ file: join(folder, 'bundled.mjs'), format: 'esm' })
  code = output[0].code
  bundled = (await import(join(folder, 'bundled.mjs'))) as Bundled
})

afterAll(() => rm(folder, { recursive: true }))

test('what is bundled tells of each file what ajv tells when it compiles the schemas', async () => {
  const names = (await readdir(CASES, { recursive: true })).filter((name) => name.endsWith('.yml'))
  const files = [...names.map((name) => join(CASES, name)), join(ROOT, 'config.example.yml'), join(ROOT, 'profiles/hardware.yml')]
  let misfits = 0
  for (const file of files) {
    const value = readYaml(await readFile(file, 'utf8'))
    for (const name of ['CONFIG_SCHEMA', 'SHIPPED_SCHEMA'] as const) {
      const [made, compiled] = [bundled.compileSchema(bundled[name]), compileSchema({ CONFIG_SCHEMA, SHIPPED_SCHEMA }[name])]
      expect(made(value), file).toBe(compiled(value))
      expect(made.errors, file).toEqual(compiled.errors)
      if (made.errors !== null) misfits += 1
    }
  }
  expect(misfits).toBeGreaterThan(names.length)
})

test('ajv itself is not in it', () => {
  expect(code).not.toContain('new Function')
  expect(code).not.toContain('class Ajv')
})

function readYaml(text: string): unknown {
  try {
    return parse(text, { uniqueKeys: false, logLevel: 'silent' })
  } catch {
    return text
  }
}
