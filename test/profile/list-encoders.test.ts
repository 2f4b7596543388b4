import { expect, test } from 'vitest'
import { toEncoderKey } from '../../src/model/encoder.ts'
import { listEncoders } from '../../src/profile/list-encoders.ts'

test.each([
  ['-c:v libx265 -c:a aac', 'video libx265, audio aac'],
  ['-vcodec libx264 -acodec libmp3lame', 'video libx264, audio libmp3lame'],
  ['-codec:a:1 ac3 -codec:v:0 hevc_nvenc', 'video hevc_nvenc, audio ac3'],
  ['-c:v copy -c:a copy -c:s srt -c copy', ''],
  ['-c:v libx264 -c:v hevc_nvenc', 'video hevc_nvenc'],
  ['-c:v libx264 -c:v:1 mjpeg', 'video libx264, video mjpeg'],
  ['-crf 20 -map 0:0', ''],
  ['-c:v', ''],
])('%j asks for %j', (output, needs) => {
  expect(list('', output)).toBe(needs)
})

test.each([
  ['-vaapi_device /dev/dri/renderD129', '-c:v hevc_vaapi', 'video hevc_vaapi on /dev/dri/renderD129'],
  ['-init_hw_device vaapi=foo:/dev/dri/renderD130', '-c:v hevc_vaapi', 'video hevc_vaapi on /dev/dri/renderD130'],
  ['-init_hw_device vaapi=foo:/dev/dri/renderD130,driver=iHD', '-c:v h264_vaapi', 'video h264_vaapi on /dev/dri/renderD130'],
  ['-init_hw_device vaapi', '-c:v h264_vaapi', 'video h264_vaapi'],
  ['-vaapi_device /dev/dri/renderD129', '-c:v libx264', 'video libx264'],
  ['-qsv_device /dev/dri/renderD129', '-c:v h264_qsv', 'video h264_qsv on /dev/dri/renderD129'],
])('the device of %j and %j is named', (input, output, needs) => {
  expect(list(input, output)).toBe(needs)
})

function list(input: string, output: string): string {
  const words = (text: string) => text.split(' ').filter((word) => word !== '')
  return listEncoders({ input: words(input), output: words(output) })
    .map((need) => `${need.kind} ${toEncoderKey(need)}`)
    .join(', ')
}
