/**
 * Finds the leash's frames in the bytes of a channel. A frame begins with the command's random tag, so that nothing that a login file
 * prints before it, and nothing that the command prints itself, is taken for one; all other bytes are handed on exactly.
 */

export interface LeashStart {
  /** Process number of the command. */
  readonly pid: number
  readonly wrapper: number
  /** `job`: a job object of Windows, which ends with the shell. */
  readonly mode: 'group' | 'setsid' | 'pid' | 'job'
}

export interface FrameHandlers {
  readonly onStart: (start: LeashStart) => void
  /** Bytes of the command's own. */
  readonly onOutput: (chunk: Buffer) => void
  readonly onExit: (status: number) => void
}

export interface FrameParser {
  push(chunk: Buffer): void
  /** The stream has ended: hands out what was kept back. */
  end(): void
}

/** For stdout: `TAG@start PID WRAPPER MODE`, the command's bytes, `TAG@exit STATUS`. What stands before and after is dropped. */
export function createFrameParser(tag: string, handlers: FrameHandlers): FrameParser {
  const startMark = Buffer.from(`${tag}@start `)
  const exitMark = Buffer.from(`${tag}@exit `)
  let state: 'before' | 'running' | 'after' = 'before'
  let pending: Buffer = Buffer.alloc(0)

  /** Takes one step; false when more bytes are needed. */
  function step(): boolean {
    const mark = state === 'before' ? startMark : exitMark
    const at = pending.indexOf(mark)
    if (at === -1) {
      const kept = prefixLength(pending, mark)
      hand(pending.subarray(0, pending.length - kept))
      pending = pending.subarray(pending.length - kept)
      return false
    }
    hand(pending.subarray(0, at))
    pending = pending.subarray(at)
    const end = pending.indexOf(0x0a, mark.length)
    if (end === -1 && pending.length < mark.length + MAX_FRAME_BYTES) return false
    if (!read(pending.toString('latin1', mark.length, end === -1 ? mark.length : end))) {
      hand(pending.subarray(0, mark.length))
      pending = pending.subarray(mark.length)
      return true
    }
    pending = pending.subarray(end + 1)
    return state === 'running'
  }

  function read(text: string): boolean {
    if (state === 'before') {
      const match = /^(\d{1,10}) (\d{1,10}) (group|setsid|pid|job)\r?$/.exec(text)
      if (match === null) return false
      state = 'running'
      handlers.onStart({ pid: Number(match[1]), wrapper: Number(match[2]), mode: match[3] as LeashStart['mode'] })
      return true
    }
    // Windows has 32 bits of it, with or without a sign; cmd.exe ends its lines with CR LF.
    const status = /^(-?\d{1,10})\r?$/.exec(text)?.[1]
    if (status === undefined) return false
    state = 'after'
    handlers.onExit(Number(status) >>> 0)
    return true
  }

  function hand(bytes: Buffer): void {
    if (state === 'running' && bytes.length > 0) handlers.onOutput(bytes)
  }

  return {
    push(chunk) {
      if (state === 'after') return
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      while (step());
    },
    end() {
      hand(pending)
      pending = Buffer.alloc(0)
    },
  }
}

/** For stderr: hands on what follows the line `TAG@start`, and says at the end what came when there was none. */
export function createNoiseFilter(tag: string, onOutput: (chunk: Buffer) => void): FrameParser {
  const mark = `${tag}@start`
  let before: Buffer | undefined = Buffer.alloc(0)
  return {
    push(chunk) {
      if (before === undefined) {
        onOutput(chunk)
        return
      }
      before = Buffer.concat([before, chunk])
      const end = findLineEnd(before, mark)
      if (end === undefined) {
        before = before.subarray(-MAX_NOISE_BYTES)
        return
      }
      const rest = before.subarray(end)
      before = undefined
      if (rest.length > 0) onOutput(rest)
    },
    end() {
      if (before !== undefined && before.length > 0) onOutput(before)
      before = undefined
    },
  }
}

/**
 * Behind the first line that ends with the mark. Not by a regular expression: each tag is another one, and to compile it takes longer than
 * all else that is done with these bytes.
 */
function findLineEnd(bytes: Buffer, mark: string): number | undefined {
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    const end = at + mark.length
    if (bytes[end] === LF) return end + 1
    if (bytes[end] === CR && bytes[end + 1] === LF) return end + 2
  }
  return undefined
}

const LF = 0x0a
const CR = 0x0d
const MAX_FRAME_BYTES = 40
const MAX_NOISE_BYTES = 16_384

/** Length of the longest end of `bytes` that may be the beginning of `mark`. */
function prefixLength(bytes: Buffer, mark: Buffer): number {
  for (let length = Math.min(bytes.length, mark.length - 1); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length
  }
  return 0
}
