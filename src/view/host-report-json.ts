/** The doctor's findings for programs: one line of JSON a host. docs/host-reports.md is the public description of it. */

import { toSafeJson } from '../core/text.ts'
import type { HostReport } from '../model/host-report.ts'

export function toHostReportJson(report: HostReport): string {
  const { clock } = report
  return toSafeJson({
    cluster: report.cluster,
    host: report.host,
    type: report.type,
    state: report.state,
    reachable: report.isReachable ?? null,
    login: report.isLoggedIn ?? null,
    os: report.os ?? null,
    arch: report.arch ?? null,
    cores: report.cores ?? null,
    memory_bytes: report.memoryBytes ?? null,
    ffmpeg: report.ffmpegVersion ?? null,
    ffmpeg_path: report.ffmpegPath ?? null,
    hwaccels: report.hwaccels,
    encoders: report.encoders.map(({ name, state, reason }) => ({ name, state, reason: reason ?? null })),
    working_dir: report.workingDir ?? null,
    working_dir_writable: report.isWorkingDirWritable ?? null,
    free_bytes: report.freeBytes ?? null,
    media: report.media.map(({ path, hostPath, isSeen }) => ({ path, host_path: hostPath, seen: isSeen ?? null })),
    clock_difference_s: clock?.differenceSeconds ?? null,
    source_bytes_per_second: report.speedBytesPerSecond === undefined ? null : Math.round(report.speedBytesPerSecond),
    problems: report.problems.map(({ code, isFatal, message, cure }) => ({ code, fatal: isFatal, message, cure: cure ?? null })),
  })
}
