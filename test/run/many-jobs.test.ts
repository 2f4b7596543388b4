import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const JOBS = 300
/** Held for good by each job, at the most: less than a plan, a signal that nobody let go of, or a buffer. */
const LEAST_LEAK_BYTES = 5_000

interface Report {
  readonly done: number
  readonly peakBytes: number
  readonly descriptors: { readonly before: number; readonly most: number; readonly after: number }
  readonly samples: readonly { readonly done: number; readonly heapBytes: number }[]
  readonly warnings: readonly string[]
}

/** `bench/many-jobs.ts` in a process of its own, with the flags that the launcher gives to Node. */
async function runManyJobs(args: readonly string[]): Promise<Report> {
  const flags =
    /exec "\$node" ((?:--\S+ )*)/
      .exec(await readFile(join(ROOT, 'bin/encode'), 'utf8'))?.[1]
      ?.trim()
      .split(' ') ?? []
  const argv = [...flags, '--expose-gc', join(ROOT, 'bench/many-jobs.ts'), '--json', '--heap', ...args]
  // Its exit status says the same as its report, with fewer words.
  const { stdout } = await promisify(execFile)(process.execPath, argv).catch((error: unknown) => error as { readonly stdout: string })
  return JSON.parse(stdout) as Report
}

describe('a run of many jobs on a hundred hosts', () => {
  test('holds no memory for a job that is over, and no file', async () => {
    const report = await runManyJobs(['--jobs', String(JOBS), '--hosts', '100', '--encode-ms', '50', '--view', 'json'])
    expect(report.warnings).toEqual([])
    expect(report.done).toBe(JOBS)
    expect(report.descriptors.after).toBe(report.descriptors.before)
    expect(report.peakBytes).toBeLessThan(300_000_000)
    // The first jobs still warm up what is made once; and a job that is under way when a sample is taken holds what it needs.
    const held = (from: number, to: number) =>
      Math.min(...report.samples.filter(({ done }) => done > JOBS * from && done <= JOBS * to).map(({ heapBytes }) => heapBytes))
    expect(held(0.7, 1) - held(0.1, 0.4)).toBeLessThan(LEAST_LEAK_BYTES * JOBS * 0.6)
  })
})
