/**
 * Lines of transactions → records of the bus: those of one partition travel together, up to a number, a size, or a time.
 * Sixty-four in a record cost the bus, and whoever reads it, what one would.
 */

import { assert } from '@tapwarden/base/assert'
import type { OutgoingRecord } from '@tapwarden/bus/bus'
import { partitionCounts, topicNames } from '@tapwarden/contracts/names'

export interface BatchLimits {
  readonly maxTransactions: number
  readonly maxBytes: number
}

/** What waits for company in one partition. Its buffer is used again and again; it grows, within `maxBytes` or one line. */
interface OpenBatch {
  buffer: Buffer
  bytes: number
  /** 0: nothing is open. */
  count: number
  /** Event time of its first transaction. */
  sinceUs: number
}

const startBytes = 16_384

export class TransactionBatches {
  readonly #limits: BatchLimits
  readonly #open: readonly OpenBatch[] = Array.from({ length: partitionCounts[topicNames.transactions] }, () => ({
    buffer: Buffer.alloc(startBytes),
    bytes: 0,
    count: 0,
    sinceUs: 0,
  }))
  /** Records that are full, in the order in which they filled: whoever publishes takes them with `takeFull`. */
  #full: OutgoingRecord[] = []

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  get fullCount(): number {
    return this.#full.length
  }

  /** `line` is copied. */
  add(partition: number, line: Uint8Array, atUs: number): void {
    const batch = this.#open[partition]
    assert(batch !== undefined, 'the partition is one of the topic')
    if (batch.count > 0 && batch.bytes + line.length > this.#limits.maxBytes) this.#close(partition, batch)
    if (batch.count === 0) batch.sinceUs = atUs
    if (batch.bytes + line.length > batch.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(batch.buffer.length * 2, batch.bytes + line.length))
      grown.set(batch.buffer.subarray(0, batch.bytes))
      batch.buffer = grown
    }
    batch.buffer.set(line, batch.bytes)
    batch.bytes += line.length
    batch.count++
    if (batch.count >= this.#limits.maxTransactions) this.#close(partition, batch)
  }

  /** Closes every batch whose first transaction is at least as old as `untilUs`; all of them by default. */
  closeOlder(untilUs = Number.POSITIVE_INFINITY): void {
    for (let partition = 0; partition < this.#open.length; partition++) {
      const batch = this.#open[partition]
      if (batch !== undefined && batch.count > 0 && batch.sinceUs <= untilUs) this.#close(partition, batch)
    }
  }

  takeFull(): OutgoingRecord[] {
    const full = this.#full
    this.#full = []
    return full
  }

  /** The bus keeps what it is given, and counts its bytes: so it gets exactly those, in memory of their own. */
  #close(partition: number, batch: OpenBatch): void {
    const value = Buffer.allocUnsafeSlow(batch.bytes)
    batch.buffer.copy(value, 0, 0, batch.bytes)
    this.#full.push({ partition, value, messageCount: batch.count })
    batch.bytes = 0
    batch.count = 0
  }
}
