import { expect, test } from 'vitest'
import { isWholeGate, listLacking } from './capabilities.ts'

test.runIf(isWholeGate())('continuous integration as root has all that tests need: none of them is left out in silence', () => {
  expect(listLacking()).toEqual([])
})
