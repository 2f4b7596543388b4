/** Hardware encoders that need not be tried, because the device that they would be opened on is not there. */

import { type EncoderNeed, type HardwareKind, hardwareKindOf } from '../../model/encoder.ts'
import type { HostFacts } from '../host.ts'

interface DeviceNeed {
  /** Any of these does, by their names in the facts. `dxg` is how Linux inside Windows reaches the card. */
  readonly anyOf: readonly string[]
  readonly missing: string
}

const DRI: DeviceNeed = { anyOf: ['dri', 'dxg'], missing: 'nothing in /dev/dri' }

/** Kinds that are not here may do without a device file of their own (Vulkan and OpenMAX run in software, too). */
const NEEDED: Readonly<Partial<Record<HardwareKind, DeviceNeed>>> = {
  nvenc: { anyOf: ['nvidia', 'dxg'], missing: 'no NVIDIA card' },
  qsv: DRI,
  vaapi: DRI,
  amf: DRI,
  v4l2m2m: { anyOf: ['video'], missing: 'no /dev/video*' },
}

/** Why it cannot work, for a person; undefined where it has to be tried. */
export function describeMissingDevice({ encoder, device }: EncoderNeed, { devices }: HostFacts): string | undefined {
  const kind = hardwareKindOf(encoder)
  const needed = kind === undefined || device !== undefined ? undefined : NEEDED[kind]
  if (needed === undefined || devices === undefined || needed.anyOf.some((name) => devices.includes(name))) return undefined
  return `no device (${needed.missing})`
}
