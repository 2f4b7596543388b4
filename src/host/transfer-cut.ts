/** The end of a transfer to a host that was asked to leave off: the host has the beginning of the file, and nothing writes to it any more. */

export class TransferCut extends Error {
  override readonly name = 'TransferCut'
  /** Where the beginning stands on the host. */
  readonly hostPath: string
  readonly sizeBytes: number

  constructor(hostPath: string, sizeBytes: number) {
    super(`The transfer was told to leave off after ${sizeBytes} B`)
    this.hostPath = hostPath
    this.sizeBytes = sizeBytes
  }
}
