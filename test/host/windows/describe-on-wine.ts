/** A group of tests that need Windows programs: what all of them set up, and the reason in its name where they are skipped. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { lacksWine, startWine, type Wine } from './wine.ts'

export interface OnWine {
  readonly wine: Wine
  /** On this machine, for whatever the tests keep; gone after them. */
  readonly homeFolder: string
}

/** Wine's programs start slowly, above all beside other tests. */
const TIMEOUT_MS = 180_000
/** The first time a Windows is made for them. */
const SET_UP_MS = 400_000

/**
 * @param define gets what stands once the first test runs, not before.
 * @param lacks why they cannot run, if it is more than wine that they need.
 */
export function describeOnWine(name: string, define: (on: OnWine) => void, lacks: string | undefined = lacksWine): void {
  const title = lacks === undefined ? name : `${name} (SKIPPED: ${lacks})`
  describe.runIf(lacks === undefined)(title, { timeout: TIMEOUT_MS }, () => {
    let stands: OnWine | undefined
    const read = (): OnWine => {
      if (stands === undefined) throw new Error('Wine is there for tests, not for what describes them')
      return stands
    }
    beforeAll(async () => {
      stands = { wine: await startWine(), homeFolder: await mkdtemp(join(tmpdir(), 'encode-on-wine-')) }
    }, SET_UP_MS)
    afterAll(async () => {
      if (stands !== undefined) await rm(stands.homeFolder, { recursive: true, force: true })
    })
    define({
      get wine() {
        return read().wine
      },
      get homeFolder() {
        return read().homeFolder
      },
    })
  })
}
