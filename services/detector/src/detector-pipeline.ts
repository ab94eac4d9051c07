/**
 * Transactions to findings.
 *
 *   start    templates and findings from the store ─▶ restore: the newest transactions again, to rebuild state
 *   run      batch ─▶ decode ─▶ duplicates out ─▶ event-time order ─▶ endpoint ─▶ detectors ─▶ publish, store ─▶ commit
 *
 * Offsets move after the effects they stand for: a batch is committed once each of its transactions was observed and what followed
 * is published and stored. Findings merge by id and version, so doing it again changes nothing.
 */

import { RecentIds } from '@tapwarden/base/recent-ids'
import type { Batch, Bus, Subscription } from '@tapwarden/bus/bus'
import { type EndpointSnapshot, endpointTopic } from '@tapwarden/contracts/endpoint'
import { type Finding, findingTopic } from '@tapwarden/contracts/finding'
import { consumerGroups, partitionCounts, topicNames } from '@tapwarden/contracts/names'
import { ContractViolation, type Topic } from '@tapwarden/contracts/topic'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { TransactionLines } from '@tapwarden/contracts/transaction-lines'
import type { Detector } from '@tapwarden/detection/detector'
import { createDetectors } from '@tapwarden/detection/detectors'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import type { Store } from '@tapwarden/store/store'
import type { DetectorConfig } from './config.js'
import { recentTransactions, StoredBefore, storedFindings, storedSnapshots, storeFindings } from './detector-store.js'
import { EndpointResolver } from './endpoint-resolver.js'
import { FindingLedger } from './finding-ledger.js'
import { type Buffered, ReorderBuffer } from './reorder-buffer.js'

export interface DetectorOptions {
  readonly bus: Bus
  readonly store: Store
  readonly config: DetectorConfig
  readonly logger: Logger
  /** Shared with the other readers of this process, so that a record is decoded once. Default: its own. */
  readonly transactionLines?: TransactionLines
}

/** To publish as metrics; all but `bufferedCount` only grow. */
export interface DetectorCounters {
  readonly observedCount: number
  readonly duplicateCount: number
  readonly restoredCount: number
  /** Records that are not what their topic promises. */
  readonly malformedCount: number
  readonly findingCount: number
  /** Waiting for their turn in event time. */
  readonly bufferedCount: number
  /** What bounded state let go, by name. */
  readonly overflows: Readonly<Record<string, number>>
}

export interface DetectorService extends RunningService {
  counters(): DetectorCounters
}

/** Resolves when the state is restored and the subscriptions stand. Throws what the store throws. */
export async function startDetector(options: DetectorOptions): Promise<DetectorService> {
  const pipeline = new DetectorPipeline(options, await StoredBefore.open(options.store, Date.now()))
  await pipeline.restore()
  return pipeline.run()
}

/** What most transactions give. */
const noFindings: readonly Finding[] = []

/** A batch whose transactions are not all observed yet. */
interface OpenBatch {
  readonly batch: Batch
  waitingCount: number
}

/** A transaction that waits for its turn, and what it came in. */
interface Waiting extends Buffered {
  readonly open: OpenBatch
}

class DetectorPipeline {
  readonly #options: DetectorOptions
  readonly #detectors: readonly Detector[]
  readonly #lines: TransactionLines
  readonly #resolver = new EndpointResolver()
  readonly #storedBefore: StoredBefore
  readonly #startedMs: number
  readonly #buffer: ReorderBuffer<Waiting>
  readonly #recentIds: RecentIds
  /** Per partition, in the order of the log. */
  readonly #open = new Map<number, OpenBatch[]>()
  #ledger = new FindingLedger([])
  #drained: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #stopping = false
  #hasUnread: Subscription['hasUnread'] = () => false
  readonly #failure: Promise<never>
  #fail: (error: unknown) => void = () => undefined
  #observedCount = 0
  #duplicateCount = 0
  #restoredCount = 0
  #malformedCount = 0
  #findingCount = 0

