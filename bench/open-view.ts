/** The views by name, each with something to write to: a file that takes all, a terminal, or a pipe that nobody reads. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { Writable } from 'node:stream'
import { systemClock } from '../src/core/clock.ts'
import type { View } from '../src/model/events.ts'
import { createJsonView } from '../src/view/json-view.ts'
import { createLiveView } from '../src/view/live-view.ts'
import { createPlainView } from '../src/view/plain-view.ts'

export interface OpenView {
  readonly view: View
  /** Closes the views, and then what they write to. */
  readonly close: (closeViews: () => Promise<void>) => Promise<void>
}

/** `plain`, `json`, `live`, `stuck-plain` or `stuck-json`. */
export async function openView(name: string): Promise<OpenView> {
  if (name.startsWith('stuck-')) return await openStuckView(name.slice('stuck-'.length))
  const stream = createWriteStream('/dev/null')
  await once(stream, 'open')
  const close = async (closeViews: () => Promise<void>): Promise<void> => {
    await closeViews()
    stream.end()
    await once(stream, 'close')
  }
  if (name === 'plain') return { view: createPlainView({ stdout: stream }), close }
  if (name === 'json') return { view: createJsonView({ stdout: stream }), close }
  if (name !== 'live') throw new Error(`There is no view "${name}"`)
  const stdout = Object.assign(stream, { columns: 120, rows: 40 })
  return {
    view: createLiveView({ stdout, stderr: new Writable({ write: (_chunk, _encoding, done) => done() }), clock: systemClock }),
    close,
  }
}

/** A pipe whose reader never reads. */
async function openStuckView(name: string): Promise<OpenView> {
  const reader = spawn('sleep', ['3600'], { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(reader, 'spawn')
  const giveUp = new AbortController()
  const options = { stdout: reader.stdin, giveUp: giveUp.signal }
  return {
    view: name === 'json' ? createJsonView(options) : createPlainView(options),
    async close(closeViews) {
      giveUp.abort()
      await closeViews()
      reader.stdin.destroy()
      reader.kill()
      await once(reader, 'close')
    },
  }
}
