/**
 * ffmpeg decodes a file from end to end and says what is wrong with it, a line an error: ` [h264 @ 0x55d1] error while decoding MB 12 3`.
 * Whoever speaks stands in front: a decoder, a container's reader, or ffmpeg itself. Kept are the count of lines of each speaker
 * and the first words, whatever the number of lines.
 */

import { toPlainLine } from '../core/text.ts'
import { toFfmpegInput } from './probe-arguments.ts'

export interface DecodeComplaints {
  /** Lines by who speaks: `h264`, `matroska,webm`, `ffmpeg`. */
  readonly lines: ReadonlyMap<string, number>
  /** The first of each. */
  readonly words: ReadonlyMap<string, string>
}

/**
 * Said of files that are whole. The null muxer wants times that grow: of a picture shown twice, or a time base too coarse, it complains,
 * and nothing is written by it anyway.
 */
const NOT_OF_THE_FILE = /^\[(?:out#\d+\/)?null @|^\s*Last message repeated|non monotonically increasing dts/

/** `[h264 @ 0x55d1] `; since ffmpeg 6 also `[vist#0:0/h264 @ 0x55d1] [dec:h264 @ 0x55d2] `. */
const SPEAKER = /^\[(?:[a-z]+#\d+(?::\d+)?\/)?([^\]@]+?) @ (?:0x)?[0-9a-f]+\]\s*(?:\[[^\]@]+ @ (?:0x)?[0-9a-f]+\]\s*)*(.*)$/i

/** What has no name of its own: ffmpeg repeats what a decoder has said, a parser (`NULL`) says it before the decoder. */
const ECHOES: ReadonlySet<string> = new Set(['ffmpeg', 'NULL'])

/** Lines of one fault may be told in other numbers in another container, and by decoders on several threads. */
const MORE_LINES = { ratio: 1.25, least: 3 } as const

/** Decoders that are not named as their codec is. */
const CODEC_OF_DECODER: Readonly<Record<string, string>> = { dca: 'dts', dav1d: 'av1', aom: 'av1' }

/** Decodes every film and every sound of a file, covers left out, and throws it away. */
export function decodeArguments(path: string): readonly string[] {
  return ['-v', 'error', '-i', toFfmpegInput(path), '-map', '0:V?', '-map', '0:a?', '-f', 'null', '-']
}

export interface ComplaintCollector {
  /** A line of standard error. */
  add(line: string): void
  readonly complaints: DecodeComplaints
}

export function createComplaintCollector(): ComplaintCollector {
  const lines = new Map<string, number>()
  const words = new Map<string, string>()
  return {
    complaints: { lines, words },
    add(line) {
      if (line.trim() === '' || NOT_OF_THE_FILE.test(line)) return
      const [, speaker = 'ffmpeg', said = line] = SPEAKER.exec(line) ?? []
      lines.set(speaker, (lines.get(speaker) ?? 0) + 1)
      if (!words.has(speaker)) words.set(speaker, toPlainLine(said))
    },
  }
}

/**
 * What of the result's complaints is the result's own: a stream that was copied bit by bit brings its faults from the source.
 * @param copiedCodecs codecs of the source's streams that were copied.
 */
export function withoutSourceFaults(
  result: DecodeComplaints,
  source: DecodeComplaints,
  copiedCodecs: ReadonlySet<string>,
): DecodeComplaints {
  const isOfSource = (speaker: string, count: number): boolean => {
    const before = source.lines.get(speaker) ?? 0
    return before > 0 && copiedCodecs.has(toCodec(speaker)) && count <= Math.max(before * MORE_LINES.ratio, before + MORE_LINES.least)
  }
  const own = [...result.lines].filter(([speaker, count]) => !ECHOES.has(speaker) && !isOfSource(speaker, count))
  const isEchoOfSource = own.length === 0 && source.lines.size > 0
  const kept = new Set(isEchoOfSource ? [] : [...own.map(([speaker]) => speaker), ...ECHOES])
  return {
    lines: new Map([...result.lines].filter(([speaker]) => kept.has(speaker))),
    words: new Map([...result.words].filter(([speaker]) => kept.has(speaker))),
  }
}

/** `mp3float` → `mp3`, `libopus` → `opus`. */
function toCodec(decoder: string): string {
  const name = decoder.replace(/^lib/, '').replace(/(?:float|_fixed|_at)$/, '')
  return CODEC_OF_DECODER[name] ?? name
}

/** One clause; undefined where there is nothing to say. */
export function describeComplaints({ lines, words }: DecodeComplaints): string | undefined {
  const count = [...lines.values()].reduce((sum, value) => sum + value, 0)
  if (count === 0) return undefined
  const said = [...words].slice(0, 2).map(([speaker, text]) => (speaker === 'ffmpeg' ? text : `${speaker}: ${text}`))
  return `it does not decode without errors (${said.join('; ')}${count > said.length ? `; ${count} lines of errors` : ''})`
}
