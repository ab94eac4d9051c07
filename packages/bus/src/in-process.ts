/**
 * The bus inside one process: bounded queues with back-pressure, nothing on disk. What is not committed when the process dies is lost,
 * and the loss shows in the sensor's interval sequence (DESIGN "Decided" 10).
 *
 *   publish ──► [room?] ──► partition log ──► group A: position ─ committed
 *                 │ no           ▲       └──► group B: position ─ committed
 *                 └► wait, FIFO ─┴── records leave once every known group has committed them
 *
 * Invariants: in each partition and group `committed <= position <= next offset`; a topic retains exactly what some known group has
 * not committed; retained bytes and records stay within the limits, except that one publish larger than a limit passes when the topic is empty.
 *
 * A topic nobody has subscribed to keeps nothing: what is published there is dropped and counted, because keeping it would stop its
 * publisher for ever. So subscribe consumers before publishers start.
 *
 * Why consuming one topic while publishing to another cannot deadlock: topics form a DAG (transactions → endpoints, findings; findings
 * → decisions; the rest are ends), and each subscription has a loop of its own. A publisher waits only for consumers of its target
 * topic; those wait only for topics further down; the consumers of an end wait for no topic. By induction from the ends every
 * wait is finite. Two duties follow: no service publishes to a topic upstream of what it consumes, and a consumer that gathers several batches before it
 * commits does so after a time at the latest, since its publisher may be waiting for just that commit.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { assert } from '@tapwarden/base/assert'
import { type ConsumerGroup, partitionCounts, type TopicName } from '@tapwarden/contracts/names'
import {
  type Batch,
  type Bus,
  type BusRecord,
  BusUnavailable,
  type OutgoingRecord,
  type SubscribeOptions,
  type Subscription,
} from './bus.js'
import { GroupProgress } from './group-progress.js'
import { PartitionLog } from './partition-log.js'

export interface InProcessBusLimits {
  /** Of each topic: bytes of records that some group has not committed; default 64 MiB. */
  readonly retainedMaxBytes?: number
  /** Of each topic: records that some group has not committed; default 8,192. */
  readonly retainedMaxRecords?: number
}

/** One topic in numbers, for metrics and `doctor`. */
export interface TopicStatus {
  readonly publishedRecordCount: number
  readonly publishedMessageCount: number
  /** Published while no group was known. */
  readonly unheardRecordCount: number
  readonly retainedRecordCount: number
  readonly retainedBytes: number
  /** Publishers waiting for room now, and how often one had to wait. */
  readonly waitingPublisherCount: number
  readonly publishWaitCount: number
}

const batchDefaultMaxRecords = 64
/** Consumers that always find work would otherwise never let the process hear a socket, a file or a timer: a batch is their bound. */
const uninterruptedMaxMs = 5

interface WaitingPublisher {
  readonly records: readonly OutgoingRecord[]
  readonly bytes: number
  readonly accepted: () => void
  readonly refused: (error: Error) => void
}

interface DrainWaiter {
  readonly topics: readonly TopicName[]
  readonly resolve: () => void
}

interface TopicState {
  readonly name: TopicName
  readonly partitions: readonly PartitionLog[]
  readonly groups: Map<ConsumerGroup, GroupState>
  readonly waiting: WaitingPublisher[]
  retainedBytes: number
  retainedRecordCount: number
  publishedRecordCount: number
  publishedMessageCount: number
  unheardRecordCount: number
  publishWaitCount: number
}

/** What the bus knows of a group on one topic. Its live subscription, if any, is woken when records arrive. */
interface GroupState {
  readonly progress: readonly GroupProgress[]
  live: InProcessSubscription | undefined
}

export class InProcessBus implements Bus {
  readonly #topics = new Map<TopicName, TopicState>()
  readonly #drainWaiters = new Set<DrainWaiter>()
  readonly #retainedMaxBytes: number
  readonly #retainedMaxRecords: number
  #closed = false

