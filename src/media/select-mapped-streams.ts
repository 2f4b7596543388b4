/**
 * `-map` options → the streams of the source that they take. https://ffmpeg.org/ffmpeg.html#Advanced-options
 * and #Stream-specifiers. Forms that nothing certain can be said of (filter labels, other inputs, programs) take nothing here.
 */

import type { MediaInfo, MediaStream } from '../model/media.ts'

const KIND_LETTERS: Readonly<Record<string, (stream: MediaStream) => boolean>> = {
  v: (stream) => stream.kind === 'video',
  V: (stream) => stream.kind === 'video' && !stream.isAttachedPicture,
  a: (stream) => stream.kind === 'audio',
  s: (stream) => stream.kind === 'subtitle',
  d: (stream) => stream.kind === 'data',
  t: (stream) => stream.kind === 'attachment',
}

/**
 * @param maps the values of `-map`, in their order.
 * @param inputIndex which input of the command the source is.
 * @returns each taken stream once.
 */
export function selectMappedStreams(source: MediaInfo, maps: readonly string[], inputIndex: number): readonly MediaStream[] {
  let taken: readonly MediaStream[] = []
  for (const map of maps) {
    const isNegative = map.startsWith('-')
    const streams = selectStreams(source, isNegative ? map.slice(1) : map, inputIndex)
    if (isNegative) taken = streams === undefined ? [] : taken.filter((stream) => !streams.includes(stream))
    else taken = [...taken, ...(streams ?? []).filter((stream) => !taken.includes(stream))]
  }
  return taken
}

/** Undefined where it is not certain which streams are meant. */
function selectStreams(source: MediaInfo, map: string, inputIndex: number): readonly MediaStream[] | undefined {
  const [, file, specifier] = /^(\d+)(?::([^,]*))?$/.exec(map.replace(/\?$/, '')) ?? []
  if (file === undefined) return undefined
  if (Number(file) !== inputIndex) return []
  if (specifier !== undefined && /^\d+$/.test(specifier)) return source.streams.filter((stream) => stream.index === Number(specifier))
  return selectBySpecifier(source.streams, specifier === undefined ? [] : specifier.split(':'))
}

/** A number at the end counts among the streams that the parts before it have left. */
function selectBySpecifier(streams: readonly MediaStream[], parts: readonly string[]): readonly MediaStream[] | undefined {
  const [part, ...rest] = parts
  if (part === undefined) return streams
  if (/^\d+$/.test(part)) {
    const stream = rest.length === 0 ? streams[Number(part)] : undefined
    return rest.length > 0 ? undefined : stream === undefined ? [] : [stream]
  }
  const isOfKind = KIND_LETTERS[part]
  if (isOfKind !== undefined) return selectBySpecifier(streams.filter(isOfKind), rest)
  if (part === 'm' && rest[0] === 'language' && rest[1] !== undefined && rest.length === 2) {
    return streams.filter((stream) => stream.language === rest[1])
  }
  return undefined
}