  constructor(options: DetectorOptions, storedBefore: StoredBefore) {
    const { config } = options
    this.#options = options
    this.#failure = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    // Whoever supervises looks at `failed`; without one the rejection must not end the process by itself.
    this.#failure.catch(() => undefined)
    this.#detectors = createDetectors(config.detection)
    this.#lines = options.transactionLines ?? new TransactionLines()
    this.#storedBefore = storedBefore
    this.#startedMs = storedBefore.beforeMs
    this.#buffer = new ReorderBuffer({
      maxWaitMs: config.reorderMaxMs,
      partitionCount: partitionCounts[topicNames.transactions],
      maxCount: config.reorderMaxCount,
    })
    this.#recentIds = new RecentIds(config.recentIdsMaxCount)
  }

  /** Rebuilds what memory held, and says what the past shows but nobody was told. */
  async restore(): Promise<void> {
    const { store, config, logger } = this.#options
    for (const snapshot of await storedSnapshots(store)) this.#resolver.add(snapshot)
    this.#ledger = new FindingLedger(await storedFindings(store))
    if (config.restoreMaxCount === 0) return
    const limits = {
      maxCount: config.restoreMaxCount,
      maxHours: config.restoreMaxHours,
      beforeMs: this.#startedMs,
    }
    for await (const page of recentTransactions(store, limits)) {
      for (const transaction of page) {
        this.#restoredCount++
        for (const finding of this.#observe(transaction)) this.#ledger.restore(finding)
      }
    }
    await this.#publish(this.#ledger.unpublished())
    logger.info({ restoredCount: this.#restoredCount }, 'Detector state is rebuilt from the store')
  }

  run(): DetectorService {
    const { bus } = this.#options
    const endpoints = bus.subscribe({ topic: topicNames.endpoints, group: consumerGroups.detectorEndpoints })
    const transactions = bus.subscribe({ topic: topicNames.transactions, group: consumerGroups.detector })
    this.#hasUnread = (partition) => transactions.hasUnread(partition)
    const loops = [this.#consumeEndpoints(endpoints), this.#consumeTransactions(transactions)]
    for (const loop of loops) loop.catch((error: unknown) => this.#fail(error))
    return {
      name: 'detector',
      failed: this.#failure,
      counters: () => this.#counters(),
      stop: async () => {
        this.#stopping = true
        await Promise.all([endpoints.close(), transactions.close()])
        await Promise.allSettled(loops)
        clearTimeout(this.#timer)
        await this.#drain('all')
      },
    }
  }

  async #consumeEndpoints(subscription: Subscription): Promise<void> {
    for await (const batch of subscription.batches()) {
      for (const snapshot of this.#decoded<EndpointSnapshot>(endpointTopic, batch)) this.#resolver.add(snapshot)
      await batch.commit()
    }
  }

  async #consumeTransactions(subscription: Subscription): Promise<void> {
    for await (const batch of subscription.batches()) {
      await this.#take(batch)
      await this.#drain('due')
    }
    // The bus is closed, or we stop: nothing older will come.
    await this.#drain('all')
  }

  /** Decodes a batch, drops duplicates and queues the rest. */
  async #take(batch: Batch): Promise<void> {
    const transactions = this.#transactionsOf(batch)
    const stored = await this.#storedBefore.among(transactions)
    const open: OpenBatch = { batch, waitingCount: 0 }
    const batches = this.#open.get(batch.partition)
    if (batches === undefined) this.#open.set(batch.partition, [open])
    else batches.push(open)
    const arrivedMs = Date.now()
    for (const transaction of transactions) {
      const { id } = transaction
      if (!this.#recentIds.add(id) || stored.has(id)) {
        this.#duplicateCount++
        continue
      }
      open.waitingCount++
      this.#buffer.push({ transaction, partition: batch.partition, arrivedMs, open })
    }
  }

  /** One drain at a time: effects stay in event-time order. */
  #drain(which: 'due' | 'all'): Promise<void> {
    this.#drained = this.#drained.then(async () => {
      const now = { ms: Date.now(), hasUnread: (partition: number) => this.#hasUnread(partition) }
      const released = which === 'all' ? this.#buffer.releaseAll() : this.#buffer.release(now)
      await this.#process(released)
      this.#wakeWhenDue()
    })
    return this.#drained
  }

  async #process(released: readonly Waiting[]): Promise<void> {
    const findings: Finding[] = []
    for (const { transaction } of released) {
      this.#observedCount++
      for (const finding of this.#observe(transaction)) findings.push(this.#ledger.publishable(finding))
    }
    await this.#publish(findings)
    for (const { open } of released) open.waitingCount--
    await this.#commitFinished()
  }

  #observe(transaction: HttpTransaction): readonly Finding[] {
    const endpoint = this.#resolver.resolve(transaction)
    const redirects = this.#resolver.takeRedirects()
    if (redirects !== undefined) for (const detector of this.#detectors) detector.redirectEndpoints(redirects)
    let findings: readonly Finding[] = noFindings
    for (const detector of this.#detectors) {
      const found = detector.observe(transaction, endpoint)
      if (found.length > 0) findings = findings.length === 0 ? found : [...findings, ...found]
    }
    return findings
  }

  /** First to those who act, then to the store. */
  async #publish(findings: readonly Finding[]): Promise<void> {
    if (findings.length === 0) return
    const { bus, store, logger } = this.#options
    await bus.publish(
      topicNames.findings,
      findings.map((finding) => ({ partition: 0, value: findingTopic.encode(finding), messageCount: 1 })),
    )
    await storeFindings(store, findings)
    this.#findingCount += findings.length
    for (const { id, version, detector, state } of findings) {
      logger.debug({ findingId: id, version, detectorId: detector.id, state }, 'Finding published')
    }
  }

  /** The finished prefix of each partition. */
  async #commitFinished(): Promise<void> {
    for (const batches of this.#open.values()) {
      while (batches[0]?.waitingCount === 0) {
        const finished = batches.shift()
        await finished?.batch.commit()
      }
    }
  }

  /** What waits for its time goes when no further batch comes to push it. */
  #wakeWhenDue(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#buffer.size === 0 || this.#stopping) return
    this.#timer = setTimeout(() => {
      // A failed drain rejects every later one as well, and so ends the loops.
      this.#drain('due').catch((error: unknown) => this.#fail(error))
    }, this.#options.config.reorderMaxMs)
  }

  /** A line that is no transaction is counted and left behind: the catalog, which stores them, sets it aside. */
  #transactionsOf(batch: Batch): HttpTransaction[] {
    const transactions: HttpTransaction[] = []
    for (const { value, offset } of batch.records) {
      for (const { transaction } of this.#lines.of(value)) {
        if (transaction !== undefined) transactions.push(transaction)
        else {
          this.#malformedCount++
          this.#options.logger.warn({ topic: batch.topic, offset }, 'A line is not a transaction')
        }
      }
    }
    return transactions
  }

  /** A record that is not JSON is counted and left behind. */
  #decoded<Message>(topic: Topic<Message>, batch: Batch): Message[] {
    const messages: Message[] = []
    for (const record of batch.records) {
      try {
        for (const message of topic.decode(record.value)) messages.push(message)
      } catch (error) {
        if (!(error instanceof ContractViolation)) throw error
        this.#malformedCount++
        this.#options.logger.warn({ error, topic: batch.topic, offset: record.offset }, 'A record is not as promised')
      }
    }
    return messages
  }

  #counters(): DetectorCounters {
    const overflows: Record<string, number> = { endpoints: this.#resolver.overflowCount }
    for (const detector of this.#detectors) Object.assign(overflows, detector.overflowCounts())
    return {
      observedCount: this.#observedCount,
      duplicateCount: this.#duplicateCount,
      restoredCount: this.#restoredCount,
      malformedCount: this.#malformedCount,
      findingCount: this.#findingCount,
      bufferedCount: this.#buffer.size,
      overflows,
    }
  }
}
