/** Which codecs can this ffprobe decode? Asked only where nothing of a stream could be decoded. */

export const DECODERS_ARGUMENTS: readonly string[] = ['-v', 'error', '-decoders']

/** Decoders that need a device which may not be there; ffmpeg's own `av1` is one of them. */
const NEEDS_DEVICE = /^av1$|_(?:cuvid|qsv|v4l2m2m|mediacodec|amf|mmal|rkmpp|omx|crystalhd)$/

/** @param listing what `-decoders` prints: ` VFS..D h264   H.264 / AVC`, ` V....D libdav1d   dav1d AV1 decoder (codec av1)`. */
export function canDecode(listing: string, codec: string): boolean {
  return listing.split('\n').some((line) => {
    const [, name] = /^ [VASF.DX]{6} (\S+) /.exec(line) ?? []
    if (name === undefined || NEEDS_DEVICE.test(name)) return false
    return name === codec || line.trimEnd().endsWith(`(codec ${codec})`)
  })
}
