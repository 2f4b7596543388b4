/**
 * HDR metadata that only the picture itself carries. Many files (transport streams, what ffmpeg 5 has remuxed) have no copy of it in
 * their headers, so that ffprobe's `-show_streams` is silent: then the first frame is decoded and asked.
 */

import type { MediaInfo, MediaStream } from '../model/media.ts'
import { parseJsonObject, toObject, toObjects } from './json-object.ts'
import { parseSideData, type SideDataFacts } from './parse-side-data.ts'
import { toFfmpegInput } from './probe-arguments.ts'

/** The stream whose first frame is worth a look: HDR10 by its tags, without the data that belong to it. */
export function findFirstFrameStream({ streams }: MediaInfo): MediaStream | undefined {
  return streams.find((stream) => stream.kind === 'video' && !stream.isAttachedPicture && stream.colorTransfer === 'smpte2084')
}

/** Arguments for ffprobe, the program's name left out. Some packets are read, since a recording may begin in the middle of a picture. */
export function firstFrameArguments(path: string, { index }: MediaStream): readonly string[] {
  const entries = ['-show_frames', '-read_intervals', '%+#8', '-show_entries', 'frame=side_data_list:frame_side_data']
  return ['-v', 'error', '-of', 'json', '-select_streams', String(index), ...entries, '-i', toFfmpegInput(path)]
}

/** The same facts, and those of ffprobe's answer that the stream lacks. An answer that cannot be read adds nothing. */
export function withFirstFrame(media: MediaInfo, { index }: MediaStream, json: string): MediaInfo {
  const frames = toObjects(toObject(parseJsonObject(json)).frames).map((frame) => parseSideData(frame.side_data_list))
  const { rotationDegrees: _, ...hdr } = frames.find((facts) => facts.masteringDisplay ?? facts.contentLight) ?? frames[0] ?? {}
  return { ...media, streams: media.streams.map((stream) => (stream.index === index ? withFacts(stream, hdr) : stream)) }
}

function withFacts(stream: MediaStream, facts: SideDataFacts): MediaStream {
  const isSilent = stream.masteringDisplay === undefined && stream.contentLight === undefined
  const isTold = facts.masteringDisplay !== undefined || facts.contentLight !== undefined
  return { ...facts, ...stream, ...(isSilent && isTold ? { isHdrInFramesOnly: true } : {}) }
}
