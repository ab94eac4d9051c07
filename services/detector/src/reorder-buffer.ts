/**
 * Puts transactions of many partitions back into event-time order, for a bounded time.
 *
 * A transaction leaves when every partition heard of lately has gone past its time (the watermark), when it has waited `maxWaitMs` of
 * wall time, or when the buffer is full. Under load, as in a replay at full speed, the watermark decides and the order is exact; in
 * thin live traffic the wait does, and it is short because an attack uses it too.
 */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'

export interface Buffered {
  readonly transaction: HttpTransaction
  readonly partition: number
  readonly arrivedMs: number
}

export interface ReorderLimits {
  readonly maxWaitMs: number
  readonly maxCount: number
}

interface PartitionClock {
  /** Event time of the newest transaction. */
  newestUs: number
  arrivedMs: number
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
    const { observedAtUs } = entry.transaction
    if (clock === undefined) {
      this.#clocks.set(entry.partition, { newestUs: observedAtUs, arrivedMs: entry.arrivedMs })
    } else {
      clock.newestUs = Math.max(clock.newestUs, observedAtUs)
      clock.arrivedMs = entry.arrivedMs
    }
    this.#heap.push(entry)
    this.#siftUp(this.#heap.length - 1)
  }

  /** Those that may go now, in event-time order; equal times by id. */
  release(nowMs: number): Buffered[] {
    const released: Buffered[] = []
    const watermarkUs = this.#watermarkUs(nowMs)
    for (;;) {
      const oldest = this.#heap[0]
      if (oldest === undefined) return released
      const due =
        oldest.transaction.observedAtUs <= watermarkUs ||
        nowMs - oldest.arrivedMs >= this.#limits.maxWaitMs ||
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
  #watermarkUs(nowMs: number): number {
    let watermarkUs = Number.POSITIVE_INFINITY
    for (const { newestUs, arrivedMs } of this.#clocks.values()) {
      if (nowMs - arrivedMs < this.#limits.maxWaitMs) watermarkUs = Math.min(watermarkUs, newestUs)
    }
    return watermarkUs
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
