import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { HostReport } from '../../src/model/host-report.ts'
import { toHostReportJson } from '../../src/view/host-report-json.ts'

const nothingKnown: HostReport = {
  cluster: 'home',
  host: 'old\nhost',
  type: 'mounted',
  state: 'unusable',
  isReachable: undefined,
  isLoggedIn: undefined,
  os: undefined,
  arch: undefined,
  cores: undefined,
  memoryBytes: undefined,
  ffmpegPath: undefined,
  ffmpegVersion: undefined,
  hasFfmpeg: undefined,
  hwaccels: ['vaapi'],
  encoders: [{ name: 'libx264', state: 'listed', reason: undefined }],
  workingDir: undefined,
  isWorkingDirWritable: undefined,
  freeBytes: undefined,
  media: [{ path: '/films', hostPath: '/mnt', isSeen: undefined }],
  clock: undefined,
  speedBytesPerSecond: undefined,
  problems: [{ code: 'HOST_LOST', isFatal: true, message: 'gone', cure: undefined }],
}

test('every field is there and documented, null where nobody knows', async () => {
  const line = toHostReportJson(nothingKnown)
  expect(line).not.toContain('\n')
  const report = JSON.parse(line) as Record<string, unknown>
  const names = Object.entries(report).flatMap(([name, value]) =>
    typeof Object(value)[0] === 'object'
      ? [name, ...Object.keys((value as readonly object[])[0] ?? {}).map((key) => `${name}[].${key}`)]
      : [name],
  )
  const text = await readFile(join(import.meta.dirname, '../../docs/host-reports.md'), 'utf8')
  expect([...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)).toEqual(names)
  expect(report.free_bytes).toBeNull()
  expect(report.clock_difference_s).toBeNull()
})
