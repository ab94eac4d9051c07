/**
 * Lines of transactions → records of the bus: those of one partition travel together, up to a number, a size, or a time.
 * Sixty-four in a record cost the bus, and whoever reads it, what one would.
 */

import type { OutgoingRecord } from '@tapwarden/bus/bus'
import { partitionCounts, topicNames } from '@tapwarden/contracts/names'

export interface BatchLimits {
  readonly maxTransactions: number
  readonly maxBytes: number
}

interface OpenBatch {
  buffer: Buffer
  bytes: number
  count: number
  /** Event time of its first transaction. */
  sinceUs: number
}

const startBytes = 65_536

export class TransactionBatches {
  readonly #limits: BatchLimits
  readonly #open: (OpenBatch | undefined)[] = new Array(partitionCounts[topicNames.transactions]).fill(undefined)
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
    let batch = this.#open[partition]
    if (batch !== undefined && batch.bytes + line.length > this.#limits.maxBytes) {
      this.#close(partition, batch)
      batch = undefined
    }
    if (batch === undefined) {
      batch = { buffer: Buffer.allocUnsafeSlow(Math.max(startBytes, line.length)), bytes: 0, count: 0, sinceUs: atUs }
      this.#open[partition] = batch
    }
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
      if (batch !== undefined && batch.sinceUs <= untilUs) this.#close(partition, batch)
    }
  }

  takeFull(): OutgoingRecord[] {
    const full = this.#full
    this.#full = []
    return full
  }

  #close(partition: number, batch: OpenBatch): void {
    this.#open[partition] = undefined
    this.#full.push({ partition, value: batch.buffer.subarray(0, batch.bytes), messageCount: batch.count })
  }
}
