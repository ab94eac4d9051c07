/** Every limit and timeout of a flow table, in event time, and its default. */

export interface FlowLimits {
  readonly flowMaxCount: number
  /** Without a segment for so long, a flow is over: one that had bytes, one that had none yet. */
  readonly idleTimeoutUs: number
  readonly openingTimeoutUs: number
  /** The same, once both sides sent FIN or one sent RST. */
  readonly closedTimeoutUs: number
  /** Early segments of one half-stream. */
  readonly halfBufferMaxBytes: number
  /** Early segments of all flows. */
  readonly bufferMaxBytes: number
  /** How late bytes may be that the other side acknowledged: behind its data, behind a pure ACK. Then they are a gap. */
  readonly ackedByDataUs: number
  readonly ackedUs: number
  /** How long a hole may stay of which the receiver is not in the capture: the sender may still repeat it. */
  readonly gapTimeoutUs: number
}

export const flowDefaultLimits: FlowLimits = {
  flowMaxCount: 65_536,
  idleTimeoutUs: 600_000_000,
  openingTimeoutUs: 60_000_000,
  closedTimeoutUs: 5_000_000,
  halfBufferMaxBytes: 4_194_304,
  bufferMaxBytes: 33_554_432,
  ackedByDataUs: 1_000,
  ackedUs: 20_000,
  gapTimeoutUs: 5_000_000,
}
