/** `npm run docs`: writes the documents that are made of the program's own tables. */

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { renderDocs } from './render-docs.ts'

const root = join(import.meta.dirname, '../..')

for (const [path, text] of await renderDocs(root)) {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
  console.log(path)
}
