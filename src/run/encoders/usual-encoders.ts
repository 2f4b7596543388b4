/** The encoders that people choose hosts for: of what ffmpeg lists, those that make H.264, HEVC, AV1 and VP9. */

const SOFTWARE = ['libx264', 'libx265', 'libsvtav1', 'libaom-av1', 'librav1e', 'libvpx-vp9']
const HARDWARE = ['nvenc', 'qsv', 'vaapi', 'videotoolbox', 'amf', 'v4l2m2m', 'rkmpp', 'mf', 'vulkan']
const USUAL = [...SOFTWARE, ...HARDWARE.flatMap((family) => ['h264', 'hevc', 'av1', 'vp9'].map((codec) => `${codec}_${family}`))]

/** In an order that is the same for all hosts: software first. */
export function selectUsualEncoders(listed: readonly string[]): readonly string[] {
  return USUAL.filter((name) => listed.includes(name))
}
