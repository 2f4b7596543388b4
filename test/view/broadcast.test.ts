import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import type { EncodeEvent, View } from '../../src/model/events.ts'
import { createBroadcast } from '../../src/view/broadcast.ts'

const clock: Clock = { now: () => Date.parse('2026-11-21T12:00:00.123Z'), sleep: () => Promise.resolve() }

function createListener(): View & { readonly heard: EncodeEvent[]; closedCount: number } {
  const heard: EncodeEvent[] = []
  return {
    heard,
    closedCount: 0,
    handle: (event) => void heard.push(event),
    async close() {
      this.closedCount += 1
    },
  }
}

describe('createBroadcast', () => {
  it('stamps the time on and tells every view', () => {
    const views = [createListener(), createListener()]
    createBroadcast(views, { clock }).emit('warning', { message: 'odd' })
    for (const view of views) expect(view.heard).toEqual([{ time: '2026-11-21T12:00:00.123Z', event: 'warning', message: 'odd' }])
  })

  it('leaves a view out from the first time it throws, and tells so once', () => {
    const failures: unknown[] = []
    let calls = 0
    const failing: View = {
      handle() {
        calls += 1
        throw new Error('broken view')
      },
      close: () => Promise.resolve(),
    }
    const other = createListener()
    const broadcast = createBroadcast([failing, other], { clock, onViewFailed: (error) => failures.push(error) })
    broadcast.emit('warning', { message: '1' })
    broadcast.emit('warning', { message: '2' })
    expect(calls).toBe(1)
    expect(other.heard).toHaveLength(2)
    expect(failures).toEqual([new Error('broken view')])
  })

  it('closes every view once, also after one failed', async () => {
    const failing: View = { handle: () => undefined, close: () => Promise.reject(new Error('cannot close')) }
    const other = createListener()
    const broadcast = createBroadcast([failing, other], { clock })
    await Promise.all([broadcast.close(), broadcast.close()])
    expect(other.closedCount).toBe(1)
  })

  it('tells nothing after it was closed', async () => {
    const view = createListener()
    const broadcast = createBroadcast([view], { clock })
    await broadcast.close()
    broadcast.emit('warning', { message: 'late' })
    expect(view.heard).toEqual([])
  })

  it('lets no view change an event for the others', () => {
    const failures: unknown[] = []
    const changing: View = { handle: (event) => void Object.assign(event, { event: 'job.done' }), close: () => Promise.resolve() }
    const other = createListener()
    createBroadcast([changing, other], { clock, onViewFailed: (error) => failures.push(error) }).emit('warning', { message: 'odd' })
    expect(other.heard[0]?.event).toBe('warning')
    expect(failures).toHaveLength(1)
  })
})
