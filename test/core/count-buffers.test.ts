import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const COUNT = fileURLToPath(new URL('../fixtures/count-collections.ts', import.meta.url))

test('buffers that pass through have the heap gone through less often', async () => {
  const [counted, alone] = await Promise.all([countCollections('counted'), countCollections('alone')])
  expect(alone).toBeGreaterThan(4)
  expect(counted).toBeLessThan(alone / 2)
})

async function countCollections(how: 'counted' | 'alone'): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [COUNT, how])
  return Number(stdout)
}
