/** Every document that is made of the program's own tables: its path in the project and its text. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load-config.ts'
import { CONFIG_SCHEMA } from '../../src/config/schema.ts'
import { renderConfiguration } from './render-configuration.ts'
import { renderMan } from './render-man.ts'
import { renderProfiles } from './render-profiles.ts'
import { toEditorSchema } from './to-editor-schema.ts'

export async function renderDocs(root: string): Promise<ReadonlyMap<string, string>> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  const shipped = await loadConfig({ file: undefined, shippedFolder: join(root, 'profiles') })
  return new Map([
    ['docs/man/encode.1', renderMan(version)],
    ['docs/configuration.md', renderConfiguration(CONFIG_SCHEMA)],
    ['docs/config.schema.json', `${JSON.stringify(toEditorSchema(CONFIG_SCHEMA), undefined, 2)}\n`],
    ['docs/profiles.md', renderProfiles(shipped)],
  ])
}
