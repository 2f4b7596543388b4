import { describe, expect, test } from 'vitest'
import { parseSideData } from '../../src/media/parse-side-data.ts'

/** As ffprobe 5.1 writes it of an MP4 and of Matroska. */
const MASTERING = {
  side_data_type: 'Mastering display metadata',
  red_x: '34000/50000',
  red_y: '8/25',
  green_x: '53/200',
  green_y: '69/100',
  blue_x: '3/20',
  blue_y: '3/50',
  white_point_x: '3127/10000',
  white_point_y: '329/1000',
  min_luminance: '0/10000',
  max_luminance: '1000/1',
}

describe('HDR10', () => {
  test('mastering data are read as numbers, and a black of nothing is one', () => {
    expect(parseSideData([MASTERING])).toEqual({
      masteringDisplay: {
        red: [0.68, 0.32],
        green: [0.265, 0.69],
        blue: [0.15, 0.06],
        white: [0.3127, 0.329],
        minNits: 0,
        maxNits: 1000,
      },
    })
  })

  test.each([
    ['lack a point', { ...MASTERING, blue_y: undefined }],
    ['lack their luminance', { ...MASTERING, max_luminance: undefined }],
    ['hold no number', { ...MASTERING, red_x: '0/0' }],
    ['are as dark as nothing', { ...MASTERING, max_luminance: '0/1' }],
  ])('mastering data that %s are none', (_, entry) => {
    expect(parseSideData([entry])).toEqual({})
  })

  test('light levels are read, and half of them is none', () => {
    const type = 'Content light level metadata'
    expect(parseSideData([{ side_data_type: type, max_content: 1000, max_average: 0 }])).toEqual({
      contentLight: { maxNits: 1000, maxAverageNits: 0 },
    })
    expect(parseSideData([{ side_data_type: type, max_content: 1000 }])).toEqual({})
  })

  test('HDR10+ and Dolby Vision are known', () => {
    const entries = [
      { side_data_type: 'HDR Dynamic Metadata SMPTE2094-40 (HDR10+)' },
      { side_data_type: 'DOVI configuration record', dv_profile: 8, dv_level: 6 },
    ]
    expect(parseSideData(entries)).toEqual({ hasHdr10Plus: true, dolbyVisionProfile: 8 })
  })
})

test.each([
  ['DisplayMatrix', -90, -90],
  ['Display Matrix', 180, 180],
  ['Display Matrix', 0, undefined],
])('a "%s" of %d° turns the picture by %s', (side_data_type, rotation, rotationDegrees) => {
  expect(parseSideData([{ side_data_type, rotation }])).toEqual(rotationDegrees === undefined ? {} : { rotationDegrees })
})

test.each([undefined, null, 'text', [], [null], [{}]])('of %j nothing is told', (list) => {
  expect(parseSideData(list)).toEqual({})
})
