/**
 * The least time in which a cluster can encode so many equal files that travel to it and back: links, encoders and the two ends of the run.
 * No order of work is better, so that a way of working is judged by how near it comes.
 *
 * A link carries frames, and only what is in them is a file's: no program that copies by TCP can do without them, so they count. What follows the
 * last source of a link that is busy all the time does not, but for its result's way: its encode can be over when its last byte has come.
 */

export interface HostRates {
  readonly slots: number
  /** Of one file in one slot. */
  readonly encodeSeconds: number
  /** Of its link, each way, frames and all. */
  readonly bytesPerSecond: number
  /** More goes at once when it has rested: a token bucket. */
  readonly burstBytes: number
}

export interface FileSizes {
  readonly sourceBytes: number
  readonly resultBytes: number
}

/** Ethernet's 14 bytes, IPv4's 20 and TCP's 32, with its time stamps, for 1448 of a file: so a token bucket of Linux counts them. */
const LOAD_RATIO = 1448 / 1514

/** Seconds. Start-up, handshakes and verification count as nothing. */
export function lowerBound(hosts: readonly HostRates[], files: number, sizes: FileSizes): number {
  // The run ends when some host has ended some number of files: one of these times it is.
  const times = hosts.flatMap((host) => Array.from({ length: files }, (_, index) => hostBound(host, index + 1, sizes)))
  const isEnough = (seconds: number) => hosts.reduce((sum, host) => sum + filesWithin(host, seconds, files, sizes), 0) >= files
  return times.toSorted((a, b) => a - b).find(isEnough) ?? Number.POSITIVE_INFINITY
}

/** The busiest of link and encoders, after the first file's way in and before the last one's way out. */
function hostBound(host: HostRates, files: number, { sourceBytes, resultBytes }: FileSizes): number {
  const [inSeconds, outSeconds] = [carrySeconds(host, sourceBytes), carrySeconds(host, resultBytes)]
  return Math.max(
    carrySeconds(host, files * sourceBytes) + outSeconds,
    inSeconds + Math.ceil(files / host.slots) * host.encodeSeconds + outSeconds,
    inSeconds + carrySeconds(host, files * resultBytes),
  )
}

/** One way. */
function carrySeconds({ bytesPerSecond, burstBytes }: HostRates, bytes: number): number {
  return Math.max(0, bytes / LOAD_RATIO - burstBytes) / bytesPerSecond
}

function filesWithin(host: HostRates, seconds: number, most: number, sizes: FileSizes): number {
  let files = 0
  while (files < most && hostBound(host, files + 1, sizes) <= seconds + 1e-9) files += 1
  return files
}
