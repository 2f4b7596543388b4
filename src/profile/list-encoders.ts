/** ffmpeg arguments → the encoders that they ask for by name. What ffmpeg would choose by itself is its business. */

import type { EncoderNeed } from '../model/encoder.ts'
import type { EncodeArguments } from '../model/plan.ts'

/** `-c:v`, `-codec:v:0`, `-vcodec`, `-c:a:1`, `-acodec`. An index without a kind (`-c:0`) may be a subtitle's and is left alone. */
const CODEC_OPTION = /^-(?:(?:c|codec):([va])(?::.*)?|([va])codec)$/

/** Devices that a VAAPI or QSV encoder would be opened on. */
const DEVICE_OPTIONS: Readonly<Record<string, 'vaapi' | 'qsv'>> = { '-vaapi_device': 'vaapi', '-qsv_device': 'qsv' }

/** Each once, video first; of one stream's codec options the last holds. */
export function listEncoders({ input, output }: EncodeArguments): readonly EncoderNeed[] {
  const options = [...input, ...output]
  const chosen = new Map<string, EncoderNeed>()
  for (const [at, option] of output.entries()) {
    const [matched, letter, oldLetter] = CODEC_OPTION.exec(option) ?? []
    const encoder = output[at + 1]
    if (matched === undefined || encoder === undefined) continue
    const kind = (letter ?? oldLetter) === 'v' ? 'video' : 'audio'
    const specifier = kind + (/^-(?:c|codec):[va](:.*)$/.exec(option)?.[1] ?? '')
    const device = deviceOf(encoder, options)
    chosen.set(specifier, { encoder, kind, ...(device === undefined ? {} : { device }) })
  }
  const needs = [...chosen.values()].filter(({ encoder }) => encoder !== 'copy' && encoder !== 'none')
  const unique = new Map(needs.map((need) => [`${need.encoder} ${need.device}`, need]))
  return [...unique.values()].sort((a, b) => Number(b.kind === 'video') - Number(a.kind === 'video'))
}

function deviceOf(encoder: string, options: readonly string[]): string | undefined {
  const kind = ['vaapi', 'qsv'].find((suffix) => encoder.endsWith(`_${suffix}`))
  if (kind === undefined) return undefined
  const devices = options.flatMap((option, at) => {
    const value = options[at + 1] ?? ''
    if (DEVICE_OPTIONS[option] === kind) return [value]
    // `-init_hw_device vaapi=name:device,key=value`
    const [, device] = option === '-init_hw_device' ? (new RegExp(`^${kind}(?:=[^:@]*)?:([^,]+)`).exec(value) ?? []) : []
    return device === undefined ? [] : [device]
  })
  return devices.findLast((device) => device !== '')
}
