/** What decoding finds wrong stands in verify-lies.test.ts. */

import { expect, test } from 'vitest'
import { decodeOnHost } from '../../src/job/decode-on-host.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { openLocalHost } from '../fixtures/local-host.ts'

test('the host stops decoding when the job is ended', async () => {
  const script = 'case "$*" in *"-f null"*) printf "out_time_us=1000000\\nprogress=continue\\n"; exec sleep 60 ;; esac'
  await using slow = await openLocalHost(script)
  const ending = new AbortController()
  const context = {
    plan: createPlan('1', '/film.mkv'),
    host: slow.host,
    facts: slow.facts,
    signal: ending.signal,
    onWarning() {},
    onProgress: () => ending.abort(new Error('Ctrl-C')),
  }
  await expect(decodeOnHost(context, { hostSource: '/film.mkv', hostResult: '/film.mkv' })).rejects.toThrow('Ctrl-C')
})
