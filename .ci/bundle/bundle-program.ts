/**
 * `src/` and the packages that it uses → few files, which Node loads in half the time. What has native code, and the packages that only
 * it needs, stay outside: they are loaded with the first connection.
 *
 * All files stand in one folder, as deep as `src/cli`, so that `import.meta.url` leads to the package's own files from either.
 */

import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { type OutputChunk, rolldown } from 'rolldown'
import { describeLicences } from './describe-licences.ts'
import { groupModules } from './group-modules.ts'
import { writeValidators } from './write-validators.ts'

export interface BundledProgram {
  /** Text by path in the folder of the program. Names but the entry's bear a hash of what is in the file. */
  readonly files: ReadonlyMap<string, string>
  /** The file that is started. It names, directly or not, all others. */
  readonly entry: string
}

const ENTRY = 'cli/main.js'
/** Native code, which is found by its place in the package. */
const OUTSIDE: readonly string[] = ['ssh2']

/** @throws Error where a package is neither bundled nor installed with the program, or an import leads nowhere. */
export async function bundleProgram(root: string): Promise<BundledProgram> {
  await using build = await rolldown({
    cwd: root,
    input: { main: join(root, 'src/cli/main.ts') },
    platform: 'node',
    external: [...OUTSIDE],
    // Nobody imports the program.
    preserveEntrySignatures: 'allow-extension',
    plugins: [writeValidators()],
    // On a busy machine anything takes long.
    checks: { pluginTimings: false },
    onLog(level, { code, message }) {
      if (level === 'warn') throw new Error(`${code ?? 'The bundler warns'}: ${message}`)
    },
  })
  const { output } = await build.generate({
    dir: join(root, 'dist'),
    format: 'esm',
    entryFileNames: ENTRY,
    chunkFileNames: 'cli/[name]-[hash].js',
    codeSplitting: groupModules(root),
    // Traces name the files and lines of src/; without their text, which few need, reading the maps costs little.
    sourcemap: true,
    sourcemapExcludeSources: true,
    comments: { legal: true, annotation: false, jsdoc: false },
  })
  const chunks = output.filter((part) => part.type === 'chunk')
  await refuseUninstalled(root, chunks)
  const licences = await describeLicences(chunks.flatMap(({ moduleIds }) => moduleIds))
  return {
    files: new Map([
      ...output.map((part) => [part.fileName, part.type === 'chunk' ? part.code : String(part.source)] as const),
      ['licences.txt', licences],
    ]),
    entry: ENTRY,
  }
}

/** What was left outside must come with the package. */
async function refuseUninstalled(root: string, chunks: readonly OutputChunk[]): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly dependencies: object }
  const own = new Set(chunks.map(({ fileName }) => fileName))
  const outside = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]).filter((name) => !own.has(name))
  for (const name of outside) {
    if (isBuiltin(name) || name in dependencies) continue
    throw new Error(`The program needs "${name}", which is neither bundled nor a dependency in package.json`)
  }
}
