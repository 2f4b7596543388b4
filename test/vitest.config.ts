/**
 * All tests, in three projects: `unit` mirrors src/, `cluster` runs the whole program on real OpenSSH servers that it starts on
 * loopback, and lets them fail (chaos), `containers` does so on containers where a Docker answers.
 */

import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './longest-first.ts'

const root = join(import.meta.dirname, '..')

/** What every project has; a project does not take these from the top. */
const shared = {
  root,
  pool: 'forks' as const,
  // Twice the cores of the machine that the gate is made for: half of the time is waiting.
  maxWorkers: 4,
  // Ten times what they take on a quiet machine: whatever stands still fails soon enough.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  setupFiles: ['test/fail-on-warning.ts'],
}

export default defineConfig({
  root,
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**', 'test/chaos/**', 'test/containers/**'],
        },
      },
      {
        test: {
          ...shared,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts', 'test/chaos/**/*.test.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          // testcontainers' own cleaner is an image of a registry; the tests remove what they start.
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
    globalSetup: ['test/share-compiled.ts', 'test/many-process-ids.ts'],
    sequence: { sequencer: LongestFirst },
    teardownTimeout: 20_000,
    reporters: ['default', './test/count-reporter.ts'],
  },
})
