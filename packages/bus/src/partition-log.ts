/** The retained records of one partition, in offset order. Offsets count from 0 without holes; what everybody has is forgotten from the front. */

import type { TopicName } from '@tapwarden/contracts/names'
import type { BusRecord, OutgoingRecord } from './bus.js'

/** Forgotten slots are given back once there are this many of them and they are the larger half: amortized O(1) a record. */
const compactMinCount = 256

export class PartitionLog {
  #records: (BusRecord | undefined)[] = []
  /** Index of the first retained record in `#records`, and its offset. */
  #head = 0
  #headOffset = 0

  get nextOffset(): number {
    return this.#headOffset + this.#records.length - this.#head
  }

  append(topic: TopicName, record: OutgoingRecord): void {
    this.#records.push({ ...record, topic, offset: this.nextOffset })
  }

  /** At most `maxCount` records from `offset` on; empty when there are none. */
  read(offset: number, maxCount: number): BusRecord[] {
    const start = this.#head + Math.max(0, offset - this.#headOffset)
    const records: BusRecord[] = []
    for (let i = start; i < this.#records.length && records.length < maxCount; i++) {
      const record = this.#records[i]
      if (record !== undefined) records.push(record)
    }
    return records
  }

  forgetBefore(offset: number): { readonly bytes: number; readonly recordCount: number } {
    let bytes = 0
    let recordCount = 0
    while (this.#head < this.#records.length && this.#headOffset < offset) {
      bytes += this.#records[this.#head]?.value.length ?? 0
      this.#records[this.#head] = undefined
      this.#head++
      this.#headOffset++
      recordCount++
    }
    if (this.#head >= compactMinCount && this.#head * 2 >= this.#records.length) {
      this.#records.splice(0, this.#head)
      this.#head = 0
    }
    return { bytes, recordCount }
  }
}
