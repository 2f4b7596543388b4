import { once } from 'node:events'
import { appendFile, mkdtemp, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { watchSource } from '../../src/job/watch-source.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { createPlan } from '../fixtures/job-plan.ts'

let folder: string
let film: string
let plan: JobPlan

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-watch-'))
  film = join(folder, 'film.mkv')
  await writeFile(film, 'film')
  const { size, mtimeMs } = await stat(film)
  const { source, ...rest } = createPlan('run-1', film)
  plan = { ...rest, source: { ...source, sizeBytes: size, mtimeMs } }
})

afterEach(() => rm(folder, { recursive: true }))

test.each<[string, () => Promise<unknown>, string]>([
  ['grows', () => appendFile(film, '!'), 'was changed while'],
  ['is written to', () => utimes(film, new Date(), new Date(1)), 'was changed while'],
  ['is moved away', () => rename(film, `${film}.old`), 'is gone'],
])('a source that %s ends the work', async (_, change, says) => {
  const looks = countLooks()
  const watch = watchSource({ plan, clock: looks.clock })
  await looks.next()
  expect(watch.signal.aborted).toBe(false)
  await change()
  looks.goOn()
  await once(watch.signal, 'abort')
  expect(watch.signal.reason).toMatchObject({ code: 'SOURCE_CHANGED', message: expect.stringContaining(says) })
})

test('a source that is back at the next look costs nothing', async () => {
  const looks = countLooks()
  const watch = watchSource({ plan, clock: looks.clock })
  for (let round = 0; round < 3; round += 1) {
    await looks.next()
    await rename(film, `${film}.old`)
    await looks.next()
    await rename(`${film}.old`, film)
  }
  await looks.next()
  expect(watch.signal.aborted).toBe(false)
  watch.end()
})

test('a source that is about to be replaced may change', async () => {
  const looks = countLooks()
  const watch = watchSource({ plan, clock: looks.clock })
  await looks.next()
  watch.end()
  await rm(film)
  looks.goOn()
  await new Promise((resolve) => setImmediate(resolve))
  expect(watch.signal.aborted).toBe(false)
})

/** A clock whose sleeps end when they are told to. */
function countLooks(): { readonly clock: Clock; next(): Promise<void>; goOn(): void } {
  let asleep = Promise.withResolvers<void>()
  let wake = () => {}
  let isFree = false
  return {
    clock: {
      now: () => 0,
      async sleep(_, signal) {
        if (!isFree) {
          const { promise, resolve } = Promise.withResolvers<void>()
          wake = resolve
          asleep.resolve()
          await promise
        }
        signal?.throwIfAborted()
      },
    },
    /** Lets the look after this sleep happen, and waits for the sleep behind it. */
    async next() {
      await asleep.promise
      asleep = Promise.withResolvers()
      wake()
      await asleep.promise
    },
    goOn() {
      isFree = true
      wake()
    },
  }
}
