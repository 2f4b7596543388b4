/**
 * What a result's container can hold, as ffmpeg 5.1 to 7 write it (each line tried; test/profile/stream-safety.test.ts tries it again).
 * What ffmpeg can write but readers do not find again counts as not held: unknown streams in a transport stream become `bin_data`.
 */

import type { MediaStream } from '../model/media.ts'

export interface Container {
  /** For people. */
  readonly name: string
  /** With a dot, lower case. The first is the usual one. */
  readonly extensions: readonly string[]
  /** Values of `-f` that make it. */
  readonly formats: readonly string[]
  /** Has to be said by `-f`, where ffmpeg would make something else of the extension. */
  readonly formatToName?: string
  /** How H.264 and HEVC must be packed in a copy: with start codes, which other containers do not have. */
  readonly needsStartCodes?: boolean
  /** One audio stream and at most a cover: everything else of a film stays out. */
  readonly isAudioOnly: boolean
  /** Codecs of subtitles that can be copied into it. */
  readonly subtitles: ReadonlySet<string>
  /** Encoder that other text subtitles go through; undefined where it holds no text. */
  readonly textEncoder: string | undefined
  /** Codecs of cover pictures that can be copied into it. */
  readonly covers: ReadonlySet<string>
  /** Codecs of cover pictures that go in as attached files. */
  readonly attachedCovers?: ReadonlySet<string>
  /** Fonts and other attached files. */
  readonly holdsAttachments: boolean
  /** Remembers how a copied picture is turned. */
  readonly holdsRotation: boolean
  readonly holdsChapters: boolean
  /** True for audio codecs that can be copied into it. */
  readonly holdsAudio: (codec: string) => boolean
  /** Audio that it cannot hold becomes this. */
  readonly audioEncoding: (stream: MediaStream) => AudioEncoding
}

export interface AudioEncoding {
  readonly encoder: string
  /** Undefined for what needs none, or has a sensible one of its own. */
  readonly bitrateBps?: number
}

const NONE: ReadonlySet<string> = new Set()
const PICTURES = setOf('mjpeg png bmp')
const MP4_AUDIO = setOf('aac ac3 eac3 mp3 mp2 mp1 alac opus vorbis dts')
const LOSSLESS = /^(?:pcm_|s302m|truehd|mlp|flac|alac|wavpack|tta)/

const MATROSKA: Container = {
  name: 'Matroska',
  extensions: ['.mkv', '.mk3d'],
  formats: ['matroska'],
  isAudioOnly: false,
  subtitles: setOf('ass ssa subrip srt webvtt text hdmv_pgs_subtitle hdmv_text_subtitle dvd_subtitle dvb_subtitle'),
  textEncoder: 'srt',
  // Copied, a cover picture becomes one more film, of a single frame: Matroska holds covers as attached files.
  covers: NONE,
  attachedCovers: PICTURES,
  holdsAttachments: true,
  // From ffmpeg 7 on it does, but nobody knows here which ffmpeg will write it.
  holdsRotation: false,
  holdsChapters: true,
  holdsAudio: (codec) => !/^(?:pcm_bluray|pcm_dvd|s302m|adpcm_ima_qt|nellymoser)$/.test(codec),
  audioEncoding: (stream) => (LOSSLESS.test(stream.codec) ? { encoder: 'flac' } : toAac(stream)),
}

const MP4: Container = {
  name: 'MP4',
  extensions: ['.mp4'],
  formats: ['mp4', 'ipod'],
  isAudioOnly: false,
  subtitles: setOf('mov_text'),
  textEncoder: 'mov_text',
  covers: PICTURES,
  holdsAttachments: false,
  holdsRotation: true,
  holdsChapters: true,
  // FLAC and TrueHD are behind "-strict experimental".
  holdsAudio: (codec) => MP4_AUDIO.has(codec),
  audioEncoding: toAac,
}

/** ffmpeg makes the form of old iPods of it, which holds next to nothing, unless it is told otherwise. */
const M4V: Container = { ...MP4, extensions: ['.m4v'], formatToName: 'mp4' }

const MOV: Container = {
  ...MP4,
  name: 'QuickTime',
  extensions: ['.mov'],
  formats: ['mov'],
  covers: NONE,
  holdsAudio: (codec) => (MP4_AUDIO.has(codec) && codec !== 'opus') || /^(?:pcm_(?!bluray|dvd)|adpcm_ima_qt|qdm|mace|amr_)/.test(codec),
}

const WEBM: Container = {
  ...MATROSKA,
  name: 'WebM',
  extensions: ['.webm'],
  formats: ['webm'],
  subtitles: setOf('webvtt'),
  textEncoder: 'webvtt',
  holdsAttachments: false,
  holdsAudio: (codec) => codec === 'opus' || codec === 'vorbis',
  audioEncoding: toOpus,
}

