/**
 * The one writer of `http_transactions`: collects rows, drops those that are stored already, inserts blocks, survives kill -9.
 *
 *   write ─► pending ─► (rows or time or flush) ─► duplicates out ─► journal ─► insert ─► journal cleared ─► writers resolve
 *                                                                      ▲
 *                                             open: a left-over journal ┘ goes in again first, under its token
 *
 * Invariants: one block is under way at a time; a promise of `write` resolves only when its rows are stored; a block in the journal
 * is never followed by another before it is acknowledged.
 */

import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { tableNames } from '@tapwarden/contracts/names'
import { DuplicateFilter, type Sighting, storedIds } from './duplicate-filter.js'
import { InsertJournal } from './insert-journal.js'
import { QueryRefused, type Store, StoreUnavailable } from './store.js'

export interface TransactionRow extends Sighting {
  /** One NDJSON line with its newline: the transaction as published, `endpointId` added. Must not change until `write` settles. */
  readonly line: Uint8Array
}

export interface WriteResult {
  readonly insertedCount: number
  readonly duplicateCount: number
  /** Rows that the store cannot read as a transaction: the caller's to set aside. They are few, and found by halving the block. */
  readonly refusedIds: readonly string[]
}

export interface TransactionWriterOptions {
  readonly store: Store
  /** Keeps the journal: one writer a folder. */
  readonly journalFolder: string
  /** A block goes when it has so many rows, or so many bytes, or its first row has waited so long. */
  readonly batchRowCount?: number
  readonly batchBytes?: number
  readonly batchWaitMs?: number
  readonly filter?: DuplicateFilter
  /** Between attempts while the store is away; the last one repeats. */
  readonly retryDelaysMs?: readonly number[]
  /** Told of every attempt that failed and is made again. */
  readonly onRetry?: (error: StoreUnavailable) => void
}

interface Pending {
  readonly rows: readonly TransactionRow[]
  readonly resolve: (result: WriteResult) => void
  readonly reject: (error: unknown) => void
}

/**
 * ClickHouse exception codes that speak of a row's own text, so that halving a block finds it; every other refusal is of the whole
 * (a missing table, say), and setting rows aside for it would lose them.
 */
const rowFaultCodes: ReadonlySet<string> = new Set(
  '6 25 26 27 33 38 41 53 69 70 72 117 130 131 190 321 349 441 675 676'.split(' '),
)

const defaultRetryDelaysMs = [500, 1_000, 2_000, 5_000]

/** Opens the journal, and first completes what it holds. Throws `StoreUnavailable` or `QueryRefused` where waiting cannot help. */
export async function openTransactionWriter(options: TransactionWriterOptions): Promise<TransactionWriter> {
  const writer = new TransactionWriter(options)
  await writer.recover()
  return writer
}

export class TransactionWriter {
  readonly #store: Store
  readonly #journal: InsertJournal
  readonly #filter: DuplicateFilter
  readonly #batchRowCount: number
  readonly #batchBytes: number
  readonly #batchWaitMs: number
  readonly #retryDelaysMs: readonly number[]
  readonly #onRetry: (error: StoreUnavailable) => void
  #pending: Pending[] = []
  #pendingRowCount = 0
  #pendingBytes = 0
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #closed = false

  constructor(options: TransactionWriterOptions) {
    this.#store = options.store
    this.#journal = new InsertJournal(options.journalFolder)
    this.#filter = options.filter ?? new DuplicateFilter(options.store)
    this.#batchRowCount = options.batchRowCount ?? 20_000
    this.#batchBytes = options.batchBytes ?? 16 * 1_048_576
    this.#batchWaitMs = options.batchWaitMs ?? 1_000
    this.#retryDelaysMs = options.retryDelaysMs ?? defaultRetryDelaysMs
    this.#onRetry = options.onRetry ?? (() => undefined)
  }

  /** Inserts the block that an earlier process left in the journal. `openTransactionWriter` calls it. */
  async recover(): Promise<void> {
    const left = await this.#journal.read()
    if (left === undefined) return
    try {
      await this.#insertPatiently(left.bytes, left.deduplicationToken)
    } catch (error) {
      // It was refused then as well: nothing of it is stored, its rows come again and are halved until the bad one is found.
      if (!isRowFault(error)) throw error
    }
    await this.#journal.clear()
  }

