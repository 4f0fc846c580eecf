/** What one call's media is doing now. Counters run from the start of the call; milliseconds unless named otherwise. */
export interface CallStats {
  readonly input: InputStats;
  readonly output: OutputStats;
  /** Undefined until a frame of the caller has been answered. */
  readonly latency: HopLatency | undefined;
}

/** The caller's audio, on its way in. */
export interface InputStats {
  /** Level of the last frame handed to the peer, -100 for silence. */
  readonly levelDbfs: number;
  readonly packetCount: number;
  /** Packets not usable as RTP or as Opus. */
  readonly invalidPacketCount: number;
  readonly duplicatePacketCount: number;
  readonly reorderedPacketCount: number;
  /** Packets that came after their audio had been due. */
  readonly tooLatePacketCount: number;
  /** Packets that were not there when their audio was due, and could not be restored from the next one. */
  readonly lostPacketCount: number;
  readonly fecRestoredPacketCount: number;
  /** Audio made up for lost packets. */
  readonly concealedMs: number;
  /** Silence while the caller sent nothing on purpose: discontinuous transmission, mute. */
  readonly pausedMs: number;
  readonly frameCount: number;
  /** Ticks without the caller's frame: nothing of it had come, or it could not be handed over in time. */
  readonly frameDeficitCount: number;
  /** Milliseconds of audio removed and inserted to follow the caller's clock and the network. */
  readonly removedMs: number;
  readonly insertedMs: number;
  /** Frames in which the time scale was corrected. */
  readonly correctedFrameCount: number;
  /** Times the position in the stream was set anew: start, another SSRC, a jump of the timestamps or of the peer's tick. */
  readonly resyncCount: number;
}

/** The peer's audio, on its way to the caller. */
export interface OutputStats {
  readonly levelDbfs: number;
  readonly packetCount: number;
  /** Handed over more than 5 ms after their pacing time. */
  readonly latePacketCount: number;
  /** Pacing times with nothing to send. */
  readonly underrunCount: number;
  /** Packets dropped because their reply came more than a packet too late. */
  readonly droppedPacketCount: number;
  /** Replies with no tick to belong to: doubled, or older than what has been sent. */
  readonly strayReplyCount: number;
}

/** Where the milliseconds go, as running means over about the last second. */
export interface HopLatency {
  /** From the arrival of the last packet that a frame needs to the hand-over of the frame. */
  readonly bufferMs: number;
  /** From the hand-over of a frame to its tick. */
  readonly tickWaitMs: number;
  /** From a tick to the arrival of its reply: the peer's step and its link. */
  readonly replyMs: number;
  /** From the arrival of a reply to the pacing time of its first packet. */
  readonly pacingMs: number;
  /** How late the packets were handed over, after their pacing time. */
  readonly sendLateMs: number;
}
