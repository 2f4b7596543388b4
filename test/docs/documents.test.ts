/** Documents written by hand, held against the program: links, floors, messages, keys and commands that they name. */

import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { COMMANDS, OPTIONS, type OptionSpec } from '../../src/cli/options.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { parseConfig } from '../../src/config/parse-config.ts'

const ROOT = join(import.meta.dirname, '../..')

const documents = [
  ...(await readdir(ROOT)).filter((name) => name.endsWith('.md')),
  ...(await readdir(join(ROOT, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
]
const texts = new Map(await Promise.all(documents.map(async (name) => [name, await readFile(join(ROOT, name), 'utf8')] as const)))
const shipped = (await loadConfig({ file: undefined, shippedFolder: join(ROOT, 'profiles') })).profiles

describe.each(documents)('%s', (name) => {
  const text = texts.get(name) ?? ''

  test('links to what is there', () => {
    for (const [, target = ''] of text.replace(/```.*?```/gs, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? name : join(dirname(name), path)
      expect(existsSync(join(ROOT, file)), target).toBe(true)
      if (anchor !== undefined) expect(headingsOf(texts.get(file) ?? ''), target).toContain(anchor)
    }
  })

  test('shows commands and options that there are', () => {
    for (const [, line = ''] of text.matchAll(/(?:^|`)(encode(?: [^`\n#|]+)?)/gm)) {
      for (const option of line.match(/(?<=\s)--?[a-z][a-z-]*/g) ?? []) {
        if (line.startsWith('encode completion fish')) continue
        expect(OPTION_NAMES, line).toContain(option)
      }
      const [, command] = /^encode ([a-z]+)(?=$|[\s)"])/.exec(line) ?? []
      if (command !== undefined && !PROSE.has(command)) expect(COMMAND_NAMES, line).toContain(command)
    }
  })
})

describe('ARCHITECTURE.md', () => {
  const rows = [...(texts.get('ARCHITECTURE.md') ?? '').matchAll(/^\| (\d) \| `src\/(\w+)\/` \| [^|]+ \| ([^|]+) \|$/gm)]
  const rules = (createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs')) as Rules).forbidden

  test('has a row for each folder of src', async () => {
    const folders = (await readdir(join(ROOT, 'src'), { withFileTypes: true })).filter((entry) => entry.isDirectory())
    expect(rows.map(([, , folder]) => folder).sort()).toEqual(folders.map(({ name }) => name).sort())
  })

  test.each(rows.map(([, floor = '', folder = '', uses = '']) => ({ floor, folder, uses })))(
    'says of $folder what the rules say',
    ({ floor, folder, uses }) => {
      const rule = rules.find(({ name }) => name === `floor-${folder}`)
      const allowed = /\^src\/\(([\w|]+)\)/.exec(rule?.to.pathNot ?? '')?.[1]?.split('|') ?? []
      expect(uses === '–' ? [] : uses.split(', ').sort()).toEqual(allowed.filter((name) => name !== folder).sort())
      for (const below of allowed.filter((name) => name !== folder)) {
        const [, floorBelow] = rows.find(([, , name]) => name === below) ?? []
        expect(Number(floorBelow), below).toBeLessThan(Number(floor))
      }
    },
  )

  test('names files that there are', async () => {
    const files = (await readdir(ROOT, { recursive: true })).filter((name) => !/^(node_modules|dist|\.git)\//.test(name))
    for (const [, file = ''] of (texts.get('ARCHITECTURE.md') ?? '').matchAll(/`([\w/.-]+\.ts)`/g)) {
      expect(
        files.some((name) => name === file || name.endsWith(`/${file}`)),
        file,
      ).toBe(true)
    }
  })
})

test('docs/decisions/README.md lists every record by its title', () => {
  const index = texts.get('docs/decisions/README.md') ?? ''
  for (const [name, text] of texts) {
    const [file] = /(?<=^docs\/decisions\/)\d{4}-.+$/.exec(name) ?? []
    if (file !== undefined) expect(index).toContain(`- [${text.slice(2, text.indexOf('\n'))}](${file})\n`)
  }
})

describe('docs/troubleshooting.md', () => {
  test('quotes messages as the program has them', async () => {
    const names = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'))
    const sources = (await Promise.all(names.map((name) => readFile(join(ROOT, 'src', name), 'utf8')))).join('\n').replaceAll("\\'", "'")
    const rows = [...(texts.get('docs/troubleshooting.md') ?? '').matchAll(/^\| (`[^|]+) \|/gm)]
    expect(rows.length).toBeGreaterThan(40)
    const fragments = rows.flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, message = '']) => message.split(/[…"]+/)),
    )
    const unknown = fragments.map((fragment) => fragment.trim()).filter((fragment) => /\w{2}/.test(fragment) && !sources.includes(fragment))
    expect(unknown).toEqual([])
  })
})

test.each(['README.md', 'docs/hosts.md'])('examples of %s are read without a warning', (name) => {
  for (const [, example = ''] of (texts.get(name) ?? '').matchAll(/```yaml\n(config:\n.*?)```/gs)) {
    expect(parseConfig(example, name, shipped).warnings).toEqual([])
  }
})

interface Rules {
  readonly forbidden: readonly { readonly name: string; readonly to: { readonly pathNot?: string } }[]
}

const COMMAND_NAMES: readonly string[] = COMMANDS.map(({ name }) => name)
const OPTION_NAMES = (OPTIONS as readonly OptionSpec[]).flatMap(({ long, short }) => [
  `--${long}`,
  ...(short === undefined ? [] : [`-${short}`]),
])
/** Words that follow the name of the program in a sentence that begins a line. */
const PROSE = new Set(['needs', 'reads', 'is', 'makes', 'uses', 'picks', 'cannot'])

/** As GitHub makes anchors of them. */
function headingsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
