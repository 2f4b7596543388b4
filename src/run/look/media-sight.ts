/** Does a host see the controller's media, as the very same files, and may it write beside them? */

import { dirname } from 'node:path'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { toVisible } from '../../core/text.ts'
import type { Host } from '../../host/host.ts'
import type { HostProblem, MediaSight } from '../../model/host-report.ts'
import { mapPath } from '../../transfer/map-path.ts'
import { findMountedSource } from '../../transfer/mounted-route.ts'
import type { MediaSample } from './media-sample.ts'

export interface Sight extends MediaSight {
  readonly problem: HostProblem | undefined
}

/** What of a host is needed to look for files there. */
export type Onlooker = Pick<Host, 'config' | 'statFile' | 'run' | 'canWriteFile'>

/** A mount that hangs there is not waited for. */
const PATIENCE_MS = 15_000

/** Rejects only with the signal's reason. */
export async function checkSight(host: Onlooker, sample: MediaSample, signal: AbortSignal): Promise<Sight> {
  const { path } = sample
  const { name, pathSubstitutions } = host.config
  const hostPath = mapPath(path, pathSubstitutions)
  if (sample.kind === 'missing') {
    return {
      path,
      hostPath,
      isSeen: undefined,
      problem: {
        code: 'SOURCE_MISSING',
        isFatal: false,
        message: `"${toVisible(path)}" ${sample.reason} on this machine, so nobody can tell whether host "${name}" sees it`,
        cure: `Check the mount on this machine, or correct "path-substitutions" of host "${name}"`,
      },
    }
  }
  const patience = AbortSignal.timeout(PATIENCE_MS)
  const either = AbortSignal.any([signal, patience])
  try {
    if (sample.kind === 'file') await findMountedSource(host, sample, either)
    else await findMountedFolder(host, hostPath, either)
    const problem = await checkWritable(host, sample, hostPath, either)
    return { path, hostPath, isSeen: true, problem }
  } catch (error) {
    signal.throwIfAborted()
    return { path, hostPath, isSeen: patience.aborted ? undefined : false, problem: toProblem(name, hostPath, error, patience.aborted) }
  }
}

async function findMountedFolder(host: Onlooker, hostFolder: string, signal: AbortSignal): Promise<void> {
  const seen = await host.statFile(hostFolder, signal)
  if (seen?.kind === 'folder') return
  const found = seen === undefined ? 'is not there' : 'is no folder'
  throw new EncodeError('HOST_SEES_NO_MEDIA', `Host "${host.config.name}" does not see the media: "${toVisible(hostFolder)}" ${found}`, {
    hint: 'Check the mount and "path-substitutions" of this host, or set "type: streaming"',
  })
}

/** A mount may be read-only; results are written beside their sources. */
async function checkWritable(
  host: Onlooker,
  { kind }: MediaSample,
  hostPath: string,
  signal: AbortSignal,
): Promise<HostProblem | undefined> {
  let where = hostPath
  if (host.canWriteFile === undefined) {
    if (kind === 'file') where = dirname(hostPath)
    const { status } = await host.run(['/bin/sh', '-c', 'test -w "$1"', 'sh', where], { signal })
    if (status === 0) return undefined
  } else if (kind !== 'file' || (await host.canWriteFile(hostPath, signal)) !== false) {
    return undefined
  }
  return {
    code: 'MEDIA_READ_ONLY',
    isFatal: false,
    message: `Host "${host.config.name}" sees the media but cannot write to "${toVisible(where)}"`,
    cure: 'Mount it writable there, or set "type: streaming", or use -o with a folder that the host does not see',
  }
}

function toProblem(name: string, hostPath: string, error: unknown, isTimeout: boolean): HostProblem {
  if (isTimeout) {
    return {
      code: 'HOST_SEES_NO_MEDIA',
      isFatal: true,
      message: `Host "${name}" does not say within ${PATIENCE_MS / 1000} s whether it sees "${toVisible(hostPath)}"`,
      cure: 'Its mount hangs: mount it anew there, or look after the machine that it comes from',
    }
  }
  if (!isEncodeError(error)) throw error
  return { code: error.code, isFatal: true, message: error.message, cure: error.hint }
}
