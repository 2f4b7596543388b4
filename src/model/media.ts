/** What ffprobe says of a file, and what `-progress` says of an encode. */

export type StreamKind = 'video' | 'audio' | 'subtitle' | 'data' | 'attachment'

/** A point of the CIE 1931 diagram. */
export type Chromaticity = readonly [x: number, y: number]

/** SMPTE ST 2086: the display on which an HDR picture was graded. */
export interface MasteringDisplay {
  readonly red: Chromaticity
  readonly green: Chromaticity
  readonly blue: Chromaticity
  readonly white: Chromaticity
  readonly minNits: number
  readonly maxNits: number
}

/** CTA-861.3. */
export interface ContentLight {
  /** Brightest pixel, MaxCLL. */
  readonly maxNits: number
  /** Brightest frame on average, MaxFALL. */
  readonly maxAverageNits: number
}

export interface MediaStream {
  /** Absolute index in the file, as in `-map 0:INDEX`. */
  readonly index: number
  readonly kind: StreamKind
  readonly codec: string
  /** ISO 639 language tag as written in the file; `und` where it has none. */
  readonly language: string
  readonly isDefault: boolean
  /** A picture that is stored as a video stream (cover art, thumbnail). */
  readonly isAttachedPicture: boolean
  /** Of one picture, as its header says. */
  readonly isStill?: boolean
  readonly width?: number
  readonly height?: number
  /** Frames per second (r_frame_rate), unrounded. */
  readonly fps?: number
  readonly pixelFormat?: string
  /** As ffprobe and ffmpeg name them: `bt2020`, `smpte2084`, `bt2020nc`. */
  readonly colorPrimaries?: string
  readonly colorTransfer?: string
  readonly colorSpace?: string
  readonly masteringDisplay?: MasteringDisplay
  readonly contentLight?: ContentLight
  /** `masteringDisplay` and `contentLight` stand in the frames alone. What stands in a header ffmpeg hands on by itself. */
  readonly isHdrInFramesOnly?: boolean
  /** Frames carry HDR10+ metadata. Told by the first frame alone. */
  readonly hasHdr10Plus?: boolean
  /** Profile of the Dolby Vision configuration record: 5, 7, 8… */
  readonly dolbyVisionProfile?: number
  /** How far a player turns the picture, counterclockwise, as ffprobe gives it; missing where it does not. */
  readonly rotationDegrees?: number
  /** Of attachments, and of pictures that Matroska keeps as attachments. */
  readonly fileName?: string
  readonly mimeType?: string
  readonly channels?: number
  readonly durationSeconds?: number
}

export interface MediaInfo {
  /** Absolute path on the controller. */
  readonly path: string
  readonly sizeBytes: number
  /** Modification time, milliseconds since 1970 (whole or fraction, as stat gives it). */
  readonly mtimeMs: number
  /** ffprobe's names of the container, comma separated: `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string
  /** Length of the whole file; 0 where nobody knows. */
  readonly durationSeconds: number
  /** Time stamp of the first packet (format start_time), where it is not 0: a transport stream begins anywhere. */
  readonly startSeconds?: number
  readonly streams: readonly MediaStream[]
}

/** One report of ffmpeg's `-progress`. */
export interface EncodeProgress {
  readonly frame: number
  readonly fps: number
  /** Seconds of media encoded a second; 0 where ffmpeg says N/A. */
  readonly speed: number
  readonly sizeBytes: number
  /** Media time that is done, in seconds. */
  readonly outSeconds: number
  readonly isEnd: boolean
}

/** What a result must hold to be whole; derived from the source and the arguments. */
export interface ResultExpectation {
  /** Length the result must have within 1 % or 0.5 s; undefined where the arguments change it (`-t`, `-ss`, `setpts`…). */
  readonly durationSeconds: number | undefined
  /** How long the last picture may be shown, of which some containers know nothing. */
  readonly frameSeconds?: number
  /** Least number of streams of each kind. */
  readonly streams: Readonly<Record<'video' | 'audio' | 'subtitle', number>>
}
