/** The documents that are made of the program's own tables, and what reads them. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { renderDocs } from '../../docs/generate/render-docs.ts'
import { SECTION_TEXTS } from '../../docs/generate/section-texts.ts'
import { toEditorSchema } from '../../docs/generate/to-editor-schema.ts'
import { COMMANDS, OPTIONS } from '../../src/cli/options.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { CONFIG_SCHEMA } from '../../src/config/schema.ts'
import { lacks } from '../capabilities.ts'

const ROOT = join(import.meta.dirname, '../..')
const CASES = join(ROOT, 'test/cases/config')
const docs = await renderDocs(ROOT)
const shipped = (await loadConfig({ file: undefined, shippedFolder: join(ROOT, 'profiles') })).profiles

test.each([...docs])('%s is what "npm run docs" writes', async (path, text) => {
  const found = await readFile(join(ROOT, path), 'utf8').catch(() => '')
  expect(found === text, `${path} is not current: run "npm run docs"`).toBe(true)
})

describe('docs/configuration.md', () => {
  test.each(Object.entries(SECTION_TEXTS).filter(([, { example }]) => example !== undefined))(
    'has an example of %s that loads as it is',
    (path) => {
      const config = parseConfig(SECTION_TEXTS[path]?.example ?? '', `${path}.yml`, shipped)
      expect(config.warnings).toEqual([])
    },
  )

  test('has no heading or example for a section that is not there', () => {
    const text = docs.get('docs/configuration.md') ?? ''
    for (const { title, path } of Object.entries(SECTION_TEXTS).map(([path, { title }]) => ({ path, title })))
      if (path !== '') expect(text).toContain(`## ${title}\n`)
  })

  test('gives each section a heading in words', () => {
    expect(docs.get('docs/configuration.md')).not.toMatch(/^## `/m)
  })
})

describe('docs/profiles.md', () => {
  test('names every shipped profile with its encoder and its container', () => {
    const rows = (docs.get('docs/profiles.md') ?? '').split('\n').filter((line) => line.startsWith('| `'))
    expect(rows.map((row) => /`(\w+)`/.exec(row)?.[1])).toEqual(shipped.map(({ name }) => name))
    for (const row of rows.filter((line) => !line.includes('(to include)')))
      expect(row).toMatch(/^\| `\w+` \| [^|]+ \| `[^|]+` \| `\.\w+` \| [^|]+ \| [^|]+ \|$/)
  })
})

describe('docs/man/encode.1', () => {
  const page = docs.get('docs/man/encode.1') ?? ''

  test('tells of every option and command', () => {
    for (const { long } of OPTIONS) expect(page).toContain(`\\fB\\-\\-${long.replaceAll('-', '\\-')}\\fR`)
    for (const { name } of COMMANDS) expect(page).toContain(`.TP\n\\fB${name}\\fR`)
  })

  test('is plain ASCII, which every troff reads', () => {
    expect(page).toMatch(/^[\n -~]*$/)
  })

  test.skipIf(lacks('groff'))('renders without a warning', async () => {
    const { stdout, stderr, exitCode } = await execa('groff', ['-man', '-Tutf8', '-ww', '-P-cbou'], { input: page, reject: false })
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toContain('encode - turns every machine you can SSH into, into one encoder')
    expect(stdout).toContain('-c, --cluster NAME')
  })
})

describe('docs/config.schema.json', () => {
  const validate = new Ajv({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    keywords: ['deprecationMessage'],
  }).compile(toEditorSchema(CONFIG_SCHEMA))
  const VERSIONS = ['1.1', '1.2'] as const

  test.each(VERSIONS)('takes config.example.yml, read as YAML %s', async (version) => {
    validate(parse(await readFile(join(ROOT, 'config.example.yml'), 'utf8'), { version }))
    expect(validate.errors).toBeNull()
  })

  test.each(VERSIONS)("takes pytranscoder's files, read as YAML %s", async (version) => {
    const files = (await readdir(join(CASES, 'pytranscoder'))).filter((name) => name.endsWith('.yml'))
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      validate(parse(await readFile(join(CASES, 'pytranscoder', file), 'utf8'), { version, merge: true, uniqueKeys: false }))
      expect(validate.errors, file).toBeNull()
    }
  })

  test('takes values in every form that the program makes fit', () => {
    const config = parse(
      'config: { automap: yes, queues: { _default: "2" }, clusters: { 1: { 2: , nas: { port: "22", nice: on, labels: a b } } } }\nrules:',
    )
    validate(config)
    expect(validate.errors).toBeNull()
  })

  test.each([
    'unknown-key-of-config',
    'unknown-key-of-host',
    'unknown-key-of-profile',
    'unknown-key-of-template',
    'unknown-section',
    'wrong-types',
    'wrong-values-of-host',
    'wrong-values-of-profile',
    'template-lacks',
    'rule-lacks-profile',
    'empty-criterion',
  ])('refuses the file with %s', async (name) => {
    expect(validate(parse(await readFile(join(CASES, 'errors', `${name}.yml`), 'utf8')))).toBe(false)
  })

  test('is written for draft 7, with a description for each key', () => {
    const schema = JSON.parse(docs.get('docs/config.schema.json') ?? '{}')
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#')
    expect(schema.properties.profiles.additionalProperties.properties.threshold.description).toContain('Left out: 0')
  })
})
