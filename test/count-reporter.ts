/**
 * Sums the tests of all projects into one line, `N passed, N failed, N skipped`: the last thing a run prints. Where
 * ENCODE_TEST_COUNTS names a file, the line goes there as well, for whoever prints after vitest. Where all tests are meant to run, one
 * that was skipped has failed, but for those on containers: a Docker is not to be had everywhere.
 */

import { writeFileSync } from 'node:fs'
import type { Reporter, Vitest } from 'vitest/node'
import { isWholeGate } from './capabilities.ts'

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export
export default function createCountReporter(): Reporter {
  let mustRunAll = false
  return {
    onInit(vitest: Vitest) {
      // What a pattern leaves out counts as skipped, too.
      mustRunAll = isWholeGate() && vitest.config.testNamePattern === undefined
    },
    onTestRunEnd(modules, unhandledErrors) {
      const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
      const leftOut: string[] = []
      for (const module of modules) {
        // A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
        count.failed += module.errors().length
        for (const suite of module.children.allSuites()) count.failed += suite.errors().length
        for (const test of module.children.allTests()) {
          const { state } = test.result()
          if (state !== 'pending') count[state] += 1
          if (state === 'skipped' && module.project.name !== 'containers') leftOut.push(`${module.relativeModuleId}: ${test.fullName}`)
        }
      }
      if (mustRunAll && leftOut.length > 0) {
        process.stdout.write(`\nSkipped, though all tests are to run here:\n${leftOut.join('\n')}\n`)
        count.failed += leftOut.length
        process.exitCode = 1
      }
      const line = `${count.passed} passed, ${count.failed} failed${count.skipped === 0 ? '' : `, ${count.skipped} skipped`}`
      process.stdout.write(`\n${line}\n`)
      const file = process.env.ENCODE_TEST_COUNTS
      if (file !== undefined && file !== '') writeFileSync(file, `${line}\n`)
    },
  }
}
