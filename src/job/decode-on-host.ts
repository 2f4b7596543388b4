/**
 * The verify stage of level `full`: the host that made a result decodes all of it before it is brought back. That the bytes arrive as
 * they are there is for the size, and for `verify.ts`.
 */

import { EncodeError } from '../core/errors.ts'
import { createLineSplitter } from '../core/lines.ts'
import { toNice } from '../host/facts/small-machine.ts'
import {
  createComplaintCollector,
  type DecodeComplaints,
  decodeArguments,
  describeComplaints,
  withoutSourceFaults,
} from '../media/decode-complaints.ts'
import { describeFfmpegFailure } from '../media/describe-ffmpeg-failure.ts'
import { encodePercent } from '../media/encode-percent.ts'
import { listCopied } from '../media/expect-picture.ts'
import { createProgressParser } from '../media/progress-parser.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import type { JobContext } from './job-context.ts'

/** An ffmpeg that encodes what it cannot decode: nothing can be said of its result by decoding it there. */
const NO_DECODER = /no decoder found for|Decoder \([^)]*\) not found|hardware accelerated AV1 decoding/i

export type DecodeContext = Pick<JobContext, 'plan' | 'host' | 'facts' | 'signal' | 'onProgress' | 'onWarning'>

/** Rejects with RESULT_NOT_WHOLE in ffmpeg's words. */
export async function decodeOnHost(context: DecodeContext, route: Pick<MediaRoute, 'hostSource' | 'hostResult'>): Promise<void> {
  const { plan, host, onWarning } = context
  const result = await decode(context, route.hostResult)
  if (result.lacksDecoder) {
    onWarning(`${plan.source.path}: host "${host.config.name}" cannot decode what it has encoded: the result was not decoded as a whole`)
    return
  }
  let { complaints } = result
  if (complaints.lines.size > 0 && listCopied(plan.arguments).size > 0) {
    complaints = withoutSourceFaults(complaints, (await decode(context, route.hostSource)).complaints, listCopiedCodecs(context))
  }
  const reason = describeComplaints(complaints) ?? result.failure
  if (reason === undefined) return
  throw new EncodeError('RESULT_NOT_WHOLE', `The result is not whole: ${reason}`, {
    hint: 'It was thrown away; the source is untouched',
  })
}

function listCopiedCodecs({ plan: { source, arguments: args } }: DecodeContext): ReadonlySet<string> {
  const kinds: ReadonlySet<string> = listCopied(args)
  return new Set(source.streams.filter(({ kind }) => kinds.has(kind)).map(({ codec }) => codec))
}

interface Decoded {
  readonly complaints: DecodeComplaints
  /** A clause, where ffmpeg gave up. */
  readonly failure: string | undefined
  readonly lacksDecoder: boolean
}

async function decode({ plan, host, facts, signal, onProgress }: DecodeContext, hostPath: string): Promise<Decoded> {
  const collector = createComplaintCollector()
  let lacksDecoder = false
  const stderr = createLineSplitter((line) => {
    if (NO_DECODER.test(line)) lacksDecoder = true
    collector.add(line)
  })
  const progress = createProgressParser((report) => {
    const percent = encodePercent(report, plan.source.durationSeconds)
    onProgress('verify', {
      percent: percent === undefined ? null : Math.round(percent * 10) / 10,
      fps: report.fps,
      speed: report.speed,
      etaSeconds:
        percent === undefined || report.speed <= 0 ? null : Math.round((plan.source.durationSeconds - report.outSeconds) / report.speed),
      sizeBytes: null,
      savedPercent: null,
    })
  })
  const argv = [facts.ffmpegPath, '-nostdin', '-hide_banner', '-nostats', '-progress', 'pipe:1', ...decodeArguments(hostPath)]
  const ended = await host.run(argv, {
    signal,
    onStdout: (chunk) => progress.push(chunk),
    onStderr: (chunk) => stderr.push(chunk),
    env: { ...host.config.env, AV_LOG_FORCE_NOCOLOR: '1' },
    nice: toNice(host.config, facts),
    keepsAwake: true,
  })
  progress.end()
  stderr.end()
  const failure = ended.status === 0 ? undefined : `it cannot be decoded: ${describeFfmpegFailure(ended.stderr, ended.status)}`
  return { complaints: collector.complaints, failure, lacksDecoder }
}
