/**
 * The bus port: ordered, partitioned records from one service to the others. Implementations: `in-process.ts`; later Kafka.
 * Every implementation passes `conformance.ts`.
 */

import type { ConsumerGroup, TopicName } from '@tapwarden/contracts/names'

export interface OutgoingRecord {
  readonly partition: number
  /** One or more NDJSON lines, each with its newline. The bus keeps the bytes: do not reuse them. */
  readonly value: Uint8Array
  /** Messages in `value`. */
  readonly messageCount: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface BusRecord extends OutgoingRecord {
  readonly topic: TopicName
  /** Position in its partition, from 0, without holes. */
  readonly offset: number
}

/** Records read together and committed together; all of one partition, in offset order. */
export interface Batch {
  readonly topic: TopicName
  readonly partition: number
  readonly records: readonly BusRecord[]
  /** Moves the group's offset past this batch. Call it after the effects; batches of a partition are committed in order. */
  commit(): Promise<void>
}

export interface Subscription {
  /** Ends when the subscription is closed, or when the bus is closed and everything published before was delivered. */
  batches(): AsyncIterable<Batch>
  /**
   * Whether records of a partition were published that this subscription has not read, as far as is known here. Who merges
   * partitions by time waits for those that have.
   */
  hasUnread(partition: number): boolean
  close(): Promise<void>
}

export interface SubscribeOptions {
  readonly topic: TopicName
  readonly group: ConsumerGroup
  /** At most so many records a batch; default 64. */
  readonly batchMaxRecords?: number
}

export interface Bus {
  /**
   * Resolves once the records are accepted: in process when there was room (this is the back-pressure), with Kafka when all
   * in-sync replicas have them. Throws `BusUnavailable`.
   */
  publish(topic: TopicName, records: readonly OutgoingRecord[]): Promise<void>
  /** A group sees every record from its first subscription on, and continues behind its last commit. */
  subscribe(options: SubscribeOptions): Subscription
  /** Records that `group` has not committed yet. */
  lag(topic: TopicName, group: ConsumerGroup): number
  /** Resolves when every group has committed everything that was published on these topics. */
  drained(topics: readonly TopicName[]): Promise<void>
  close(): Promise<void>
}

/** The bus is down or closed. */
export class BusUnavailable extends Error {
  override readonly name = 'BusUnavailable'
  readonly retryable: boolean
  constructor(operation: string, options: { readonly cause?: unknown; readonly retryable: boolean }) {
    super(`bus unavailable: ${operation}`, { cause: options.cause })
    this.retryable = options.retryable
  }
}
