/** Everything that happens in a run, as the world hears of it. Names and fields are public (`--json`). */

export const STAGES = ['fetch', 'encode', 'return', 'verify', 'replace'] as const
export type Stage = (typeof STAGES)[number]

/** Events without their time; the run stamps it on. Fields of unknown value are null. */
export interface EventFields {
  'run.started': {
    readonly jobs: number
    readonly clusters: readonly string[]
    /** Only where files are still being looked into: how many there are in all. Each is told later, as a job, as skipped or as failed. */
    readonly files?: number
  }
  'host.up': {
    readonly cluster: string
    readonly host: string
    readonly os: string
    readonly ffmpeg: string
    readonly encoders: readonly string[]
    /** Free space of the working folder, bytes. */
    readonly free_bytes: number | null
  }
  /** It gets no new job; `host.down` follows when it has none any more. */
  'host.draining': { readonly cluster: string; readonly host: string; readonly reason: string; readonly jobs: number }
  'host.down': { readonly cluster: string; readonly host: string; readonly reason: string }
  'job.queued': {
    readonly job: string
    readonly file: string
    readonly cluster: string
    readonly profile: string
    readonly queue: string
    /** Size and length of the source: what the ETA of the whole run is weighted by. */
    readonly source_bytes?: number
    readonly duration_s?: number | null
  }
  'job.started': {
    readonly job: string
    readonly file: string
    readonly host: string
    readonly attempt: number
    /** Another attempt at the job goes on meanwhile: whose result is whole first wins. */
    readonly copy?: true
  }
  'job.stage': { readonly job: string; readonly stage: Stage; readonly host?: string; readonly attempt?: number }
  'job.progress': {
    readonly job: string
    readonly host: string
    readonly stage: Stage
    readonly attempt?: number
    /** The stage is over, and the job waits for a slot of its host. */
    readonly waiting?: true
    /** 0 to 100. */
    readonly percent: number | null
    readonly fps: number | null
    /** Seconds of media a second. */
    readonly speed: number | null
    readonly eta_s: number | null
    /** Bytes moved (fetch, return) or written (encode). */
    readonly size_bytes: number | null
    /** Saving so far, of the part that is done; negative when it grows. */
    readonly saved_percent: number | null
  }
  'job.retry': {
    readonly job: string
    readonly host: string
    readonly reason: string
    readonly attempt?: number
    /** The job does not wait: another attempt at it goes on. */
    readonly running?: true
  }
  'job.done': {
    readonly job: string
    readonly file: string
    readonly host: string
    readonly output: string
    readonly seconds: number
    readonly source_bytes: number
    readonly output_bytes: number
    readonly saved_percent: number
  }
  'job.skipped': { readonly job?: string; readonly file: string; readonly reason: string }
  'job.failed': {
    readonly job?: string
    readonly file: string
    readonly host: string | null
    readonly reason: string
    readonly log: string | null
  }
  'job.planned': {
    readonly file: string
    readonly cluster: string
    readonly host: string | null
    readonly rule: string | null
    readonly profile: string
    readonly queue: string
    readonly arguments: readonly string[]
    readonly output: string
  }
  warning: {
    readonly message: string
    /** Of interest only when it is told: not again at the end of the run. */
    readonly momentary?: true
  }
  'run.finished': {
    readonly done: number
    readonly skipped: number
    readonly failed: number
    readonly seconds: number
    readonly source_bytes: number
    readonly output_bytes: number
    readonly exit: number
    /** Of a run that was drained: jobs that are still queued. */
    readonly left?: number
  }
}

export type EventName = keyof EventFields

/** One event as it stands on a line of `--json`. */
export type EncodeEvent = { [Name in EventName]: { readonly time: string; readonly event: Name } & EventFields[Name] }[EventName]

export type EventOf<Name extends EventName> = Extract<EncodeEvent, { event: Name }>

/** What a run tells; nothing that listens can stop or slow it. */
export type Emit = <Name extends EventName>(event: Name, fields: EventFields[Name]) => void

/** A view: takes events, owns its output, is closed once. */
export interface View {
  handle(event: EncodeEvent): void
  close(): Promise<void>
}
