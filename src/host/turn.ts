/**
 * A transfer's place among all those of its run: what whoever moves bytes asks before it does, so that limits hold and those come first
 * that a slot waits for. Made by `transfer/uplink`; without one, bytes go as fast as they can.
 *
 * A mover that has its bytes in hand asks for each piece: `await turn.take(piece.length, signal)`, and says `rest` after the last one.
 * A mover that lets another program move them `count`s what has moved, and has that program stand still while the turn `isHeld`;
 * it must not be used where the turn `isMetered`. A mover that can tell says `stall` when it waits for the far side, and when no more.
 */

export interface Turn {
  /** A limit holds: no byte may move that was not asked for. */
  readonly isMetered: boolean
  /** How much to ask for at a time, at most; follows the speed. */
  pieceBytes(): number
  /** Resolves when so many bytes may move; they count as moved. Rejects with the signal's reason. */
  take(bytes: number, signal?: AbortSignal): Promise<void>
  /** So many bytes have moved without being asked for. */
  count(bytes: number): void
  /** Tells at once, and at each change, whether to stand still for others. */
  watch(onHold: (isHeld: boolean) => void): Disposable
  /**
   * Whether it has been waiting for the far side for a while: then whoever comes next to the same host may go meanwhile, as far as the line has
   * room for both. Who says so whenever it changes, and at the beginning, is not put to the test.
   */
  stall(isStalled: boolean): void
  /** Nothing moves now: others need not step back. The next piece, or another `watch`, takes the turn up again. */
  rest(): void
}
