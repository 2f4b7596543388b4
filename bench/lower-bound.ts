/**
 * The least time in which a cluster can encode so many equal files that travel to it and back: links, encoders and the two ends of the run.
 * No order of work is better, so that a way of working is judged by how near it comes.
 */

export interface HostRates {
  readonly slots: number
  /** Of one file in one slot. */
  readonly encodeSeconds: number
  /** Of its link, each way. */
  readonly bytesPerSecond: number
}

export interface FileSizes {
  readonly sourceBytes: number
  readonly resultBytes: number
}

/** Seconds. Start-up, handshakes and verification count as nothing. */
export function lowerBound(hosts: readonly HostRates[], files: number, sizes: FileSizes): number {
  // The run ends when some host has ended some number of files: one of these times it is.
  const times = hosts.flatMap((host) => Array.from({ length: files }, (_, index) => hostBound(host, index + 1, sizes)))
  const isEnough = (seconds: number) => hosts.reduce((sum, host) => sum + filesWithin(host, seconds, files, sizes), 0) >= files
  return times.toSorted((a, b) => a - b).find(isEnough) ?? Number.POSITIVE_INFINITY
}

/** The busiest of link and encoders, after the first file's way in and before the last one's way out. */
function hostBound({ slots, encodeSeconds, bytesPerSecond }: HostRates, files: number, { sourceBytes, resultBytes }: FileSizes): number {
  const [inSeconds, outSeconds] = [sourceBytes / bytesPerSecond, resultBytes / bytesPerSecond]
  return Math.max(
    files * inSeconds + outSeconds,
    inSeconds + Math.ceil(files / slots) * encodeSeconds + outSeconds,
    inSeconds + files * outSeconds,
  )
}

function filesWithin(host: HostRates, seconds: number, most: number, sizes: FileSizes): number {
  let files = 0
  while (files < most && hostBound(host, files + 1, sizes) <= seconds + 1e-9) files += 1
  return files
}