  constructor(limits: InProcessBusLimits = {}) {
    this.#retainedMaxBytes = limits.retainedMaxBytes ?? 64 * 1_048_576
    this.#retainedMaxRecords = limits.retainedMaxRecords ?? 8_192
    assert(this.#retainedMaxBytes > 0 && this.#retainedMaxRecords > 0, 'a bus has room for something')
  }

  /** Appends before it returns when there is room, so that the order of calls is the order of records. */
  publish(topic: TopicName, records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new BusUnavailable(`publish to ${topic}: closed`, { retryable: false }))
    if (records.length === 0) return Promise.resolve()
    const state = this.#topic(topic)
    for (const record of records) {
      assert(
        state.partitions[record.partition] !== undefined,
        `${topic} has partitions 0 to ${state.partitions.length - 1}`,
      )
    }
    const bytes = records.reduce((sum, record) => sum + record.value.length, 0)
    if (state.waiting.length === 0 && this.#hasRoom(state, records.length, bytes)) {
      this.#append(state, records)
      return Promise.resolve()
    }
    state.publishWaitCount++
    return new Promise((accepted, refused) => state.waiting.push({ records, bytes, accepted, refused }))
  }

  /** One live subscription per topic and group: a second one is a bug of the caller. */
  subscribe(options: SubscribeOptions): Subscription {
    const topic = this.#topic(options.topic)
    let group = topic.groups.get(options.group)
    if (group === undefined) {
      group = { progress: topic.partitions.map((log) => new GroupProgress(log.nextOffset)), live: undefined }
      topic.groups.set(options.group, group)
    }
    assert(group.live === undefined, `${options.group} has one live subscription to ${options.topic}`)
    const subscription = new InProcessSubscription(topic, group, options.batchMaxRecords ?? batchDefaultMaxRecords, {
      isBusClosed: () => this.#closed,
      committed: (partition) => this.#release(topic, partition),
    })
    group.live = subscription
    return subscription
  }

  lag(topic: TopicName, group: ConsumerGroup): number {
    const state = this.#topics.get(topic)
    const progress = state?.groups.get(group)?.progress
    if (state === undefined || progress === undefined) return 0
    return state.partitions.reduce((sum, log, i) => sum + log.nextOffset - (progress[i]?.committed ?? 0), 0)
  }

  /** At one instant nothing is retained and nobody waits on any of `topics`; name a whole chain to wait for its last effect. */
  drained(topics: readonly TopicName[]): Promise<void> {
    if (this.#isDrained(topics)) return Promise.resolve()
    return new Promise((resolve) => this.#drainWaiters.add({ topics, resolve }))
  }

  /** Refuses and rejects publishers from now on; what was accepted is still delivered and may still be committed. */
  close(): Promise<void> {
    this.#closed = true
    for (const topic of this.#topics.values()) {
      for (const publisher of topic.waiting.splice(0)) {
        publisher.refused(new BusUnavailable(`publish to ${topic.name}: closed while waiting`, { retryable: false }))
      }
      for (const group of topic.groups.values()) group.live?.wake()
    }
    this.#settleDrained()
    return Promise.resolve()
  }

  status(topic: TopicName): TopicStatus {
    const state = this.#topic(topic)
    return {
      publishedRecordCount: state.publishedRecordCount,
      publishedMessageCount: state.publishedMessageCount,
      unheardRecordCount: state.unheardRecordCount,
      retainedRecordCount: state.retainedRecordCount,
      retainedBytes: state.retainedBytes,
      waitingPublisherCount: state.waiting.length,
      publishWaitCount: state.publishWaitCount,
    }
  }

  #hasRoom(topic: TopicState, recordCount: number, bytes: number): boolean {
    if (topic.retainedRecordCount === 0) return true
    return (
      topic.retainedRecordCount + recordCount <= this.#retainedMaxRecords &&
      topic.retainedBytes + bytes <= this.#retainedMaxBytes
    )
  }

  #append(topic: TopicState, records: readonly OutgoingRecord[]): void {
    topic.publishedRecordCount += records.length
    for (const record of records) {
      topic.publishedMessageCount += record.messageCount
      const log = topic.partitions[record.partition]
      assert(log !== undefined, 'publish() checked the partition')
      if (topic.groups.size === 0) {
        topic.unheardRecordCount++
        continue
      }
      log.append(topic.name, record)
      topic.retainedBytes += record.value.length
      topic.retainedRecordCount++
    }
    for (const group of topic.groups.values()) group.live?.wake()
  }

