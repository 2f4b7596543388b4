/**
 * The run on a terminal, redrawn in place ten times a second at most.
 *
 * listr2 owns the life of the picture (a task that lasts as long as the run, its renderer, spinner and signs, and `ProcessOutput`,
 * which holds back what others print meanwhile and prints it afterwards). Its own renderers are not used: their tasks are fixed when
 * the list starts and kept for good, while a run takes up jobs as it goes and may see tens of thousands; and they redraw
 * whatever the terminal, also one that does not keep up.
 */

import type { Writable } from 'node:stream'
import { Chalk, type ChalkInstance } from 'chalk'
import { figures, Listr, ProcessOutput, Spinner } from 'listr2'
import type { Clock } from '../core/clock.ts'
import type { View } from '../model/events.ts'
import { renderFrame } from './frame.ts'
import { createLineOutput } from './line-output.ts'
import type { TerminalOutput } from './open-output.ts'
import { renderSummary } from './render-summary.ts'
import { createRunState } from './run-state.ts'
import { createScreenWriter, LEAVE_PICTURE, RESTORE_TERMINAL } from './screen-writer.ts'
import { createSummary } from './summary.ts'

export interface LiveViewOptions {
  /** A terminal whose writes do not block: see `openOutput`. */
  readonly stdout: TerminalOutput
  /** What is written there while the picture stands is held back until it is gone, so that it does not tear it. */
  readonly stderr: Writable
  readonly clock: Clock
  /** Without it: no colours. */
  readonly chalk?: ChalkInstance
  /** Told once, when the terminal has gone. */
  readonly onClosed?: ((error: Error | undefined) => void) | undefined
  /** Ends the wait of `close` for a terminal that is stuck. */
  readonly giveUp?: AbortSignal | undefined
}

export interface LiveView extends View {
  /** Takes the picture away and shows the cursor, for a prompt or a stopped program (SIGTSTP). `onGone`: the terminal has it. */
  suspend(onGone?: () => void): void
  resume(): void
  /**
   * What has to be written, synchronously, when the process ends without `close`: puts the terminal right.
   * Empty when there is nothing to put right.
   */
  restoreSequence(): string
}

const REDRAW_MS = 100
const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24

export function createLiveView(options: LiveViewOptions): LiveView {
  const { stdout, clock, chalk = new Chalk({ level: 0 }) } = options
  const state = createRunState()
  const summary = createSummary()
  const screen = createScreenWriter()
  const spinner = new Spinner()
  // Made before anything is hijacked: it writes to the stream itself.
  const output = createLineOutput(stdout, { onClosed: options.onClosed, giveUp: options.giveUp })
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  let terminal: ProcessOutput | undefined
  /** No picture stands, and the terminal has what took the last one away. */
  let isGone = true
  let isClosing = false
  let isBroken = false

  function size(): { columns: number; rows: number } {
    return { columns: stdout.columns || DEFAULT_COLUMNS, rows: stdout.rows || DEFAULT_ROWS }
  }

  function draw(): void {
    // A terminal that does not keep up misses frames; it gets the newest when it is ready again.
    if (terminal === undefined || output.isClosed || stdout.writableNeedDrain) return
    const { columns, rows } = size()
    const lines = renderFrame(state, { columns, rows, nowMs: clock.now(), spinner: spinner.fetch(), figures, chalk })
    const text = screen.draw(lines, columns, rows)
    if (text !== '') terminal.toStdout(text, false)
  }

  /** On a timer, where an error would end the program: it ends the picture instead. */
  function redraw(): void {
    try {
      draw()
    } catch (error) {
      isBroken = true
      hide()
      options.onClosed?.(error instanceof Error ? error : new Error(String(error)))
    }
  }

  function show(): void {
    if (terminal !== undefined || output.isClosed) return
    terminal = new ProcessOutput(asWriteStream(stdout), asWriteStream(options.stderr), { dump: [] })
    terminal.hijack()
    isGone = false
    spinner.start(redraw, REDRAW_MS)
    redraw()
  }

  function hide(onGone = () => {}): void {
    spinner.stop()
    if (terminal === undefined) {
      onGone()
      return
    }
    const { columns, rows } = size()
    const heldBack = terminal.stream.stderr.release()
    terminal.release()
    terminal = undefined
    // What was held back comes once the picture is gone: the two streams reach the terminal at their own pace.
    output.writeText(`${screen.erase(columns, rows)}${RESTORE_TERMINAL}`, () => {
      isGone = terminal === undefined
      for (const { entry } of heldBack) options.stderr.write(entry)
      onGone()
    })
  }

  class RunRenderer {
    static readonly rendererOptions = {}
    static readonly rendererTaskOptions = {}
    // Whether this is a terminal was decided by whoever made the view; listr2 would ask process.stdout.
    static readonly nonTTY = true
    readonly render = show
    readonly end = () => hide()
  }

  const list = new Listr([{ title: 'encode', task: () => over }], { renderer: RunRenderer, registerSignalListeners: false })
  const finished = list.run()

  return {
    handle(event) {
      state.apply(event)
      summary.apply(event)
    },
    suspend: (onGone) => hide(onGone),
    resume() {
      if (!isClosing && !isBroken) show()
    },
    restoreSequence: () => (isGone ? '' : LEAVE_PICTURE),
    async close() {
      if (!isClosing) {
        isClosing = true
        end()
        await finished
        if (!summary.isEmpty)
          for (const line of renderSummary(summary.report(), { chalk, columns: size().columns, withWarnings: true })) output.write(line)
      }
      await output.close()
    },
  }
}

/** listr2 wants the type of `process.stdout`, and uses what any writable stream has. */
function asWriteStream(stream: Writable): NodeJS.WriteStream {
  return stream as unknown as NodeJS.WriteStream
}
