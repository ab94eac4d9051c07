/**
 * The one writer of `http_transactions`: drops what is stored already, turns lines into Native blocks, inserts them, survives kill -9.
 *
 *   write ─► duplicates out ─┐
 *   writeClaimed ────────────┴► open block ─► (rows, bytes, time or flush) ─► sealed ─► journal ─► insert ─► journal cleared ─► settled
 *                                                                                         ▲
 *                                               open: a left-over journal goes in again ──┘ first, under its token
 *
 * Invariants: one block is under way at a time; a promise of `write` resolves only when its rows are stored; a block in the journal
 * is never followed by another before it is acknowledged, so a block that failed for good ends the writer.
 */

import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { tableNames } from '@tapwarden/contracts/names'
import { DuplicateFilter, type Sighting, storedIds } from './duplicate-filter.js'
import { InsertJournal, type JournaledBlock } from './insert-journal.js'
import { type LocatedLine, NativeBlockEncoder } from './native/ndjson-to-native.js'
import { type ColumnBlock, QueryRefused, type Store, StoreUnavailable } from './store.js'
import { transactionColumns } from './transaction-columns.js'

export interface TransactionRow extends Sighting {
  /**
   * One NDJSON line, with or without its newline: the transaction as published. Must not change until `write` settles. Of a located row it
   * is asked for only if the engine refuses its block.
   */
  readonly line: Uint8Array
  readonly lineBytes: number
  /** Stored beside it; ASCII. Absent: what the line says of it, or nothing. */
  readonly endpointId?: string | undefined
  /** Where its members stand, if known: with `endpointId` the line is not read again. The writer lets go of it as soon as the row is in a block. */
  located?: LocatedLine | undefined
}

export interface WriteResult {
  readonly insertedCount: number
  readonly duplicateCount: number
  /** Rows that no column can hold as a transaction: the caller's to set aside. */
  readonly refusedIds: readonly string[]
}

export interface TransactionWriterOptions {
  readonly store: Store
  /** Keeps the journal: one writer a folder. */
  readonly journalFolder: string
  /** A block goes when it has so many rows, or lines of so many bytes, or its first row has waited so long. One row is always in it. */
  readonly batchRowCount?: number
  readonly batchBytes?: number
  readonly batchWaitMs?: number
  readonly filter?: DuplicateFilter
  /** Between attempts while the store is away; the last one repeats. */
  readonly retryDelaysMs?: readonly number[]
  /** Told of every attempt that failed and is made again. */
  readonly onRetry?: (error: StoreUnavailable) => void
}

