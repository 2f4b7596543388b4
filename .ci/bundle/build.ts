/** `npm run build`: makes `dist/` of `src/`. Why the program is bundled: docs/decisions/0034-a-program-in-few-files.md. */

import { join } from 'node:path'
import { bundleProgram } from './bundle-program.ts'
import { writeProgram } from './write-program.ts'

const root = join(import.meta.dirname, '..', '..')

await writeProgram(await bundleProgram(root), join(root, 'dist'))
