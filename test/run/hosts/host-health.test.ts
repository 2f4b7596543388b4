import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EncodeError } from '../../../src/core/errors.ts'
import { createHostHealth, describeSetAside } from '../../../src/run/hosts/host-health.ts'
import { openLocalHost } from '../../fixtures/local-host.ts'

const WORKER = { cluster: 'home', name: 'here', queues: undefined, profiles: undefined }

describe('a host that was set aside', () => {
  test('is told with how many jobs failed there, for how long, and the last reason', () => {
    expect(describeSetAside({ failures: 3, reason: 'no mount', forMs: 60_000 })).toBe(
      'Set aside for 1m 00s: 3 jobs in a row failed there that other hosts did; the last reason: no mount',
    )
    expect(describeSetAside({ failures: 1, reason: 'no mount', forMs: 120_000 })).toBe(
      'Set aside for 2m 00s: a job failed there that another host did; the last reason: no mount',
    )
    expect(describeSetAside({ failures: 0, reason: 'ffmpeg is gone', forMs: 1_800_000 })).toBe('Set aside for 30m 00s more: ffmpeg is gone')
  })

  test('is looked at: its ffmpeg must start, and its media be there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'encode-health-'))
    const broken = join(folder, 'broken')
    await using local = await openLocalHost(`if [ -e '${broken}' ]; then exit 127; fi`)
    const { host, facts } = local
    let fault: EncodeError | undefined
    const told: string[] = []
    const health = createHostHealth({
      openHost: () => ({ host, facts, workFolder: async () => folder }),
      checkHost: async () => {
        if (fault !== undefined) throw fault
      },
      emit: (event) => told.push(event),
      signal: new AbortController().signal,
    })
    expect(await health.probe(WORKER)).toBeUndefined()
    fault = new EncodeError('HOST_SEES_NO_MEDIA', 'It does not see the media', { hint: 'Mount it' })
    expect(await health.probe(WORKER)).toBe('It does not see the media. Mount it')
    fault = undefined
    await writeFile(broken, '')
    expect(await health.probe(WORKER)).toMatch(/-version" ends with status 127$/)
    health.onTakenBack(WORKER)
    expect(told).toEqual(['host.up'])
    await rm(folder, { recursive: true })
  })

  test('is not looked at while it is down: being opened again is the look', async () => {
    const health = createHostHealth({
      openHost: () => undefined,
      checkHost: async () => {
        throw new Error('nobody is there')
      },
      emit: () => {},
      signal: new AbortController().signal,
    })
    expect(await health.probe(WORKER)).toBeUndefined()
  })
})
