/**
 * Where a program of a Windows machine is. Left to itself Windows looks into the current folder before the PATH, and that is where the films
 * are: whoever may put one there could put an ffprobe.exe beside it.
 */

import { stat } from 'node:fs/promises'
import { win32 } from 'node:path'

export interface ProgramSearch {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a file is there; asks the disk unless told. */
  readonly isFile?: ((path: string) => Promise<boolean>) | undefined
}

/** Of Windows, where the variable is missing. */
const DEFAULT_EXTENSIONS = '.COM;.EXE;.BAT;.CMD'

/** @param program a name, which is looked for on the PATH, or a path; its extension may be left out. Undefined where there is none. */
export async function findWindowsProgram(program: string, { env, isFile = isFileHere }: ProgramSearch): Promise<string | undefined> {
  const isPath = /[\\/:]/.test(program)
  const folders = isPath ? [''] : (readVariable(env, 'PATH') ?? '').split(';').map((folder) => folder.replaceAll('"', '').trim())
  const extensions = (readVariable(env, 'PATHEXT') || DEFAULT_EXTENSIONS).split(';').map((extension) => extension.trim().toLowerCase())
  const endings = win32.extname(program) === '' ? extensions : ['', ...extensions]
  for (const folder of folders) {
    // An empty one, or a relative one, would be the current folder again.
    if (!isPath && !win32.isAbsolute(folder)) continue
    for (const ending of endings) {
      const path = `${isPath ? program : win32.join(folder, program)}${ending}`
      if (await isFile(path)) return path
    }
  }
  return undefined
}

/** On Windows the case of these names makes no difference. */
export function readVariable(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  return env[name] ?? Object.entries(env).find(([each]) => each.toUpperCase() === name.toUpperCase())?.[1]
}

async function isFileHere(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
