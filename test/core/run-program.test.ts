import { expect, onTestFinished, test } from 'vitest'
import { runProgram } from '../../src/core/run-program.ts'

test('what a program says and its exit status come back', async () => {
  const result = await runProgram('/bin/sh', ['-c', 'printf "a film\\n"; printf "a complaint\\n" >&2; exit 3'])
  expect(result).toEqual({
    status: 3,
    stdout: 'a film\n',
    stderr: 'a complaint\n',
    startFailure: undefined,
    isTimedOut: false,
    isTooLong: false,
  })
})

test('it has no standard input and, where one is given, no environment but that', async () => {
  const { stdout } = await runProgram('/bin/sh', ['-c', 'cat; echo "$FILM $HOME"'], { env: { FILM: 'x y' } })
  expect(stdout).toBe('x y \n')
})

test('a program that is not there is told by the system code', async () => {
  expect(await runProgram('/no/such/program', [])).toMatchObject({ status: undefined, startFailure: 'ENOENT' })
  expect(await runProgram('/bin/true', ['x'.repeat(300_000)])).toMatchObject({ status: undefined, startFailure: 'E2BIG' })
})

test('a program that takes too long is ended', async () => {
  const result = await runProgram('/bin/sh', ['-c', 'exec sleep 60'], { timeoutMs: 100 })
  expect(result).toMatchObject({ status: undefined, isTimedOut: true })
})

test('a program that says too much is ended, and no more than that is kept', async () => {
  const result = await runProgram('/bin/sh', ['-c', 'yes film'], { maxOutputBytes: 100_000 })
  expect(result).toMatchObject({ isTooLong: true })
  expect(result.stdout.length).toBeLessThanOrEqual(100_000)
})

test('of endless complaints the last are kept', async () => {
  const { stderr } = await runProgram('/bin/sh', ['-c', 'yes film | head -c 1000000 >&2; echo last >&2'])
  expect(stderr.length).toBeLessThan(200_000)
  expect(stderr).toMatch(/last\n$/)
})

test('when the signal is aborted it rejects with its reason after the program has ended', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const running = runProgram('/bin/sh', ['-c', 'echo $$ >&2; exec sleep 61.5'], { signal: stop.signal })
  onTestFinished(() => stop.abort())
  stop.abort(reason)
  await expect(running).rejects.toBe(reason)
  await expect(runProgram('/bin/true', [], { signal: stop.signal })).rejects.toBe(reason)
})
