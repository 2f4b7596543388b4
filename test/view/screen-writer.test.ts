import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScreenWriter, RESTORE_TERMINAL } from '../../src/view/screen-writer.ts'
import { createVirtualTerminal } from './virtual-terminal.ts'

describe('createScreenWriter', () => {
  it('shows exactly the last frame, whatever frames came before', () => {
    const line = fc.stringMatching(/^[a-z映🎬 ]{0,9}$/u).map((text) => text.trimEnd())
    const frame = fc.array(line, { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), (frames) => {
        const terminal = createVirtualTerminal(20, 10)
        const screen = createScreenWriter()
        terminal.stream.write('% encode\n')
        for (const lines of frames) terminal.stream.write(screen.draw(lines, 20, 10))
        const shown = [...terminal.scrolledOff, ...terminal.screen().split('\n')].join('\n').trimEnd()
        expect(shown).toBe(['% encode', ...(frames.at(-1) ?? [])].join('\n').trimEnd())
      }),
    )
  })

  it('writes nothing when nothing changed', () => {
    const screen = createScreenWriter()
    screen.draw(['a', 'b'], 20, 10)
    expect(screen.draw(['a', 'b'], 20, 10)).toBe('')
  })

  it('rewrites only the lines that changed', () => {
    const screen = createScreenWriter()
    screen.draw(['same', 'old'], 20, 10)
    const text = screen.draw(['same', 'new'], 20, 10)
    expect(text).toContain('new')
    expect(text).not.toContain('same')
  })

  it('takes the frame off and leaves what stood above', () => {
    const terminal = createVirtualTerminal(20, 10)
    const screen = createScreenWriter()
    terminal.stream.write('% encode\n')
    terminal.stream.write(screen.draw(['a', 'b', 'c'], 20, 10))
    terminal.stream.write(screen.erase(20, 10))
    terminal.stream.write('summary\n')
    expect(terminal.screen()).toBe('% encode\nsummary')
  })

  it('scrolls nothing away where a frame fills the screen', () => {
    const terminal = createVirtualTerminal(20, 1)
    const screen = createScreenWriter()
    for (const line of ['first', 'second', 'third']) terminal.stream.write(screen.draw([line], 20, 1))
    expect(terminal.screen()).toBe('third')
    expect(terminal.scrolledOff).toEqual([])
  })

  it('restores wrapping and cursor', () => {
    const terminal = createVirtualTerminal(20, 10)
    terminal.stream.write('\u001b[?25l\u001b[?7l')
    expect(terminal.isCursorVisible || terminal.wraps).toBe(false)
    terminal.stream.write(RESTORE_TERMINAL)
    expect(terminal.isCursorVisible && terminal.wraps).toBe(true)
  })
})
