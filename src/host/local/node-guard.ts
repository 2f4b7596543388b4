/**
 * The guard of temporary files on a controller that runs Windows, where no shell is there to be relied on: Node itself, in a process that
 * stays when this one is killed. Its lines and answers are those of the POSIX one (`shell/guard-script.ts`), with names percent-encoded.
 *
 * There is no heartbeat to miss: who is on the same machine stands still with it. What is still open cannot be removed under Windows, so it
 * is tried again for a while.
 */

import type { GuardDialect } from '../shell/guard.ts'
import { assertRemovableOnWindows } from '../windows/windows-paths.ts'

/** Its command line is a script for Node. */
export const NODE_GUARD: GuardDialect = {
  start: ({ tag, waitSeconds }) => ({ commandLine: GUARD, input: `${JSON.stringify({ tag, waitSeconds })}\n` }),
  encodeName: encodeURIComponent,
  assertRemovable: assertRemovableOnWindows,
  echoName: encodeURIComponent('\\'),
}

/** Runs with \`node -e\`. What it is told ends with \`q\`, which leaves all as it is; with \`r\`, or without either, the names are removed. */
const GUARD = `
const { rmSync } = require('node:fs')
const { parse } = require('node:path')
let rest = '', told, over = false
const names = []
function heed(line) {
  if (told === undefined) { told = JSON.parse(line); return }
  const [word, name] = line.split(' ')
  if (word === 'a') { names.push(decodeURIComponent(name)); process.stdout.write(told.tag + '@kept\\n') }
  if (word === 'f') { const at = names.indexOf(decodeURIComponent(name)); if (at >= 0) names.splice(at, 1) }
  if (word === 'q') process.exit(0)
  if (word === 'r') remove()
}
function remove() {
  if (over) return
  over = true
  let left = names.filter((name) => name !== '\\\\' && parse(name).root !== name)
  let tries = 0
  const again = () => {
    left = left.filter((name) => { try { rmSync(name, { recursive: true, force: true }); return false } catch { return true } })
    tries += 1
    if (left.length === 0 || tries > 60) process.exit(0)
    setTimeout(again, 1000)
  }
  setTimeout(again, told === undefined ? 0 : told.waitSeconds * 1000)
}
process.stdout.on('error', () => {})
process.stdin.on('error', remove).on('end', remove).setEncoding('utf8').on('data', (text) => {
  const lines = (rest + text).split('\\n')
  rest = lines.pop()
  for (const line of lines) if (!over) heed(line.trim())
})
`
