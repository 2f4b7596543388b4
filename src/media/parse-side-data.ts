/**
 * ffprobe's `side_data_list` of a stream or frame → HDR10, Dolby Vision and rotation facts.
 * Names as in ffmpeg's libavutil/frame.c and libavcodec/avpacket.c, the same from ffmpeg 4 to 7 but for "Display Matrix".
 */

import type { ContentLight, MasteringDisplay, MediaStream } from '../model/media.ts'
import { type JsonObject, toFraction, toNumber, toObjects, toText, withoutUndefined } from './json-object.ts'

export type SideDataFacts = Pick<
  MediaStream,
  'masteringDisplay' | 'contentLight' | 'hasHdr10Plus' | 'dolbyVisionProfile' | 'rotationDegrees'
>

/** Facts that are not there are left out. */
export function parseSideData(list: unknown): SideDataFacts {
  const entries = toObjects(list)
  const find = (name: RegExp) => entries.find((entry) => name.test(toText(entry.side_data_type) ?? ''))
  const mastering = find(/^Mastering display metadata/)
  const light = find(/^Content light level metadata/)
  const rotation = toNumber(find(/^Display ?Matrix/)?.rotation)
  return withoutUndefined({
    masteringDisplay: mastering === undefined ? undefined : toMasteringDisplay(mastering),
    contentLight: light === undefined ? undefined : toContentLight(light),
    hasHdr10Plus: find(/2094-40|HDR10\+/) === undefined ? undefined : true,
    dolbyVisionProfile: toNumber(find(/^DOVI configuration record/)?.dv_profile),
    rotationDegrees: rotation === 0 ? undefined : rotation,
  })
}

function toMasteringDisplay(entry: JsonObject): MasteringDisplay | undefined {
  const numbers = ['red', 'green', 'blue', 'white_point'].flatMap((point) => [
    toFraction(entry[`${point}_x`]),
    toFraction(entry[`${point}_y`]),
  ])
  const minNits = toFraction(entry.min_luminance)
  const maxNits = toFraction(entry.max_luminance)
  const [rx, ry, gx, gy, bx, by, wx, wy] = numbers.filter((number) => number !== undefined)
  // One that is missing moves the others up, so that the last one is missing then.
  if (rx === undefined || ry === undefined || gx === undefined || gy === undefined || bx === undefined || by === undefined) return undefined
  if (wx === undefined || wy === undefined || minNits === undefined || maxNits === undefined || maxNits <= 0) return undefined
  return { red: [rx, ry], green: [gx, gy], blue: [bx, by], white: [wx, wy], minNits, maxNits }
}

function toContentLight(entry: JsonObject): ContentLight | undefined {
  const maxNits = toNumber(entry.max_content)
  const maxAverageNits = toNumber(entry.max_average)
  return maxNits === undefined || maxAverageNits === undefined ? undefined : { maxNits, maxAverageNits }
}
