/**
 * ffmpeg's standard error → one line with the cause. ffmpeg says the cause first and its consequences after it
 * ("Unknown encoder", … "Conversion failed!"), mixed with statistics and with notes of the encoders; its exit status says nearly nothing.
 */

import { toPlainLine } from '../core/text.ts'

interface KnownCause {
  readonly pattern: RegExp
  /** What to tell; `$1` as in String.replace. Undefined: ffmpeg's own line says it best. */
  readonly text?: string
}

/** In order of weight: the first one that any line matches is the cause. */
const KNOWN_CAUSES: readonly KnownCause[] = [
  { pattern: /No space left on device|There is not enough space on the disk|Disk quota exceeded/i, text: 'No space left for the result' },
  { pattern: /Cannot allocate memory|std::bad_alloc/i, text: 'Out of memory' },
  { pattern: /^Unknown (encoder|decoder) '(.+)'/, text: 'This ffmpeg has no $1 "$2"' },
  { pattern: /^Unrecognized (?:option|hwaccel:?) '?([^'.]+)'?/, text: 'This ffmpeg does not know the option "$1"' },
  { pattern: /^(?:Cannot load|The NVIDIA driver|Driver does not support|No (?:NVENC )?capable devices found|OpenEncodeSessionEx failed)/ },
  { pattern: /^No VA display found for device (.+?)\.?$/, text: 'The GPU device "$1" cannot be opened' },
  {
    pattern: /^Error (?:creating|initializing)[^:]* (?:MFX session|internal MFX session)/,
    text: 'Intel Quick Sync is not usable on this host',
  },
  { pattern: /^(?:DLL amfrt\d*\.dll failed to open|Failed to initialize VAAPI connection|Device creation failed)/ },
  {
    pattern: /Could not find tag for codec (\S+) in stream #(\d+)/,
    text: 'The result\'s container cannot hold the codec "$1" of stream $2',
  },
  { pattern: /Only .+ supported for WebM/ },
  { pattern: /^Subtitle codec \d+ is not supported|Subtitle encoding currently only possible/ },
  { pattern: /^Stream map '(.*)' matches no streams/, text: 'No stream of the source fits -map $1' },
  { pattern: /^No such filter: '(.*)'/, text: 'This ffmpeg has no filter "$1"' },
  { pattern: /(?:width|height) not divisible by \d/ },
  { pattern: /Unable to (?:find a suitable|choose an) output format for '(.*)'/, text: 'ffmpeg knows no container for "$1"' },
  { pattern: /Protocol not found/ },
  {
    // Of a path, since ffmpeg says the same of any -1 that a library returns.
    pattern: /^(?:file:)?\/.*: Operation not permitted$|^Error opening (?:input|output).*: Operation not permitted$/,
    text: 'The host does not let ffmpeg open a file (Operation not permitted): on a Mac, turn on "Allow full disk access for remote users" for Remote Login',
  },
  { pattern: /Permission denied|Access is denied/i },
  { pattern: /moov atom not found/, text: 'The source is cut off or was never finished (moov atom not found)' },
  { pattern: /No such file or directory/ },
  { pattern: /Invalid data found when processing input/ },
]

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
}

/** Said by ffmpeg whatever went well or wrong: banner, names of the files, statistics, remarks of the encoders. */
const NOISE: readonly RegExp[] = [
  /^ffmpeg version |^(?:Input|Output) #\d|^Stream mapping:|^Press \[q\]/,
  /^(?:frame|size)= *\d|^video:\S+ audio:|^(?:frame|fps|stream_\w+|bitrate|total_size|out_time\w*|dup_frames|drop_frames|speed|progress)=/,
  /^(?:frame [IPB]:|mb [IPB] |consecutive B-frames|coded y,|i\d+c? |Weighted P|ref [PB]|kb\/s:|8x8 transform|direct mvs|using (?:SAR|cpu)|profile |264 - core|Qavg)/,
  /^\d+ frames left in the queue|^encoded \d+ frames|^Svt\[info\]|^x265 \[info\]/,
  /detected only with low score|^To ignore this, add|^Did you mean|^Possible (?:presets|tunes)|^Last message repeated/,
]

/** What follows from an error that was told before; worth telling only where nothing else is. */
const CONSEQUENCES: readonly RegExp[] = [
  /^Conversion failed!?$|^Exiting normally|^Error splitting the argument list|^Error (?:closing|writing trailer)/,
  /^Error initializing output stream \S+ --(?: Error while opening encoder.*)?$|^Error while opening encoder|^Could not write header/,
  // ffmpeg 6 and later tell which of their threads and files went down with the error.
  /^Task finished with error code|^Terminating thread with return code|^Error opening output files?\b|^Error sending frames to consumers/,
]

/**
 * @param stderrTail the last part of what ffmpeg wrote to standard error.
 * @param status exit status; 128 + n when signal n ended it.
 * @returns one line, never empty, without control characters.
 */
export function describeFfmpegFailure(stderrTail: string, status: number): string {
  const lines = toMessages(stderrTail)
  const signal = toSignal(stderrTail, status)
  if (signal === 9) return 'ffmpeg was killed (signal 9): the host ran out of memory, or somebody ended it'
  const known = describeKnownCause(lines)
  if (known !== undefined) return known
  if (signal !== undefined) return `ffmpeg was ended by signal ${signal}${SIGNALS[signal] === undefined ? '' : ` (${SIGNALS[signal]})`}`
  const telling = lines.filter((line) => !NOISE.some((noise) => noise.test(line)))
  const causes = telling.filter((line) => !CONSEQUENCES.some((consequence) => consequence.test(line)))
  const last = (causes.length > 0 ? causes : telling).slice(-2).join('; ')
  return toPlainLine(last === '' ? `ffmpeg ended with status ${status} and gave no reason` : `ffmpeg failed: ${last}`)
}

function describeKnownCause(lines: readonly string[]): string | undefined {
  for (const { pattern, text } of KNOWN_CAUSES) {
    const line = lines.find((candidate) => pattern.test(candidate))
    if (line === undefined) continue
    const [matched] = pattern.exec(line) ?? ['']
    return toPlainLine(text === undefined ? line : matched.replace(pattern, text))
  }
  return undefined
}

/** A host without a shell's 128 + n tells a signal that ffmpeg caught in its last line. */
function toSignal(stderrTail: string, status: number): number | undefined {
  if (status > 128 && status <= 128 + 64) return status - 128
  const [, caught] = /Exiting normally, received signal (\d+)\./.exec(stderrTail) ?? []
  return caught === undefined ? undefined : Number(caught)
}

/**
 * Lines without the name of the part that speaks: `[mp4 @ 0x55d1] `, `[vost#0:0/libx264 @ 0x55d1] ` (ffmpeg 6 and later).
 * What is indented describes the files and is left out.
 */
function toMessages(stderrTail: string): readonly string[] {
  return stderrTail
    .split(/[\r\n]+/)
    .filter((line) => /^\S/.test(line))
    .map((line) =>
      line
        .trimEnd()
        .replace(/^(?:\[[^\]]+ @ (?:0x)?[0-9a-fA-F]+\]\s*)+/, '')
        .trim(),
    )
    .filter((line) => line !== '')
}
