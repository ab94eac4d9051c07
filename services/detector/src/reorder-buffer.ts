/**
 * Puts transactions of many partitions back into event-time order, for a bounded time.
 *
 * While there is something to read, a transaction leaves when every partition that has unread records has gone past its time (the
 * watermark): under load, as in a replay at full speed, the order is that of event time, and the wall clock has no say. When
 * everything was read, it leaves when the partitions heard of lately have gone past it, or after `maxWaitMs`: in thin live traffic the wait
 * decides, and it is short because an attack uses it too. A full buffer lets its oldest go in any case.
 */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'

export interface Buffered {
  readonly transaction: HttpTransaction
  readonly partition: number
  readonly arrivedMs: number
}

/** What waiting is measured by. */
export interface ReorderNow {
  readonly ms: number
  readonly hasUnread: (partition: number) => boolean
}

export interface ReorderLimits {
  readonly maxWaitMs: number
  readonly partitionCount: number
  readonly maxCount: number
}

interface PartitionClock {
  /** Event time of the newest transaction. */
  newestUs: number
  arrivedMs: number
}

export class ReorderBuffer<Entry extends Buffered = Buffered> {
  readonly #limits: ReorderLimits
  /** A binary heap, the oldest first. */
  readonly #heap: Entry[] = []
  readonly #clocks = new Map<number, PartitionClock>()

  constructor(limits: ReorderLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#heap.length
  }

  push(entry: Entry): void {
    const clock = this.#clocks.get(entry.partition)
    const { arrivedMs } = entry
    const { observedAtUs } = entry.transaction
    if (clock === undefined) {
      this.#clocks.set(entry.partition, { newestUs: observedAtUs, arrivedMs })
    } else {
      clock.newestUs = Math.max(clock.newestUs, observedAtUs)
      clock.arrivedMs = arrivedMs
    }
    this.#heap.push(entry)
    this.#siftUp(entry)
  }

  /** Those that may go now, in event-time order; equal times by id. */
  release(now: ReorderNow): Entry[] {
    const released: Entry[] = []
    const unread = this.#unreadPartitions(now)
    const watermarkUs = unread.length > 0 ? this.#unreadWatermarkUs(unread) : this.#lateWatermarkUs(now.ms)
    for (;;) {
      const oldest = this.#heap[0]
      if (oldest === undefined) return released
      const due =
        oldest.transaction.observedAtUs <= watermarkUs ||
        (unread.length === 0 && now.ms - oldest.arrivedMs >= this.#limits.maxWaitMs) ||
        this.#heap.length > this.#limits.maxCount
      if (!due) return released
      released.push(this.#pop(oldest))
    }
  }

  /** Everything, in order: nothing older will come. */
  releaseAll(): Entry[] {
    const released: Entry[] = []
    for (let oldest = this.#heap[0]; oldest !== undefined; oldest = this.#heap[0]) released.push(this.#pop(oldest))
    return released
  }

  #unreadPartitions(now: ReorderNow): number[] {
    const unread: number[] = []
    for (let partition = 0; partition < this.#limits.partitionCount; partition++) {
      if (now.hasUnread(partition)) unread.push(partition)
    }
    return unread
  }

  /** A partition that has something to read and was never heard of may hold anything. */
  #unreadWatermarkUs(unread: readonly number[]): number {
    let watermarkUs = Number.POSITIVE_INFINITY
    for (const partition of unread) {
      watermarkUs = Math.min(watermarkUs, this.#clocks.get(partition)?.newestUs ?? Number.NEGATIVE_INFINITY)
    }
    return watermarkUs
  }

  /** Everything was read: a partition silent for longer than the wait holds nobody up. */
  #lateWatermarkUs(nowMs: number): number {
    let watermarkUs = Number.POSITIVE_INFINITY
    for (const { newestUs, arrivedMs } of this.#clocks.values()) {
      if (nowMs - arrivedMs < this.#limits.maxWaitMs) watermarkUs = Math.min(watermarkUs, newestUs)
    }
    return watermarkUs
  }

  #pop(oldest: Entry): Entry {
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#siftDown(last)
    }
    return oldest
  }

  /** `entry` stands last. */
  #siftUp(entry: Entry): void {
    const heap = this.#heap
    let index = heap.length - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]! // In range: above the index.
      if (!before(entry, parent)) break
      heap[index] = parent
      index = above
    }
    heap[index] = entry
  }

  /** `entry` stands first. */
  #siftDown(entry: Entry): void {
    const heap = this.#heap
    let index = 0
    for (let below = 1; below < heap.length; below = 2 * index + 1) {
      // Both in range by the conditions.
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++
      const child = heap[below]!
      if (!before(child, entry)) break
      heap[index] = child
      index = below
    }
    heap[index] = entry
  }
}

function before(a: Buffered, b: Buffered): boolean {
  const difference = a.transaction.observedAtUs - b.transaction.observedAtUs
  return difference < 0 || (difference === 0 && a.transaction.id < b.transaction.id)
}
