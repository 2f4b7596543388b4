import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

interface Cruise {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[]
  }
}

describe('the floors of src', () => {
  test('every module was read: a checker that cannot parse TypeScript reads none and passes', async () => {
    const read = new Set((await cruise(ROOT)).modules.map((module) => module.source))
    const files = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'))
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((name) => !read.has(join('src', name)))).toEqual([])
  })
})

/** A line of a file, in which `b` and `c` stand for modules that are there, and the rule that refuses it. */
const REFUSED: readonly (readonly [what: string, file: string, line: string, rule: string])[] = [
  ['an import of an upper floor', 'src/core/a.ts', "import { b } from '../model/b.ts'", 'floor-core'],
  ['an import of an upper floor for its types alone', 'src/view/a.ts', "import type { B } from '../run/b.ts'", 'floor-view'],
  ['an import of a neighbour on the same floor', 'src/media/a.ts', "import { b } from '../profile/b.ts'", 'floor-media'],
  ['a folder that stands on no floor', 'src/utils/a.ts', "import { b } from '../core/b.ts'", 'known-folder'],
  ['a package away from its home', 'src/job/a.ts', "import { Client } from 'ssh2'", 'home-of-ssh2'],
  ['the database away from its home', 'src/run/a.ts', "import { DatabaseSync } from 'node:sqlite'", 'home-of-sqlite'],
  ['process away from its home', 'src/run/a.ts', "import { argv } from 'node:process'", 'home-of-process'],
  ['a package that is there for development only', 'src/cli/a.ts', "import { test } from 'vitest'", 'no-dev-dependency'],
  ['an import that leads nowhere', 'src/cli/a.ts', "import { c } from '../core/missing.ts'", 'no-unresolved'],
  ['a module that nobody needs', 'src/core/a.ts', 'export const a = 1', 'no-orphan'],
]

describe('the rules', () => {
  let folder: string
  let cruised: Cruise

  // Every case has files of its own, told by its number, and all are read at once: to start the checker is what takes time.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-floors-'))
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) await symlink(join(ROOT, name), join(folder, name))
    for (const [at, [_, file, line]] of REFUSED.entries()) {
      const path = file.replace('a.ts', `a${at}.ts`)
      await write(folder, path, `${line.replace('/b.ts', `/b${at}.ts`)}\n`)
      const target = /'(\.[^']*)\/b\.ts'/.exec(line)?.[1]
      if (target === undefined) continue
      const beside = join(dirname(path), target)
      await write(folder, join(beside, `b${at}.ts`), `import { c } from './c${at}.ts'\nexport type B = typeof c\nexport const b = c\n`)
      await write(folder, join(beside, `c${at}.ts`), 'export const c = 1\n')
    }
    await write(folder, 'src/core/one.ts', "import type { B } from './other.ts'\nexport type A = B | 1\n")
    await write(folder, 'src/core/other.ts', "import type { A } from './one.ts'\nexport type B = A | 2\n")
    cruised = await cruise(folder)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  const rulesOf = (names: RegExp): readonly string[] =>
    cruised.summary.violations.filter(({ from }) => names.test(basename(from))).map(({ rule }) => rule.name)

  test.each(REFUSED.map(([what, , , rule], at) => ({ what, rule, at })))('refuse $what', ({ rule, at }) => {
    expect(rulesOf(new RegExp(`^[abc]${at}\\.ts$`))).toEqual([rule])
  })

  test('refuse two modules that import each other, be it for types alone', () => {
    expect(new Set(rulesOf(/^(one|other)\.ts$/))).toEqual(new Set(['no-circle']))
  })
})

async function cruise(cwd: string): Promise<Cruise> {
  const program = join(ROOT, 'node_modules/.bin/depcruise')
  const { stdout } = await execa(program, ['src', '--output-type', 'json'], { cwd, preferLocal: true, localDir: ROOT, reject: false })
  return JSON.parse(stdout) as Cruise
}

async function write(folder: string, name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), text)
}
