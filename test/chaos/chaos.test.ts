import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { canStartHosts } from '../cluster/sshd-host.ts'
import { runChaos } from './run-chaos.ts'

describe.runIf(canStartHosts)('two minutes of chaos', () => {
  test('loses no film, lies about none, and leaves nothing behind', { timeout: 300_000 }, async () => {
    const logFolder = await mkdtemp(join(tmpdir(), 'encode-chaos-log-'))
    const report = await runChaos({ seed: 20_261_121, minutes: 2, logFolder })
    expect(report, `See ${logFolder}`).toMatchObject({ lost: [], wrong: [], leftOver: [] })
    // Else it would have proven nothing.
    expect(report.replaced).toBeGreaterThan(5)
    expect(Object.values(report.faults).filter((count) => count > 0).length).toBeGreaterThan(3)
    await rm(logFolder, { recursive: true })
  })
})
