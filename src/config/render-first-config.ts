/** A first configuration as YAML with comments, for a person to go on from. Pure; it loads without warnings whatever the names in it. */

import type { PathSubstitution } from '../model/config.ts'

export interface FirstConfig {
  /** Where editors find the JSON schema. */
  readonly schemaUrl: string
  readonly cluster: string
  readonly hosts: readonly FirstHost[]
  /** Named in examples. */
  readonly mediaFolder: string | undefined
}

export interface FirstHost {
  readonly name: string
  /** Written where the name is not what `ssh` is given. */
  readonly address: string | undefined
  readonly port: number | undefined
  readonly user: string | undefined
  /** What was found out about it; a line each. */
  readonly notes: readonly string[]
  /** Undefined for a host that cannot be used now: it is commented out, below the notes that say why. */
  readonly found:
    | {
        readonly type: 'mounted' | 'streaming' | 'local'
        readonly typeReason: string
        readonly substitution: PathSubstitution | undefined
        readonly slots: number
        readonly slotsReason: string
      }
    | undefined
}

export function renderFirstConfig({ schemaUrl, cluster, hosts, mediaFolder }: FirstConfig): string {
  const example = mediaFolder === undefined ? 'FOLDER' : toShellWord(mediaFolder)
  const call = `encode -c ${toShellWord(cluster)}`
  const lines = [
    `# yaml-language-server: $schema=${toCommentText(schemaUrl)}`,
    '#',
    '# Configuration of encode, a first one, written by "encode init". What a host leaves out comes from ~/.ssh/config.',
    '# config.example.yml shows every key there is.',
    '#',
    `#   encode hosts -c ${toShellWord(cluster)}   how the hosts are, and what to do about what is wrong`,
    `#   ${call} --dry-run ${example}   what would be done, without doing it`,
    `#   ${call} ${example}   does it`,
    '',
    'config:',
    '  clusters:',
    `    ${toScalar(cluster)}:`,
    ...hosts.flatMap((host, index) => (index === 0 ? renderHost(host) : ['', ...renderHost(host)])),
    '',
    '# Which profile a file gets when the command line names none; the first rule that matches wins. "encode profiles" lists them all.',
    'rules:',
    '  already hevc:',
    '    profile: SKIP               # leaves the file alone',
    '    criteria:',
    '      vcodec: hevc',
    '  already av1:',
    '    profile: SKIP',
    '    criteria:',
    '      vcodec: av1',
    '  everything else:',
    '    profile: hevc',
  ]
  return `${lines.join('\n')}\n`
}

const MAX_COMMENT = 110

function renderHost({ name, address, port, user, notes, found }: FirstHost): readonly string[] {
  const access = [
    ...(address === undefined ? [] : [`address: ${toScalar(address)}`]),
    ...(port === undefined ? [] : [`port: ${port}`]),
    ...(user === undefined ? [] : [`user: ${toScalar(user)}`]),
  ]
  const comments = notes.flatMap((note) => wrapComment(note)).map((line) => `      # ${line}`)
  if (found === undefined) {
    const lines = [`${toScalar(name)}:`, ...(access.length === 0 ? ['type: streaming'] : access).map((line) => `  ${line}`)]
    return [...comments, ...lines.map((line) => `      # ${line}`)]
  }
  const { type, typeReason, substitution, slots, slotsReason } = found
  const settings = [
    ...access,
    ...withReason(`type: ${type}`, typeReason),
    ...(substitution === undefined
      ? []
      : ['path-substitutions:', `  - [${toQuoted(toFolder(substitution.from))}, ${toQuoted(toFolder(substitution.to))}]`]),
    'queues:',
    ...withReason(`  _default: ${slots}`, slotsReason),
  ]
  return [...comments, `      ${toScalar(name)}:`, ...settings.map((line) => `        ${line}`)]
}

/** Behind the setting where there is room, else above it. */
function withReason(setting: string, reason: string): readonly string[] {
  const text = toCommentText(reason)
  const indent = /^ */.exec(setting)?.[0] ?? ''
  if (setting.length + text.length < MAX_COMMENT - 10) return [`${setting.padEnd(20)}  # ${text}`]
  return [...wrapComment(text).map((line) => `${indent}# ${line}`), setting]
}

function wrapComment(text: string): readonly string[] {
  const lines: string[] = []
  for (const word of toCommentText(text).split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < MAX_COMMENT) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** A comment ends with its line: nothing that any reader takes for the end of one is left in it. */
function toCommentText(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\uFEFF]/gu, ' ').toWellFormed()
}

/** Plain where YAML reads it as this very text, else quoted. */
function toScalar(text: string): string {
  const isWord = /^[A-Za-z][A-Za-z0-9_.-]*$/.test(text) && !/^(?:y|yes|n|no|on|off|true|false|null|nan|inf)$/i.test(text)
  return isWord ? text : toQuoted(text)
}

/** JSON's strings are YAML's, but for a few characters that YAML wants escaped. */
function toQuoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[\u007f-\u009f\u2028\u2029\uFEFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function toFolder(path: string): string {
  return /[/\\]$/.test(path) ? path : `${path}${/^[A-Za-z]:|^\\\\/.test(path) ? '\\' : '/'}`
}

function toShellWord(text: string): string {
  const plain = toCommentText(text)
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`
}
