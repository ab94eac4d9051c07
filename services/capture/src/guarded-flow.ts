/**
 * The second line of defence. The first is that hostile input is a value: no parser throws on it. Where that fails, by a fault of ours,
 * one connection shall not blind the sensor to all others: it is given up, what it holds is let go, and the fault is handed on to be
 * counted and told. What the fault left behind in a flow is read by nobody any more; what flows share (pools, counters, writers) is
 * reset by each use, or let go by `abandon`.
 *
 *   reading ──exception──► given up: bytes, gaps and ends are dropped
 */

import type { Direction, EndReason, FlowAnomaly, StreamConsumer } from '@tapwarden/net/stream-consumer'

export interface GivableUp extends StreamConsumer {
  /** Lets go what is held, after a fault in the midst of it. */
  abandon(): void
}

export class GuardedFlow implements StreamConsumer {
  /** Undefined once given up. */
  #flow: GivableUp | undefined
  readonly #onFault: (error: unknown) => void

  /** `onFault` is called once at most. */
  constructor(flow: GivableUp, onFault: (error: unknown) => void) {
    this.#flow = flow
    this.#onFault = onFault
  }

  bytes(
    direction: Direction,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    try {
      this.#flow?.bytes(direction, buffer, from, to, atUs, seq, ack)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  isHolding(): boolean {
    return this.#flow !== undefined && this.#flow.isHolding?.() !== false
  }

  gap(direction: Direction, missedBytes: number, atUs: number): void {
    try {
      this.#flow?.gap(direction, missedBytes, atUs)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  anomaly(direction: Direction, name: FlowAnomaly): void {
    try {
      this.#flow?.anomaly?.(direction, name)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  end(direction: Direction, reason: EndReason, atUs: number): void {
    try {
      this.#flow?.end(direction, reason, atUs)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  #giveUp(error: unknown): void {
    const flow = this.#flow
    this.#flow = undefined
    flow?.abandon()
    this.#onFault(error)
  }
}
