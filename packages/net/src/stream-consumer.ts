/** Who reads the two half-streams of a flow. Owned by `net`; implemented by `http` without knowing `net`. */

export type Direction = 'c2s' | 's2c'
export type EndReason = 'fin' | 'rst' | 'idle' | 'evicted' | 'end-of-capture'

/** What a flow's own segments can show, and its transactions tell. */
export type FlowAnomaly =
  | 'tcp.overlap-conflict'
  | 'tcp.urgent-byte'
  | 'tcp.sequence-wild'
  | 'tcp.fin-wild'
  | 'tcp.ack-wild'
  | 'tcp.reset-wild'
  | 'tcp.reset-forged'
  | 'tcp.syn-in-flow'
  | 'tcp.syn-ack-mismatch'
  | 'tcp.data-after-fin'
  | 'tcp.early-data-overflow'

export interface StreamConsumer {
  /**
   * In-order bytes `buffer[from, to)`, borrowed until the call returns. `seq` is the sequence number of the first of them and
   * `ack` the acknowledgement number that came with it, both unsigned 32-bit.
   */
  bytes(
    direction: Direction,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void
  /** `missedBytes` of this direction were never seen; what follows continues behind them. */
  gap(direction: Direction, missedBytes: number, atUs: number): void
  /**
   * Something odd was seen in this direction: told before the bytes that it concerns, or behind them if those were lent already, or if it concerns
   * none. `name` is one of those that are spelled in this package and counted there.
   */
  anomaly?(direction: Direction, name: FlowAnomaly): void
  /** Whether its end would let memory go. Without this, it might. */
  isHolding?(): boolean
  /** Nothing more will come in this direction. */
  end(direction: Direction, reason: EndReason, atUs: number): void
}
