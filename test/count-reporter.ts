/**
 * Sums the tests of all projects into one line, `N passed, N failed, N skipped`: the last thing a run prints. Where
 * ENCODE_TEST_COUNTS names a file, the line goes there as well, for whoever prints after vitest.
 */

import { writeFileSync } from 'node:fs'
import type { Reporter } from 'vitest/node'

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export
export default function createCountReporter(): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
      for (const module of modules) {
        // A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
        count.failed += module.errors().length
        for (const suite of module.children.allSuites()) count.failed += suite.errors().length
        for (const test of module.children.allTests()) {
          const { state } = test.result()
          if (state !== 'pending') count[state] += 1
        }
      }
      const line = `${count.passed} passed, ${count.failed} failed${count.skipped === 0 ? '' : `, ${count.skipped} skipped`}`
      process.stdout.write(`\n${line}\n`)
      const file = process.env.ENCODE_TEST_COUNTS
      if (file !== undefined && file !== '') writeFileSync(file, `${line}\n`)
    },
  }
}
