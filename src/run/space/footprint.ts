/** Which bytes of a job fall where, by the route that its media takes. */

import type { HostType } from '../../model/config.ts'
import type { Need } from './space-book.ts'

export interface FootprintRequest {
  readonly type: HostType
  readonly sourceBytes: number
  /** As expected. */
  readonly resultBytes: number
  readonly resultPlace: Site
  /** The host's working folder; for this machine its folder for work files, if it has one. */
  readonly workPlace: Site | undefined
  /** A mounted host writes the result where it stays, if it sees that folder. */
  readonly seesResultFolder: boolean
}

export interface Site {
  /** The filesystem. */
  readonly place: string
  readonly keepFreeBytes: number
}

/** The source stays until the result stands: nothing of it is free before. */
export function toFootprint(request: FootprintRequest): readonly Need[] {
  const { type, sourceBytes, resultBytes, resultPlace, workPlace, seesResultFolder } = request
  const isWrittenInPlace = workPlace === undefined || (type === 'mounted' && seesResultFolder)
  if (isWrittenInPlace) return [{ ...resultPlace, what: 'result', stage: 'encode', bytes: resultBytes }]
  return [
    ...(type === 'streaming' ? [{ ...workPlace, what: 'source', stage: 'fetch', bytes: sourceBytes } as const] : []),
    { ...workPlace, what: 'result', stage: 'encode', bytes: resultBytes },
    { ...resultPlace, what: 'result', stage: 'return', bytes: resultBytes },
  ]
}
