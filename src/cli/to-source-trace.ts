/**
 * A stack trace in the files and lines of `src/`, for whoever reads it. Node does the same for all traces when it is told to, and then reads
 * the maps at every start.
 */

import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapping } from 'node:module'
import { fileURLToPath } from 'node:url'

const PLACE = /(file:\/\/[^\s()]+\.js):(\d+):(\d+)/g

/** Places without a map beside their file stay as they are. */
export function toSourceTrace(trace: string): string {
  const maps = new Map<string, SourceMap | undefined>()
  return trace.replaceAll(PLACE, (place, file: string, line: string, column: string) => {
    if (!maps.has(file)) maps.set(file, loadMap(file))
    const found = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1)
    if (found === undefined || !isMapping(found)) return place
    return `${found.originalSource.replace(/^(?:\.\.\/)+/, '')}:${found.originalLine + 1}:${found.originalColumn + 1}`
  })
}

function loadMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(file)}.map`, 'utf8')))
  } catch {
    return undefined
  }
}

function isMapping(found: SourceMapping | object): found is SourceMapping {
  return 'originalSource' in found
}
