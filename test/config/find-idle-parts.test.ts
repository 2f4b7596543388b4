/**
 * Each `test/cases/config/idle/NAME.yml` loads without a problem and has the warnings that stand in `NAME.txt`, place and caret exact.
 * On the machine of these cases there is a folder `/here` and nothing else.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findIdleParts } from '../../src/config/find-idle-parts.ts'
import { loadExaminedConfig } from '../../src/config/load-config.ts'
import { toConfig } from '../../src/config/parse-config.ts'
import { formatReport } from '../../src/config/report.ts'
import { listRecipes } from '../../src/profile/list-recipes.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'test/cases/config/idle')
const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length))

describe('what can have no effect', () => {
  it.each(names)('is told with its place: %s', async (name) => {
    const expected = readFileSync(join(FOLDER, `${name}.txt`), 'utf8').trimEnd()
    expect(await report(join(FOLDER, `${name}.yml`))).toBe(expected)
  })

  it('is nothing of the example file but folders that are not here', async () => {
    const lines = (await report(join(ROOT, 'config.example.yml'))).split('\n').filter((_line, index) => index % 3 === 0)
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) expect(line).toMatch(/matches nothing: there is no such folder on this machine$/)
  })
})

async function report(file: string): Promise<string> {
  const examined = await loadExaminedConfig({ file, shippedFolder: join(ROOT, 'profiles') })
  expect(examined.problems).toEqual([])
  const isHere = async (path: string) => ['/here', '/here/'].includes(path)
  return formatReport(examined.source, await findIdleParts(examined, { recipes: listRecipes(toConfig(examined)), isHere })).replaceAll(
    `${FOLDER}/`,
    '',
  )
}
