/**
 * Controller path → host path by `path-substitutions`: at folder boundaries, the longest match first.
 * Either side may be in Windows form (`z:\media\`): what follows is turned to the host's separators. Windows tells no letter case.
 */

import type { PathSubstitution } from '../model/config.ts'

/** The path as the host sees it; the path itself where no substitution matches. */
export function mapPath(controllerPath: string, substitutions: readonly PathSubstitution[]): string {
  let best: PathSubstitution | undefined
  for (const substitution of substitutions) {
    if (!isBelow(toComparable(controllerPath), toComparable(trimEnd(substitution.from)))) continue
    if (best === undefined || trimEnd(substitution.from).length > trimEnd(best.from).length) best = substitution
  }
  if (best === undefined) return controllerPath
  const rest = controllerPath.slice(trimEnd(best.from).length).replace(/^[/\\]+/, '')
  return join(best.to, isWindowsPath(controllerPath) ? rest.replaceAll('\\', '/') : rest)
}

function isBelow(path: string, folder: string): boolean {
  if (!path.startsWith(folder)) return false
  const next = path.charAt(folder.length)
  return next === '' || next === '/' || next === '\\'
}

/** Of the same length. */
function toComparable(path: string): string {
  if (!isWindowsPath(path)) return path
  const folded = path.toLowerCase()
  return (folded.length === path.length ? folded : path).replaceAll('/', '\\')
}

function join(folder: string, rest: string): string {
  const isWindows = isWindowsPath(folder)
  const separator = isWindows ? '\\' : '/'
  const tail = isWindows ? rest.replaceAll('/', '\\') : rest
  if (tail === '') return folder
  // `m:Video\` is a folder relative to the drive's current one, as pytranscoder's users write it: nothing is put after the colon.
  return /[/\\]$/.test(folder) ? `${folder}${tail}` : `${folder}${separator}${tail}`
}

/** A drive letter or a UNC share in front. */
export function isWindowsPath(path: string): boolean {
  return /^[A-Za-z]:/.test(path) || path.startsWith('\\\\')
}

function trimEnd(folder: string): string {
  return folder.replace(/[/\\]+$/, '')
}