const TRANSPORT_STREAM: Container = {
  name: 'MPEG-TS',
  extensions: ['.ts'],
  formats: ['mpegts'],
  isAudioOnly: false,
  subtitles: setOf('dvb_subtitle dvb_teletext'),
  textEncoder: undefined,
  covers: NONE,
  holdsAttachments: false,
  holdsRotation: false,
  holdsChapters: false,
  holdsAudio: (codec) => /^(?:aac|aac_latm|ac3|eac3|mp[123]|dts|truehd|opus|s302m)$/.test(codec),
  audioEncoding: toAac,
}

/** As Blu-ray discs have it: ffmpeg gives stream numbers by the disc's rules there. */
const DISC_STREAM: Container = {
  ...TRANSPORT_STREAM,
  name: 'M2TS',
  extensions: ['.m2ts', '.mts'],
  formats: ['mpegts'],
  subtitles: setOf('hdmv_pgs_subtitle'),
  holdsAudio: (codec) => /^(?:aac|ac3|eac3|mp[123]|dts|truehd|pcm_bluray)$/.test(codec),
  audioEncoding: toAc3,
}

const AVI: Container = {
  ...TRANSPORT_STREAM,
  name: 'AVI',
  needsStartCodes: true,
  extensions: ['.avi', '.divx'],
  formats: ['avi'],
  subtitles: NONE,
  holdsAudio: (codec) => /^(?:mp[23]|ac3|eac3|dts|aac|vorbis|wma.*|pcm_(?:u8|s16le|s24le|f32le|mulaw|alaw)|adpcm_ms)$/.test(codec),
  audioEncoding: toAc3,
}

const CONTAINERS: readonly Container[] = [
  MATROSKA,
  MP4,
  M4V,
  MOV,
  WEBM,
  TRANSPORT_STREAM,
  DISC_STREAM,
  AVI,
  audioOnly('Matroska', '.mka', 'matroska'),
  audioOnly('MP3', '.mp3', 'mp3', PICTURES),
  audioOnly('FLAC', '.flac', 'flac', PICTURES),
  audioOnly('MP4', '.m4a .m4b', 'ipod mp4', PICTURES),
  audioOnly('Opus', '.opus', 'opus ogg'),
  audioOnly('Ogg', '.ogg .oga .spx', 'ogg oga opus spx'),
  audioOnly('WAV', '.wav', 'wav w64'),
  audioOnly('AAC', '.aac', 'adts'),
  audioOnly('AC-3', '.ac3', 'ac3'),
  audioOnly('E-AC-3', '.eac3', 'eac3'),
  audioOnly('DTS', '.dts', 'dts'),
  audioOnly('AIFF', '.aiff .aif', 'aiff'),
  audioOnly('CAF', '.caf', 'caf'),
  audioOnly('Windows Media', '.wma', 'asf'),
  audioOnly('MPEG audio', '.mp2', 'mp2'),
  audioOnly('WavPack', '.wv', 'wv'),
  audioOnly('True Audio', '.tta', 'tta'),
]

const FORMATS: ReadonlySet<string> = new Set(CONTAINERS.flatMap(({ formats }) => formats))

/**
 * The container that ffmpeg will write: what `-f` names goes before the extension, whose letter case does not matter. Undefined where
 * nothing is known of it.
 */
export function findContainer(extension: string, format: string | undefined): Container | undefined {
  const byExtension = CONTAINERS.find(({ extensions }) => extensions.includes(extension.toLowerCase()))
  if (format === undefined || byExtension?.formats.includes(format) === true) return byExtension
  return CONTAINERS.find(({ formats }) => formats.includes(format))
}

/** True where `-f` and the extension are both known and do not belong together. */
export function isContradiction(extension: string, format: string): boolean {
  const container = findContainer(extension, undefined)
  return container !== undefined && FORMATS.has(format) && !container.formats.includes(format)
}

function audioOnly(name: string, extensions: string, formats: string, covers: ReadonlySet<string> = NONE): Container {
  return {
    ...TRANSPORT_STREAM,
    name,
    extensions: words(extensions),
    formats: words(formats),
    isAudioOnly: true,
    subtitles: NONE,
    covers,
    holdsAudio: () => true,
  }
}

/** So many bits a channel that nobody hears a difference to what it was made of. */
function toAac({ channels = 2 }: MediaStream): AudioEncoding {
  return { encoder: 'aac', bitrateBps: Math.max(2, channels) * 80_000 }
}

function toOpus({ channels = 2 }: MediaStream): AudioEncoding {
  return { encoder: 'libopus', bitrateBps: Math.max(2, channels) * 64_000 }
}

function toAc3({ channels = 2 }: MediaStream): AudioEncoding {
  return { encoder: 'ac3', bitrateBps: channels > 2 ? 448_000 : 192_000 }
}

function setOf(text: string): ReadonlySet<string> {
  return new Set(words(text))
}

function words(text: string): readonly string[] {
  return text.split(' ')
}
