/** One beat of whoever answers a call: the caller's frame has to be there at `atMs`. */
export interface Tick {
  /** Counts up by one every 80 ms. */
  readonly index: number;
  /** Monotonic time of this process (`performance.now()`), in milliseconds. */
  readonly atMs: number;
}

/**
 * Who answers a call, an inference worker behind its link or an echo. media calls it; replies come back through
 * `MediaCall.handleReply`, tagged with the tick whose step made them.
 */
export interface FramePeer {
  /**
   * The first tick that is due strictly after `nowMs`. Asked again after every frame, so a corrected estimate of the
   * peer's clock takes effect at the next frame. Ticks may be skipped; an index never comes back.
   */
  nextTick(nowMs: number): Tick;
  /** How long before a tick its frame is handed over: what the way to the peer costs, usually 0.5 to 2 ms. */
  readonly leadMs: number;
  /**
   * Takes the caller's 80 ms for a tick, about `leadMs` before it. Must not block.
   *
   * @param pcm 1920 mono samples at 24 kHz, nominal [-1, 1]; the receiver may keep it. A caller's missing audio has
   *   been concealed already.
   */
  sendFrame(tickIndex: number, pcm: Float32Array): void;
}