  /**
   * Resolves when every row is stored, a duplicate, or refused. Memory is the caller's to bound: rows are held until then. While the
   * store is away it waits. Rejects when waiting cannot help; then nothing is known of these rows, and giving them again is safe.
   */
  write(rows: readonly TransactionRow[]): Promise<WriteResult> {
    if (this.#closed)
      return Promise.reject(new StoreUnavailable('transactions.write', { code: 'CLOSED', retryable: false }))
    return new Promise((resolve, reject) => {
      this.#pending.push({ rows, resolve, reject })
      this.#pendingRowCount += rows.length
      for (const { line } of rows) this.#pendingBytes += line.length
      if (this.#pendingRowCount >= this.#batchRowCount || this.#pendingBytes >= this.#batchBytes) void this.flush()
      else this.#timer ??= setTimeout(() => void this.flush(), this.#batchWaitMs)
    })
  }

  /** Writes what is pending now. Never rejects: each `write` has its own answer. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#flushing !== undefined) await this.#flushing
    if (this.#pending.length === 0) return
    this.#flushing = this.#writeBatch(this.#take())
    try {
      await this.#flushing
    } finally {
      this.#flushing = undefined
    }
  }

  /** Writes what is pending, then takes no more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
  }

  /** Of rows given with their times, the ids that the store held before `beforeMs` (wall clock): for whoever restores at start. */
  storedBefore(sightings: readonly Sighting[], beforeMs: number): Promise<Set<string>> {
    return storedIds(this.#store, sightings, beforeMs)
  }

  /** For when another process may have written the same ids: after a rebalance. */
  forgetStored(): void {
    this.#filter.forget()
  }

  #take(): Pending[] {
    const taken = this.#pending
    this.#pending = []
    this.#pendingRowCount = 0
    this.#pendingBytes = 0
    return taken
  }

  async #writeBatch(batch: readonly Pending[]): Promise<void> {
    try {
      const all = batch.flatMap((pending) => pending.rows)
      const inserted = new Set<string>()
      const refused = new Set<string>()
      // A burst while the last block was under way may have grown beyond one block.
      for (let at = 0, end: number; at < all.length; at = end) {
        end = this.#blockEnd(all, at)
        const block = all.slice(at, end)
        const fresh = await this.#patiently(() => this.#filter.filterNew(block))
        const rows = block.filter((row) => fresh.delete(row.id))
        await this.#insertBlock(rows, refused)
        const stored = refused.size === 0 ? rows : rows.filter((row) => !refused.has(row.id))
        this.#filter.remember(stored)
        for (const row of stored) inserted.add(row.id)
      }
      for (const { rows, resolve } of batch) resolve(tally(rows, inserted, refused))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** Twice what makes a block go, at most: memory on both sides, and the engine's limit of a body, are in bytes. One row is always in it. */
  #blockEnd(rows: readonly TransactionRow[], from: number): number {
    const rowsEnd = Math.min(rows.length, from + 2 * this.#batchRowCount)
    let bytes = 0
    for (let at = from; at < rowsEnd; at++) {
      bytes += rows[at]?.line.length ?? 0
      if (bytes > 2 * this.#batchBytes) return Math.max(from + 1, at)
    }
    return rowsEnd
  }

  async #insertBlock(rows: readonly TransactionRow[], refused: Set<string>): Promise<void> {
    if (rows.length === 0) return
    const bytes = Buffer.concat(rows.map((row) => row.line))
    const deduplicationToken = tokenOf(rows)
    await this.#journal.write({ deduplicationToken, bytes })
    try {
      await this.#insertPatiently(bytes, deduplicationToken)
    } catch (error) {
      if (!isRowFault(error)) throw error
      await this.#journal.clear()
      if (rows.length === 1 && rows[0] !== undefined) {
        refused.add(rows[0].id)
        return
      }
      // The engine parses a block before it stores any of it.
      const middle = rows.length >> 1
      await this.#insertBlock(rows.slice(0, middle), refused)
      await this.#insertBlock(rows.slice(middle), refused)
      return
    }
    await this.#journal.clear()
  }

  #insertPatiently(bytes: Uint8Array, deduplicationToken: string): Promise<void> {
    return this.#patiently(() => this.#store.insertNdjson(tableNames.transactions, bytes, { deduplicationToken }))
  }

  async #patiently<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let count = 0; ; count++) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof StoreUnavailable) || !error.retryable || this.#closed) throw error
        this.#onRetry(error)
        await delay(this.#retryDelaysMs[Math.min(count, this.#retryDelaysMs.length - 1)] ?? 1_000)
      }
    }
  }
}

function isRowFault(error: unknown): boolean {
  return error instanceof QueryRefused && error.code !== undefined && rowFaultCodes.has(error.code)
}

/** Takes each id from `inserted` as it is counted: a second row of the same id is a duplicate. */
function tally(rows: readonly TransactionRow[], inserted: Set<string>, refused: ReadonlySet<string>): WriteResult {
  const refusedIds: string[] = []
  let insertedCount = 0
  for (const { id } of rows) {
    if (inserted.delete(id)) insertedCount++
    else if (refused.has(id)) refusedIds.push(id)
  }
  return { insertedCount, duplicateCount: rows.length - insertedCount - refusedIds.length, refusedIds }
}

/** The same rows in the same order, the same token: also when the journal is lost and they are delivered again. */
function tokenOf(rows: readonly TransactionRow[]): string {
  // One call: each costs a microsecond.
  const ids = rows.map(({ id }) => id).join('')
  return createHash('sha256').update(ids).digest('hex').slice(0, 32)
}