  /** After a commit: forget what every group has committed, then let waiting publishers in, first come first served. */
  #release(topic: TopicState, partition: number): void {
    const log = topic.partitions[partition]
    assert(log !== undefined, 'a batch is of an existing partition')
    let committedByAll = log.nextOffset
    for (const group of topic.groups.values()) {
      committedByAll = Math.min(committedByAll, group.progress[partition]?.committed ?? committedByAll)
    }
    const forgotten = log.forgetBefore(committedByAll)
    topic.retainedBytes -= forgotten.bytes
    topic.retainedRecordCount -= forgotten.recordCount
    for (let first = topic.waiting[0]; first !== undefined; first = topic.waiting[0]) {
      if (!this.#hasRoom(topic, first.records.length, first.bytes)) break
      topic.waiting.shift()
      this.#append(topic, first.records)
      first.accepted()
    }
    if (topic.retainedRecordCount === 0) this.#settleDrained()
  }

  #isDrained(topics: readonly TopicName[]): boolean {
    return topics.every((name) => {
      const topic = this.#topics.get(name)
      return topic === undefined || (topic.retainedRecordCount === 0 && topic.waiting.length === 0)
    })
  }

  #settleDrained(): void {
    for (const waiter of this.#drainWaiters) {
      if (!this.#isDrained(waiter.topics)) continue
      this.#drainWaiters.delete(waiter)
      waiter.resolve()
    }
  }

  #topic(name: TopicName): TopicState {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = {
        name,
        partitions: Array.from({ length: partitionCounts[name] }, () => new PartitionLog()),
        groups: new Map(),
        waiting: [],
        retainedBytes: 0,
        retainedRecordCount: 0,
        publishedRecordCount: 0,
        publishedMessageCount: 0,
        unheardRecordCount: 0,
        publishWaitCount: 0,
      }
      this.#topics.set(name, topic)
    }
    return topic
  }
}

interface BusHooks {
  isBusClosed(): boolean
  committed(partition: number): void
}

class InProcessSubscription implements Subscription {
  readonly #topic: TopicState
  readonly #group: GroupState
  readonly #batchMaxRecords: number
  readonly #hooks: BusHooks
  /** Next offset to deliver, by partition: starts behind the last commit, so what was delivered but not committed comes again. */
  readonly #positions: number[]
  #nextPartition = 0
  #closed = false
  #wake: (() => void) | undefined

  constructor(topic: TopicState, group: GroupState, batchMaxRecords: number, hooks: BusHooks) {
    assert(batchMaxRecords > 0, 'a batch holds at least one record')
    this.#topic = topic
    this.#group = group
    this.#batchMaxRecords = batchMaxRecords
    this.#hooks = hooks
    this.#positions = group.progress.map((progress) => progress.restart())
  }

  async *batches(): AsyncGenerator<Batch> {
    let turnStartedMs = performance.now()
    while (!this.#closed) {
      if (performance.now() - turnStartedMs >= uninterruptedMaxMs) {
        await nextTurn()
        turnStartedMs = performance.now()
        continue
      }
      const batch = this.#take()
      if (batch !== undefined) {
        yield batch
        continue
      }
      if (this.#hooks.isBusClosed()) return
      assert(this.#wake === undefined, 'one loop reads a subscription')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  hasUnread(partition: number): boolean {
    const log = this.#topic.partitions[partition]
    return log !== undefined && (this.#positions[partition] ?? 0) < log.nextOffset
  }

  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** Batches already handed out may still be committed, so that a service stops intake first, then effects, then offsets. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#group.live = undefined
      this.wake()
    }
    return Promise.resolve()
  }

  /** The next batch, partitions in turn so that a busy one cannot starve the others. */
  #take(): Batch | undefined {
    const { partitions } = this.#topic
    for (let i = 0; i < partitions.length; i++) {
      const partition = (this.#nextPartition + i) % partitions.length
      const records = partitions[partition]?.read(this.#positions[partition] ?? 0, this.#batchMaxRecords) ?? []
      const last = records.at(-1)
      if (last === undefined) continue
      this.#positions[partition] = last.offset + 1
      this.#nextPartition = partition + 1
      return this.#batch(partition, records, last.offset + 1)
    }
    return undefined
  }

  #batch(partition: number, records: readonly BusRecord[], endOffset: number): Batch {
    const progress = this.#group.progress[partition]
    const first = records[0]
    assert(progress !== undefined && first !== undefined, 'a batch is of an existing partition and not empty')
    return {
      topic: this.#topic.name,
      partition,
      records,
      commit: () => {
        if (progress.finish(first.offset, endOffset)) this.#hooks.committed(partition)
        return Promise.resolve()
      },
    }
  }
}
