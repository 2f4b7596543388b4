/**
 * Run once, before all tests: the hundreds of Node programs that they start find each other's compiled modules, which saves half of
 * a start. The folder is the run's own, and gone after it.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function setup(): Promise<void> {
  process.env.NODE_COMPILE_CACHE ??= await mkdtemp(join(tmpdir(), 'encode-compiled-'))
}

export async function teardown(): Promise<void> {
  const folder = process.env.NODE_COMPILE_CACHE
  // What a test has just ended may still write there.
  if (folder?.startsWith(join(tmpdir(), 'encode-compiled-'))) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
