import { expect, test } from 'vitest'
import { createShareEqual } from '../../src/plan/share-equal.ts'

test('equal values become one, different ones stay apart', () => {
  const share = createShareEqual()
  const first = share({ name: 'hevc', options: ['-crf', '23'] })
  expect(share({ name: 'hevc', options: ['-crf', '23'] })).toBe(first)
  expect(share({ name: 'hevc', options: ['-crf', '24'] })).toEqual({ name: 'hevc', options: ['-crf', '24'] })
})

test('what nobody asked for again is forgotten first', () => {
  const share = createShareEqual(2)
  const [often, seldom] = [share({ name: 'often' }), share({ name: 'seldom' })]
  expect(share({ name: 'often' })).toBe(often)
  share({ name: 'third' })
  expect(share({ name: 'often' })).toBe(often)
  expect(share({ name: 'seldom' })).not.toBe(seldom)
})
