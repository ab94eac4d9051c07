/**
 * The catalog service: transactions in, endpoints and stored transactions out.
 *
 *   batch ─► decode ─► drop duplicates ─► learn ─► decide, publish ─► resolve ─► write ─► commit, in order
 *
 * Learning sees only what is new, so a second replay teaches nothing. Batches are prepared one after the other and written together:
 * the writer gathers rows of many; commits follow the writes in the order in which the batches came. Pending rows are bounded
 * (`pendingRowsMaxCount`, `pendingMaxBytes`): above it reading waits for the store.
 */

import type { Batch, Bus, BusRecord } from '@tapwarden/bus/bus'
import { Catalog } from '@tapwarden/catalog/catalog'
import { consumerGroups, tableNames, topicNames } from '@tapwarden/contracts/names'
import { type SensorInterval, sensorIntervalTopic } from '@tapwarden/contracts/sensor-interval'
import { TransactionLines } from '@tapwarden/contracts/transaction-lines'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import { DuplicateFilter } from '@tapwarden/store/duplicate-filter'
import type { Store } from '@tapwarden/store/store'
import { openTransactionWriter, type TransactionWriter } from '@tapwarden/store/transaction-writer'
import type { CatalogConfig } from './config.js'
import { EndpointPublisher } from './endpoint-publisher.js'
import { dateTime64 } from './endpoint-rows.js'
import { PendingRow } from './pending-row.js'
import { restoreCatalog } from './restore-catalog.js'

export interface CatalogOptions {
  readonly bus: Bus
  readonly store: Store
  readonly config: CatalogConfig
  readonly logger: Logger
  /** For the writer's journal; one running catalog a folder. */
  readonly journalFolder: string
  /** Shared with the other readers of this process, so that a record is decoded once. Default: its own. */
  readonly transactionLines?: TransactionLines
  readonly timers?: Timers
}

export interface CatalogCounters {
  readonly transactionCount: number
  readonly insertedCount: number
  readonly duplicateCount: number
  readonly deadLetterCount: number
  readonly snapshotCount: number
  readonly intervalCount: number
  /** Hosts, paths, endpoints that did not fit under a limit. */
  readonly overflowCount: number
  /** Of the transactions that were new in this run, those that count for no endpoint, by reason. */
  readonly ignoredCounts: Readonly<Record<string, number>>
}

export interface CatalogService extends RunningService {
  /** Everything read so far stored, open decisions taken, endpoints written. For the end of a replay, after the topic is drained. */
  flush(): Promise<void>
  counters(): CatalogCounters
}

/** Restores the state, then reads. Throws what the store throws while restoring. */
export async function startCatalog(options: CatalogOptions): Promise<CatalogService> {
  const filter = new DuplicateFilter(options.store)
  const writer = await openTransactionWriter({
    store: options.store,
    journalFolder: options.journalFolder,
    batchRowCount: options.config.insertRowsMaxCount,
    batchBytes: options.config.insertBytesMax,
    batchWaitMs: options.config.insertWaitMs,
    filter,
    onRetry: (error) => options.logger.warn({ error }, 'The store is away; transactions wait'),
  })
  // After the writer has completed what its journal held: those rows are stored, and come again only as duplicates.
  const catalog = new Catalog()
  const { baselines, transactionCount, decided } = await restoreCatalog(
    catalog,
    options.store,
    options.config.restoreTransactionsMaxCount,
  )
  const publisher = new EndpointPublisher(options.bus, options.store, catalog, baselines)
  await publisher.publish(decided)
  // What the last process learned and did not come to write: the detector files what it rebuilds under these endpoints.
  await publisher.writeEndpoints((options.timers ?? systemTimers).nowMs(), false)
  // Consumers that start with us know nothing yet; to others these snapshots are no news.
  await publisher.publish(
    [...catalog.hosts()].map((host) => host.snapshot).filter(({ endpoints }) => endpoints.length > 0),
  )
  options.logger.info({ transactionCount, endpointCount: baselines.size }, 'The catalog is restored')
  return new CatalogPipeline(options, catalog, publisher, filter, writer)
}

