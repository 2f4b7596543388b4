/** docs/configuration.md: every key of the schema. */

import type { Schema } from '../../src/config/schema/json-schema.ts'
import { describeType } from './describe-type.ts'
import { listKeys, listSections, type SchemaKey, type SchemaSection } from './list-sections.ts'
import { SECTION_TEXTS } from './section-texts.ts'

export function renderConfiguration(schema: Schema): string {
  const sections = listSections(schema)
  const old = sections.flatMap((section) => listKeys(section).filter((key) => key.schema.deprecated === true))
  return `${HEAD}
${sections
  .filter(({ path }) => path !== '')
  .map(renderSection)
  .join('\n')}
## Keys of pytranscoder that mean something else now

They are accepted; when the file is loaded, a warning for each gives its line.

| key | |
|---|---|
${old.map(({ path, schema: { description } }) => `| \`${path}\` | ${cell(description ?? '')} |`).join('\n')}
`
}

const HEAD = `<!-- Made by "npm run docs" from src/config/schema/: change it there. -->

# Configuration

One YAML file with up to four sections: \`config\`, \`profiles\`, \`templates\`, \`rules\`. All of them, and every key, can be left out.
encode reads the file given with \`-y\`, else \`$ENCODE_CONFIG\`, else \`$XDG_CONFIG_HOME/encode/config.yml\` (\`~/.config/encode/config.yml\`), else \`~/.transcode.yml\`.
A pytranscoder file works unchanged. Values are read as in YAML 1.1: \`yes\` and \`no\` are booleans.

Unknown keys are errors, each with line and column; \`encode config check\` lists them without starting anything.
An editor with the [YAML language server](https://github.com/redhat-developer/yaml-language-server) completes and checks keys if the file's first line is

\`\`\`yaml
# yaml-language-server: $schema=/path/to/encode/docs/config.schema.json
\`\`\`

All keys in one file, with comments: [config.example.yml](../config.example.yml). Shipped profiles: [profiles.md](profiles.md).
`

function renderSection(section: SchemaSection): string {
  const { path, schema } = section
  const text = SECTION_TEXTS[path]
  const keys = listKeys(section).filter((key) => key.schema.deprecated !== true)
  const example = text?.example === undefined ? '' : `\n\`\`\`yaml\n${text.example}\`\`\`\n`
  return `## ${text?.title ?? `\`${path}\``}

\`${path}\`${schema.description === undefined ? '' : `: ${lowerFirst(schema.description)}`}
${example}
| key | takes | left out | |
|---|---|---|---|
${keys.map((key) => renderKey(key, schema)).join('\n')}
`
}

function renderKey({ key, schema }: SchemaKey, section: Schema): string {
  const leftOut = section.required?.includes(key) === true ? '*needed*' : (schema.whenLeftOut ?? '–')
  return `| \`${key}\` | ${cell(describeType(schema))} | ${cell(leftOut)} | ${cell(schema.description ?? '')} |`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/<(?=[\w=])/g, '\\<')
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`
}
