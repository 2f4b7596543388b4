/** `~`, `%` tokens and `${VARIABLE}` in paths of OpenSSH's client configuration. */

import { join, resolve } from 'node:path'

export function expandTokens(text: string, tokens: Readonly<Record<string, string>>): string {
  return text.replace(/%./g, (token) => (token === '%%' ? '%' : (tokens[token] ?? token)))
}

export function expandPath(
  path: string,
  around: { readonly homeFolder: string; readonly env: Readonly<Record<string, string | undefined>> },
  tokens: Readonly<Record<string, string>>,
): string {
  const expanded = expandTokens(path, tokens).replace(/\$\{(\w+)\}/g, (variable, name: string) => around.env[name] ?? variable)
  return expanded === '~' || expanded.startsWith('~/') ? join(around.homeFolder, expanded.slice(1)) : resolve(expanded)
}