class CatalogPipeline implements CatalogService {
  readonly name = 'catalog'
  readonly failed: Promise<never>
  readonly #options: CatalogOptions
  readonly #catalog: Catalog
  readonly #publisher: EndpointPublisher
  readonly #filter: DuplicateFilter
  readonly #writer: TransactionWriter
  readonly #timers: Timers
  readonly #lines: TransactionLines
  readonly #transactions: ReturnType<Bus['subscribe']>
  readonly #intervals: ReturnType<Bus['subscribe']>
  readonly #loops: Promise<unknown>
  readonly #ignoredBefore: ReadonlyMap<string, number>
  #pendingBytes = 0
  /** Commits that wait for their rows, in order. */
  readonly #underWay = new Set<Promise<void>>()
  #commits: Promise<void> = Promise.resolve()
  #turn: Promise<void> = Promise.resolve()
  #cancelTimer: () => void = () => undefined
  #fail: (error: unknown) => void = () => undefined
  #stopped = false
  #transactionCount = 0
  #insertedCount = 0
  #duplicateCount = 0
  #deadLetterCount = 0
  #intervalCount = 0

  constructor(
    options: CatalogOptions,
    catalog: Catalog,
    publisher: EndpointPublisher,
    filter: DuplicateFilter,
    writer: TransactionWriter,
  ) {
    this.#options = options
    this.#catalog = catalog
    this.#ignoredBefore = catalog.ignoredCounts()
    this.#publisher = publisher
    this.#filter = filter
    this.#writer = writer
    this.#timers = options.timers ?? systemTimers
    this.#lines = options.transactionLines ?? new TransactionLines()
    this.failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    this.#transactions = options.bus.subscribe({ topic: topicNames.transactions, group: consumerGroups.catalog })
    this.#intervals = options.bus.subscribe({
      topic: topicNames.sensorIntervals,
      group: consumerGroups.catalogIntervals,
    })
    this.#loops = Promise.all([this.#readTransactions(), this.#readIntervals()]).catch((error: unknown) => {
      this.#fail(error)
    })
    this.#scheduleEndpoints()
  }

  counters(): CatalogCounters {
    return {
      transactionCount: this.#transactionCount,
      insertedCount: this.#insertedCount,
      duplicateCount: this.#duplicateCount,
      deadLetterCount: this.#deadLetterCount,
      snapshotCount: this.#publisher.snapshotCount,
      intervalCount: this.#intervalCount,
      overflowCount: this.#catalog.overflowCount,
      ignoredCounts: this.#ignoredCounts(),
    }
  }

  /** Without what the restored transactions count. */
  #ignoredCounts(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const [reason, count] of this.#catalog.ignoredCounts()) {
      const ofRun = count - (this.#ignoredBefore.get(reason) ?? 0)
      if (ofRun > 0) counts[reason] = ofRun
    }
    return counts
  }

  async flush(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#writer.flush()
      await this.#publisher.publish(this.#catalog.decide(true))
      await this.#publisher.writeEndpoints(this.#timers.nowMs(), true)
    })
    await this.#commits
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#cancelTimer()
    await Promise.all([this.#transactions.close(), this.#intervals.close()])
    await this.#loops
    await this.flush()
    await this.#writer.close()
  }

  async #readTransactions(): Promise<void> {
    for await (const batch of this.#transactions.batches()) {
      const rows = await this.#inTurn(() => this.#prepare(batch))
      const bytes = rows.reduce((sum, { lineBytes }) => sum + lineBytes, 0)
      this.#pendingBytes += bytes
      const written = this.#writer.writeClaimed(rows)
      const before = this.#commits
      this.#commits = (async () => {
        const result = await written
        this.#pendingBytes -= bytes
        this.#insertedCount += result.insertedCount
        this.#deadLetterCount += result.refusedIds.length
        await before
        await batch.commit()
      })()
      const commit = this.#commits
      this.#underWay.add(commit)
      commit.then(
        () => this.#underWay.delete(commit),
        (error: unknown) => this.#fail(error),
      )
      // The oldest only: what is read meanwhile is the next block.
      while (this.#hasTooMuchPending()) await this.#underWay.values().next().value
    }
  }

  #hasTooMuchPending(): boolean {
    const { pendingRowsMaxCount, pendingMaxBytes } = this.#options.config
    return this.#filter.claimedCount > pendingRowsMaxCount || this.#pendingBytes > pendingMaxBytes
  }

  async #prepare(batch: Batch): Promise<PendingRow[]> {
    const decoded: PendingRow[] = []
    for (const record of batch.records) await this.#decode(record, decoded)
    // What is new to us is ours to store: the writer shares the filter, and asks nothing again.
    const news = await this.#filter.claimNew(decoded)
    this.#duplicateCount += decoded.length - news.length
    for (const { transaction } of news) this.#catalog.observe(transaction)
    await this.#publisher.publish(this.#catalog.decide(false))
    for (const row of news) row.resolve(this.#catalog)
    return news
  }

  async #decode(record: BusRecord, decoded: PendingRow[]): Promise<void> {
    for (const line of this.#lines.of(record.value)) {
      this.#transactionCount++
      if (line.transaction === undefined) await this.#deadLetter(record)
      else decoded.push(new PendingRow(line, line.transaction))
    }
  }

  async #deadLetter(record: BusRecord): Promise<void> {
    this.#deadLetterCount++
    const { topic, partition, offset } = record
    this.#options.logger.warn({ topic, partition, offset }, 'A line is not a transaction')
    const letter = { topic, partition, offset, reason: 'not-a-transaction', service: this.name }
    const value = Buffer.from(`${JSON.stringify(letter)}\n`)
    await this.#options.bus.publish(topicNames.deadLetters, [{ partition: 0, value, messageCount: 1 }])
  }

  async #readIntervals(): Promise<void> {
    for await (const batch of this.#intervals.batches()) {
      const rows = batch.records.flatMap((record) => sensorIntervalTopic.decode(record.value)).map(intervalRow)
      if (rows.length > 0) {
        const first = batch.records[0]?.offset ?? 0
        const { run_id, sequence } = rows[0]! // Not empty by the line above.
        await this.#options.store.insertRows(tableNames.sensorIntervals, rows, {
          deduplicationToken: `intervals ${run_id} ${sequence} ${first} ${rows.length}`,
        })
      }
      this.#intervalCount += rows.length
      await batch.commit()
    }
  }

  #scheduleEndpoints(): void {
    this.#cancelTimer = this.#timers.after(this.#options.config.endpointsIntervalMs, () => {
      void this.#inTurn(() => this.#writeStoredEndpoints()).then(
        () => {
          if (!this.#stopped) this.#scheduleEndpoints()
        },
        (error: unknown) => this.#fail(error),
      )
    })
  }

  /** Endpoints never count what is not stored yet: after a kill it would come again, and be counted twice. */
  async #writeStoredEndpoints(): Promise<void> {
    await this.#writer.flush()
    await this.#publisher.writeEndpoints(this.#timers.nowMs(), false)
  }

  /** One at a time touches the catalog across awaits. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }
}

function intervalRow(interval: SensorInterval) {
  return {
    sensor_id: interval.sensorId,
    run_id: interval.runId,
    sequence: interval.sequence,
    from_at: dateTime64(interval.fromUs),
    to_at: dateTime64(interval.toUs),
    packet_count: interval.packetCount,
    bytes: interval.bytes,
    kernel_drop_count: interval.kernelDropCount,
    transaction_count: interval.transactionCount,
    flow_count: interval.flowCount,
    missed_bytes: interval.missedBytes,
    shed_count: interval.shedCount,
    sampled_out_count: interval.sampledOutCount ?? 0,
    overload_state: interval.overloadState ?? 'calm',
    opaque_bytes: interval.opaqueBytes,
    anomalies: interval.anomalies,
  }
}
