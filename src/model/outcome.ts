/** How one attempt at a job ended. */

export type JobOutcome =
  /** `seconds`: of its own work, without the time for which it waited for a slot of its host. */
  | { readonly kind: 'done'; readonly outputBytes: number; readonly seconds: number }
  /** The source stays on purpose: a threshold was not met. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | {
      readonly kind: 'failed'
      readonly reason: string
      /** Path of the log with ffmpeg's own words; null when there is none. */
      readonly log: string | null
      /**
       * `never`: no other host would do better. `elsewhere`: another host may. `lost`: the host is gone, nothing is known against file
       * or host. `variant`: the hardware encoder did not start; another encoder of the same host may. `crowded`: the hardware runs as
       * many encodes as it can; later there will be room. `no-room`: a disk filled up; nothing is known against file or host.
       */
      readonly retry: 'never' | 'elsewhere' | 'lost' | 'variant' | 'crowded' | 'no-room'
    }
  | { readonly kind: 'interrupted' }
