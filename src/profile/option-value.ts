/** What a list of ffmpeg arguments says of one setting. */

export type KindLetter = 'v' | 'a' | 's'

const OLD_CODEC_OPTIONS = { v: '-vcodec', a: '-acodec', s: '-scodec' } as const

/** The codec of all streams of a kind: `copy`, or an encoder. As in ffmpeg the last one said holds, be it said of all kinds. */
export function codecOf(options: readonly string[], kind: KindLetter): string | undefined {
  return lastValueOf(options, [`-c:${kind}`, `-codec:${kind}`, OLD_CODEC_OPTIONS[kind], '-c', '-codec'])
}

/** True where single streams of a kind are spoken of: `-c:s:1 srt`. Then nobody else shall. */
export function isCodecNamedByStream(options: readonly string[], kind: KindLetter): boolean {
  return options.some((option) => option.startsWith(`-c:${kind}:`) || option.startsWith(`-codec:${kind}:`))
}

export function lastValueOf(options: readonly string[], names: readonly string[]): string | undefined {
  const at = options.findLastIndex((option) => names.includes(option))
  return at === -1 ? undefined : options[at + 1]
}
