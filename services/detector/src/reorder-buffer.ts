/**
 * Puts transactions of many partitions back into event-time order, for a bounded time.
 *
 * A transaction leaves when every partition heard of lately has gone past its time (the watermark), when it has waited long enough, or
 * when the buffer is full. Under load, as in a replay at full speed, the watermark decides and the order is exact; in
 * thin live traffic the wait does, and it is short because an attack uses it too.
 *
 * Long enough is `maxWaitMs` of wall time and `maxWaitTurns` reads of the bus: while there is a backlog the wall clock says nothing
 * about a partition whose turn has not come. When the bus has nothing to read (`idle`) the wall clock alone decides.
 */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'

export interface Buffered {
  readonly transaction: HttpTransaction
  readonly partition: number
  readonly arrivedMs: number
  /** Number of the read of the bus that brought it. */
  readonly arrivedTurn: number
}

/** The clocks that waiting is measured by. */
export interface ReorderNow {
  readonly ms: number
  readonly turn: number
  /** Everything that was published has been read. */
  readonly idle: boolean
}

export interface ReorderLimits {
  readonly maxWaitMs: number
  readonly maxWaitTurns: number
  readonly maxCount: number
}

interface PartitionClock {
  /** Event time of the newest transaction. */
  newestUs: number
  arrivedMs: number
  arrivedTurn: number
}

export class ReorderBuffer {
  readonly #limits: ReorderLimits
  /** A binary heap, the oldest first. */
  readonly #heap: Buffered[] = []
  readonly #clocks = new Map<number, PartitionClock>()

  constructor(limits: ReorderLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#heap.length
  }

  push(entry: Buffered): void {
    const clock = this.#clocks.get(entry.partition)
    const { arrivedMs, arrivedTurn } = entry
    const { observedAtUs } = entry.transaction
    if (clock === undefined) {
      this.#clocks.set(entry.partition, { newestUs: observedAtUs, arrivedMs, arrivedTurn })
    } else {
      clock.newestUs = Math.max(clock.newestUs, observedAtUs)
      clock.arrivedMs = arrivedMs
      clock.arrivedTurn = arrivedTurn
    }
    this.#heap.push(entry)
    this.#siftUp(this.#heap.length - 1)
  }

  /** Those that may go now, in event-time order; equal times by id. */
  release(now: ReorderNow): Buffered[] {
    const released: Buffered[] = []
    const watermarkUs = this.#watermarkUs(now)
    for (;;) {
      const oldest = this.#heap[0]
      if (oldest === undefined) return released
      const due =
        oldest.transaction.observedAtUs <= watermarkUs ||
        this.#waitedLongEnough(oldest, now) ||
        this.#heap.length > this.#limits.maxCount
      if (!due) return released
      released.push(this.#pop(oldest))
    }
  }

  /** Everything, in order: nothing older will come. */
  releaseAll(): Buffered[] {
    const released: Buffered[] = []
    for (let oldest = this.#heap[0]; oldest !== undefined; oldest = this.#heap[0]) released.push(this.#pop(oldest))
    return released
  }

  /** A partition silent for longer than the wait holds nobody up. */
  #watermarkUs(now: ReorderNow): number {
    let watermarkUs = Number.POSITIVE_INFINITY
    for (const clock of this.#clocks.values()) {
      if (!this.#waitedLongEnough(clock, now)) watermarkUs = Math.min(watermarkUs, clock.newestUs)
    }
    return watermarkUs
  }

  #waitedLongEnough(since: { readonly arrivedMs: number; readonly arrivedTurn: number }, now: ReorderNow): boolean {
    const { maxWaitMs, maxWaitTurns } = this.#limits
    return now.ms - since.arrivedMs >= maxWaitMs && (now.idle || now.turn - since.arrivedTurn >= maxWaitTurns)
  }

  #pop(oldest: Buffered): Buffered {
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#siftDown()
    }
    return oldest
  }

  #siftUp(from: number): void {
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!this.#swapIfBefore(index, parent)) return
      index = parent
    }
  }

  #siftDown(): void {
    for (let index = 0; ; ) {
      const left = 2 * index + 1
      if (left >= this.#heap.length) return
      const right = left + 1
      // In range by the two conditions.
      const child = right < this.#heap.length && before(this.#heap[right]!, this.#heap[left]!) ? right : left
      if (!this.#swapIfBefore(child, index)) return
      index = child
    }
  }

  /** Both indexes are in range. */
  #swapIfBefore(child: number, parent: number): boolean {
    const [lower, upper] = [this.#heap[child]!, this.#heap[parent]!]
    if (!before(lower, upper)) return false
    this.#heap[child] = upper
    this.#heap[parent] = lower
    return true
  }
}

function before(a: Buffered, b: Buffered): boolean {
  const difference = a.transaction.observedAtUs - b.transaction.observedAtUs
  return difference < 0 || (difference === 0 && a.transaction.id < b.transaction.id)
}
