/**
 * HDR10 through an encoder. ffmpeg itself hands on the colour tags, and the mastering data that stand in a header. Mastering data that only
 * the frames carry it drops before version 7.1, though players look for them in the frames; so they are told to the encoder, in parameters
 * of its own:
 * - https://x265.readthedocs.io/en/stable/cli.html#vui-video-usability-information-options
 * - https://gitlab.com/AOMediaCodec/SVT-AV1/-/blob/master/Docs/Parameters.md
 */

import type { Chromaticity, ContentLight, MasteringDisplay, MediaInfo, MediaStream } from '../model/media.ts'
import { codecOf, lastValueOf } from './option-value.ts'

export interface KeptHdr {
  readonly options: readonly string[]
  readonly warnings: readonly string[]
  /** Mastering data are lost, since this encoder cannot be told of them. */
  readonly losesMastering: boolean
}

const PIXEL_FORMAT_OPTIONS = ['-pix_fmt', '-pix_fmt:v']
const FILTER_OPTIONS = ['-vf', '-filter:v', '-filter_complex']

/** The same options where the film is not HDR, is copied, or is made SDR on purpose. */
export function keepHdr(options: readonly string[], media: MediaInfo): KeptHdr {
  const film = media.streams.find((stream) => stream.kind === 'video' && !stream.isAttachedPicture)
  const encoder = codecOf(options, 'v')
  const isSettled = encoder === undefined || encoder === 'copy' || options.includes('-vn') || isToneMapped(options)
  if (film === undefined || isSettled) return { options, warnings: [], losesMastering: false }
  const dynamic = describeDynamic(film)
  if (!isHdr(film)) return { options, warnings: dynamic, losesMastering: false }
  if (/h264|x264/.test(encoder)) {
    const warning = 'its HDR picture gets 8 bits only, which shows as bands; "hevc" and "av1" keep HDR'
    return { options, warnings: [warning, ...dynamic], losesMastering: false }
  }
  const set = PARAMETERS[encoder]
  if (set === undefined) {
    const isLost = film.isHdrInFramesOnly === true
    const warning = `its HDR10 mastering data may be lost: before ffmpeg 7.1 "${encoder}" is not told of them`
    return { options, warnings: [...(isLost ? [warning] : []), ...dynamic], losesMastering: isLost }
  }
  return { options: set(withTenBits(options), film), warnings: dynamic, losesMastering: false }
}

function isHdr({ colorTransfer }: MediaStream): boolean {
  return colorTransfer === 'smpte2084' || colorTransfer === 'arib-std-b67'
}

function isToneMapped(options: readonly string[]): boolean {
  return /tonemap|zscale|colorspace|libplacebo/.test(lastValueOf(options, FILTER_OPTIONS) ?? '')
}

function describeDynamic({ hasHdr10Plus, dolbyVisionProfile }: MediaStream): readonly string[] {
  return [
    ...(hasHdr10Plus === true ? ['its HDR10+ data are lost, and HDR10 is kept'] : []),
    ...(dolbyVisionProfile === undefined ? [] : ['its Dolby Vision data are lost, and the picture below them is kept']),
  ]
}

const PARAMETERS: Readonly<Record<string, (options: readonly string[], film: MediaStream) => readonly string[]>> = {
  libx265: (options, film) => addParameters(options, '-x265-params', toX265(film)),
  libsvtav1: (options, film) => addParameters(options, '-svtav1-params', toSvtAv1(film)),
}

function withTenBits(options: readonly string[]): readonly string[] {
  return lastValueOf(options, PIXEL_FORMAT_OPTIONS) === undefined ? [...options, '-pix_fmt', 'yuv420p10le'] : options
}

/** Chromaticities in steps of 0.00002, luminance in steps of 0.0001 cd/m². */
function toX265({ masteringDisplay, contentLight }: MediaStream): readonly string[] {
  const point = ([x, y]: Chromaticity) => `(${Math.round(x * 50_000)},${Math.round(y * 50_000)})`
  const nits = (value: number) => Math.round(value * 10_000)
  return [
    ...(masteringDisplay === undefined ? [] : [toMastering(masteringDisplay, point, nits)]),
    ...(contentLight === undefined ? [] : [`max-cll=${toLight(contentLight)}`]),
    // Without it the data stand before the first picture only, and a player that seeks never reads them.
    ...(masteringDisplay === undefined && contentLight === undefined ? [] : ['repeat-headers=1']),
  ]
}

function toSvtAv1({ masteringDisplay, contentLight }: MediaStream): readonly string[] {
  const decimal = (value: number) => String(Number(value.toFixed(5)))
  const point = ([x, y]: Chromaticity) => `(${decimal(x)},${decimal(y)})`
  return [
    ...(masteringDisplay === undefined ? [] : [toMastering(masteringDisplay, point, decimal).replace('master', 'mastering')]),
    ...(contentLight === undefined ? [] : [`content-light=${toLight(contentLight)}`]),
  ]
}

function toMastering(display: MasteringDisplay, point: (at: Chromaticity) => string, nits: (value: number) => string | number): string {
  const { red, green, blue, white, minNits, maxNits } = display
  return `master-display=G${point(green)}B${point(blue)}R${point(red)}WP${point(white)}L(${nits(maxNits)},${nits(minNits)})`
}

function toLight({ maxNits, maxAverageNits }: ContentLight): string {
  return `${maxNits},${maxAverageNits}`
}

/** Behind what is there under that option; a key that is there already is left as it is. */
function addParameters(options: readonly string[], option: string, parameters: readonly string[]): readonly string[] {
  const at = options.lastIndexOf(option)
  const own = at === -1 ? [] : (options[at + 1] ?? '').split(':').filter((parameter) => parameter !== '')
  const names = own.map((parameter) => parameter.split('=')[0])
  const added = parameters.filter((parameter) => !names.includes(parameter.split('=')[0]))
  if (added.length === 0) return options
  const value = [...own, ...added].join(':')
  return at === -1 ? [...options, option, value] : options.with(at + 1, value)
}
