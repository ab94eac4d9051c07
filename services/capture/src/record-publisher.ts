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
  #running: Promise<void> | undefined
  #failure: unknown
  /** Messages dropped because the bus was full. */
  shedCount = 0
  publishedRecordCount = 0

  constructor(options: RecordPublisherOptions) {
    this.#options = options
  }

  /** Records that wait for the bus, those apart that it is being given. */
  get waitingCount(): number {
    return this.#queue.length
  }

  /** Throws what publishing failed with, if it did. */
  offer(records: readonly OutgoingRecord[]): void {
    if (this.#failure !== undefined) throw this.#failure
    for (const record of records) {
      if (this.#options.policy === 'shed' && this.#queue.length >= this.#options.queueMaxRecords) {
        this.shedCount += record.messageCount
      } else this.#queue.push(record)
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
      while (this.#queue.length > 0) await this.#publish(this.#queue.splice(0, publishMaxRecords))
    } catch (error) {
      this.#failure = error
      this.#queue = []
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
