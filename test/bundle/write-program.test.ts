import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeProgram } from '../../.ci/bundle/write-program.ts'

const HOUR_MS = 60 * 60 * 1000

describe('a program that is built again', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-bundle-'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  async function write(chunk: string, nowMs = Date.now()): Promise<void> {
    const files = new Map([
      ['cli/main.js', `import './${chunk}.js'\n`],
      [`cli/${chunk}.js`, `${chunk}\n`],
      [`cli/${chunk}.js.map`, `{"at":${nowMs}}`],
    ])
    await writeProgram({ files, entry: 'cli/main.js' }, folder, nowMs)
  }

  async function list(): Promise<readonly string[]> {
    return (await readdir(join(folder, 'cli'))).sort()
  }

  test('leaves what runs the files that it may still load, for a day', async () => {
    await write('run-00000000')
    await write('run-11111111', Date.now() + 23 * HOUR_MS)
    expect(await list()).toEqual(['main.js', 'run-00000000.js', 'run-00000000.js.map', 'run-11111111.js', 'run-11111111.js.map'])
    expect(await readFile(join(folder, 'cli/main.js'), 'utf8')).toBe("import './run-11111111.js'\n")
    await write('run-11111111', Date.now() + 25 * HOUR_MS)
    expect(await list()).toEqual(['main.js', 'run-11111111.js', 'run-11111111.js.map'])
  })

  test('has a chunk that stays the same stay, as if it were new, and its map anew', async () => {
    await write('run-00000000')
    const chunk = join(folder, 'cli/run-00000000.js')
    const { ino } = await stat(chunk)
    await utimes(chunk, 0, 0)
    await write('run-00000000', 5_000_000_000_000)
    const now = await stat(chunk)
    expect({ ino: now.ino, mtimeMs: now.mtimeMs }).toEqual({ ino, mtimeMs: 5_000_000_000_000 })
    expect(await readFile(`${chunk}.map`, 'utf8')).toBe('{"at":5000000000000}')
  })

  test('gives its entry a time of its own, even where nothing has changed: who asks whether to build looks at that', async () => {
    await write('run-00000000')
    await utimes(join(folder, 'cli/main.js'), 0, 0)
    await write('run-00000000')
    expect((await stat(join(folder, 'cli/main.js'))).mtimeMs).toBeGreaterThan(Date.now() - HOUR_MS)
  })

  test('removes what a build of another kind has left', async () => {
    await write('run-00000000')
    await writeFile(join(folder, 'old.js'), '')
    await utimes(join(folder, 'old.js'), 1, 1)
    await write('run-00000000')
    expect(await readdir(folder)).toEqual(['cli'])
  })
})
