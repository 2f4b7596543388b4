/** Lines of a queue file as targets; those that can be no path as failures. */

import type { QueueEntry } from '../../ledger/queue-line.ts'
import type { PlannedFile } from '../../plan/planned-file.ts'
import type { Target } from '../../plan/target.ts'
import type { RunRequest } from '../run-request.ts'

type QueueRequest = Pick<RunRequest, 'queueFile' | 'queueTarget'>

export function toTargets(paths: Iterable<string>, request: QueueRequest): readonly Target[] {
  return [...paths].map((path) => toTarget(path, request))
}

/** Each path once. */
export function toQueueTargets(entries: readonly QueueEntry[], request: QueueRequest): readonly Target[] {
  return toTargets(new Set(entries.filter(({ kind }) => kind === 'path').map(({ path }) => path)), request)
}

export function toRefusedFiles(entries: readonly QueueEntry[], request: QueueRequest): readonly PlannedFile[] {
  return entries.flatMap((entry) =>
    entry.kind === 'refused' ? [{ kind: 'failed', target: toTarget(entry.path, request), file: entry.path, reason: entry.reason }] : [],
  )
}

function toTarget(path: string, request: QueueRequest): Target {
  return { path, ...request.queueTarget, queueFile: request.queueFile }
}
