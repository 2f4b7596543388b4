import { expect, test } from 'vitest'
import { createWaitingLine } from '../../src/view/waiting-line.ts'
import { createVirtualTerminal } from './virtual-terminal.ts'

test('tells whom we are waiting for on one line of the terminal, and is gone in the end', () => {
  const terminal = createVirtualTerminal(60, 5)
  const waiting = createWaitingLine('Asking hosts', ['nas', 'evil\u001b[2J\nname', 'box'], terminal.stream)
  waiting.show()
  expect(terminal.screen()).toBe('Asking hosts: 0 of 3 answered, waiting for nas, evil\\e[2J\\…')
  waiting.done('evil\u001b[2J\nname')
  expect(terminal.screen()).toBe('Asking hosts: 1 of 3 answered, waiting for nas, box')
  waiting.hide()
  expect(terminal.screen()).toBe('')
  waiting.show()
  waiting.done('nas')
  waiting.done('box')
  waiting.show()
  expect(terminal.screen()).toBe('')
})

test('says nothing where there is no terminal', () => {
  const waiting = createWaitingLine('Asking hosts', ['nas'], undefined)
  waiting.show()
  expect(() => waiting.done('nas')).not.toThrow()
})
