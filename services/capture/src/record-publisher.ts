/**
 * Records on their way to the bus: a bounded queue, one `publish` under way at a time, so that their order holds.
 *
 *   offer ──► queue ──► bus.publish (waits while the bus is full) ──► published
 *               └─ full, policy `shed`: the newest is dropped and counted
 *
 * Under `wait` nothing is dropped: whoever offers awaits `settled`, which is what holds a file back.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { type Bus, BusUnavailable, type OutgoingRecord } from '@tapwarden/bus/bus'
import type { TopicName } from '@tapwarden/contracts/names'

export type OverflowPolicy = 'wait' | 'shed'

export interface RecordPublisherOptions {
  readonly bus: Bus
  readonly topic: TopicName
  readonly policy: OverflowPolicy
  readonly queueMaxRecords: number
}

const retryDelayMs = 250
/** Records handed to the bus in one call. */
const publishMaxRecords = 64

export class RecordPublisher {
  readonly #options: RecordPublisherOptions
  #queue: OutgoingRecord[] = []
  #waitingCount = 0
  #running: Promise<void> | undefined
  #failure: unknown
  /** Messages dropped because the bus was full. */
  shedCount = 0
  publishedRecordCount = 0

  constructor(options: RecordPublisherOptions) {
    this.#options = options
  }

  /** Of the queue, those apart that the bus is being given: its records by the most that may be, and its messages. */
  get fill(): number {
    return this.#queue.length / this.#options.queueMaxRecords
  }

  get waitingCount(): number {
    return this.#waitingCount
  }

  /** Throws what publishing failed with, if it did. */
  offer(records: readonly OutgoingRecord[]): void {
    if (this.#failure !== undefined) throw this.#failure
    for (const record of records) {
      if (this.#options.policy === 'shed' && this.#queue.length >= this.#options.queueMaxRecords) {
        this.shedCount += record.messageCount
      } else {
        this.#queue.push(record)
        this.#waitingCount += record.messageCount
      }
    }
    if (this.#queue.length > 0) this.#running ??= this.#drain()
  }

  /** Resolves when everything offered is published; rejects if it cannot be. */
  async settled(): Promise<void> {
    await this.#running
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Never rejects: a failure is kept for whoever offers or awaits next. */
  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const records = this.#queue.splice(0, publishMaxRecords)
        for (const { messageCount } of records) this.#waitingCount -= messageCount
        await this.#publish(records)
      }
    } catch (error) {
      this.#failure = error
      this.#queue = []
      this.#waitingCount = 0
    }
    this.#running = undefined
  }

  async #publish(records: readonly OutgoingRecord[]): Promise<void> {
    for (;;) {
      try {
        await this.#options.bus.publish(this.#options.topic, records)
        this.publishedRecordCount += records.length
        return
      } catch (error) {
        if (!(error instanceof BusUnavailable && error.retryable)) throw error
        await delay(retryDelayMs)
      }
    }
  }
}