/** Rows that go together, and what their writers wait for. */
interface Block {
  readonly rows: TransactionRow[]
  readonly refusedIds: Set<string>
  readonly settled: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface SealedBlock extends Block {
  readonly native: ColumnBlock
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
  readonly #encoder = new NativeBlockEncoder(transactionColumns)
  readonly #batchRowCount: number
  readonly #batchBytes: number
  readonly #batchWaitMs: number
  readonly #retryDelaysMs: readonly number[]
  readonly #onRetry: (error: StoreUnavailable) => void
  /** Its rows are in the encoder. */
  #open: Block | undefined
  readonly #sealed: SealedBlock[] = []
  #draining: Promise<void> | undefined
  /** Writes that do not know yet which of their rows are new. */
  readonly #lookingUp = new Set<Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined
  #closed = false
  /** What ended the writer. */
  #failure: { readonly error: unknown } | undefined

  constructor(options: TransactionWriterOptions) {
    this.#store = options.store
    this.#journal = new InsertJournal(options.journalFolder)
    this.#filter = options.filter ?? new DuplicateFilter(options.store)
    this.#batchRowCount = options.batchRowCount ?? 20_000
    this.#batchBytes = options.batchBytes ?? 32 * 1_048_576
    this.#batchWaitMs = options.batchWaitMs ?? 1_000
    this.#retryDelaysMs = options.retryDelaysMs ?? defaultRetryDelaysMs
    this.#onRetry = options.onRetry ?? (() => undefined)
  }

  /** Inserts the block that an earlier process left in the journal. `openTransactionWriter` calls it. */
  async recover(): Promise<void> {
    const left = await this.#journal.read()
    if (left === undefined) return
    try {
      await this.#insertPatiently(left)
    } catch (error) {
      // It was refused then as well: nothing of it is stored, its rows come again.
      if (!isRowFault(error)) throw error
    }
    await this.#journal.clear()
  }

  /**
   * Resolves when every row is stored, a duplicate, or refused. Memory is the caller's to bound: rows are held until then. While the
   * store is away it waits. Rejects when waiting cannot help; then nothing is known of these rows, this writer takes no more, and giving
   * them to another is safe.
   */
  async write(rows: readonly TransactionRow[]): Promise<WriteResult> {
    if (this.#closed) throw closedError()
    const lookUp = this.#patiently(() => this.#filter.claimNew(rows))
    this.#lookingUp.add(lookUp)
    try {
      const claimed = await lookUp
      // A duplicate may be one of a row that is under way: it is stored when that one is.
      const earlier = this.#open?.settled ?? this.#sealed.at(-1)?.settled ?? this.#draining
      const written = this.#append(claimed)
      this.#lookingUp.delete(lookUp)
      const [{ insertedCount, refusedIds }] = await Promise.all([written, earlier])
      return { insertedCount, duplicateCount: rows.length - claimed.length, refusedIds }
    } finally {
      this.#lookingUp.delete(lookUp)
    }
  }

  /** As `write`, for rows that the caller has claimed from this writer's filter: nothing is looked up again. */
  async writeClaimed(rows: readonly TransactionRow[]): Promise<WriteResult> {
    if (this.#closed) throw closedError()
    return this.#append(rows)
  }

  /** Writes what is pending now. Never rejects: each `write` has its own answer. */
  async flush(): Promise<void> {
    while (this.#lookingUp.size > 0) await Promise.allSettled(this.#lookingUp)
    this.#seal()
    await this.#draining
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

  #append(rows: readonly TransactionRow[]): Promise<WriteResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    const blocks: Block[] = []
    const taken: TransactionRow[] = []
    const refused: TransactionRow[] = []
    for (const row of rows) {
      const isTaken = this.#encode(row)
      row.located = undefined
      if (!isTaken) {
        refused.push(row)
        continue
      }
      taken.push(row)
      this.#open ??= newBlock()
      this.#open.rows.push(row)
      if (blocks.at(-1) !== this.#open) blocks.push(this.#open)
      if (this.#encoder.rowCount >= this.#batchRowCount || this.#encoder.lineBytes >= this.#batchBytes) this.#seal()
    }
    this.#filter.release(refused)
    if (this.#open !== undefined) this.#timer ??= setTimeout(() => this.#seal(), this.#batchWaitMs)
    return resultOf(blocks, taken, refused)
  }

  #encode(row: TransactionRow): boolean {
    const { located, endpointId } = row
    return located === undefined || endpointId === undefined
      ? this.#encoder.append(row.line, endpointId)
      : this.#encoder.appendLocated(located, row.lineBytes, endpointId)
  }

  #seal(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#open === undefined) return
    this.#sealed.push({ ...this.#open, native: this.#encoder.finish() })
    this.#open = undefined
    this.#draining ??= this.#drain()
  }

  async #drain(): Promise<void> {
    for (let block = this.#sealed[0]; block !== undefined; block = this.#sealed[0]) {
      await this.#settle(block)
      this.#sealed.shift()
    }
    this.#draining = undefined
  }

  async #settle(block: SealedBlock): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure.error
      await this.#insertBlock(block.rows, block.native, block.refusedIds)
      const { refusedIds } = block
      const stored = refusedIds.size === 0 ? block.rows : block.rows.filter(({ id }) => !refusedIds.has(id))
      this.#filter.remember(stored)
      this.#encoder.giveBack(block.native)
      if (refusedIds.size > 0) this.#filter.release(block.rows)
      block.resolve()
    } catch (error) {
      this.#failure = { error }
      this.#filter.release(block.rows)
      block.reject(error)
    }
  }

  /** The encoder refuses what no column can hold. Should an engine refuse a row all the same, it is found by halving the block. */
  async #insertBlock(rows: readonly TransactionRow[], native: ColumnBlock, refusedIds: Set<string>): Promise<void> {
    const { columns, bytes } = native
    const block = { deduplicationToken: tokenOf(rows), columns, bytes }
    await this.#journal.write(block)
    try {
      await this.#insertPatiently(block)
    } catch (error) {
      if (!isRowFault(error)) throw error
      await this.#journal.clear()
      if (rows.length === 1 && rows[0] !== undefined) {
        refusedIds.add(rows[0].id)
        return
      }
      // The engine reads a block before it stores any of it.
      const middle = rows.length >> 1
      for (const half of [rows.slice(0, middle), rows.slice(middle)]) {
        await this.#insertBlock(half, encodedAlone(half), refusedIds)
      }
      return
    }
    await this.#journal.clear()
  }

  #insertPatiently({ deduplicationToken, columns, bytes }: JournaledBlock): Promise<void> {
    const options = { deduplicationToken }
    return this.#patiently(() =>
      columns === undefined
        ? this.#store.insertNdjson(tableNames.transactions, bytes, options)
        : this.#store.insertNative(tableNames.transactions, { columns, bytes }, options),
    )
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

/** When all blocks are stored. Of `taken`, which went into them, some may be refused all the same. */
async function resultOf(
  blocks: readonly Block[],
  taken: readonly Sighting[],
  refused: readonly Sighting[],
): Promise<WriteResult> {
  await Promise.all(blocks.map(({ settled }) => settled))
  const refusedIds = refused.map(({ id }) => id)
  for (const block of blocks) {
    if (block.refusedIds.size === 0) continue
    for (const { id } of taken) if (block.refusedIds.has(id)) refusedIds.push(id)
  }
  return { insertedCount: taken.length + refused.length - refusedIds.length, duplicateCount: 0, refusedIds }
}

function newBlock(): Block {
  let resolve: () => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const settled = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { rows: [], refusedIds: new Set(), settled, resolve, reject }
}

/** Beside the block that the writer's own encoder is filling. */
function encodedAlone(rows: readonly TransactionRow[]): ColumnBlock {
  const encoder = new NativeBlockEncoder(transactionColumns)
  for (const { line, endpointId } of rows) encoder.append(line, endpointId)
  return encoder.finish()
}

function closedError(): StoreUnavailable {
  return new StoreUnavailable('transactions.write', { code: 'CLOSED', retryable: false })
}

/** The same rows in the same order, the same token: also when the journal is lost and they are delivered again. */
function tokenOf(rows: readonly TransactionRow[]): string {
  // One call: each costs a microsecond.
  const ids = rows.map(({ id }) => id).join('')
  return createHash('sha256').update(ids).digest('hex').slice(0, 32)
}
