/**
 * The store port: rows in, SQL out. One implementation, `http-store.ts`, over `@clickhouse/client` and a URL; the embedded
 * engine (`embedded/`) is a child process behind the same protocol.
 */

import type { TableName } from '@tapwarden/contracts/names'

export interface InsertOptions {
  /** Guards redelivery of the same block only: the same token must always come with the same rows. */
  readonly deduplicationToken: string
}

export interface ColumnBlock {
  /** Names of the columns, in the order in which the block holds them. */
  readonly columns: readonly string[]
  readonly bytes: Uint8Array
}

export interface Store {
  /**
   * Rows of a SELECT of ours, all of them in memory: page what may be large. `params` bind `{name:Type}`. 64-bit integers come as
   * strings. Throws `StoreUnavailable` or `QueryRefused`.
   */
  query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]>
  /** A statement without rows (DDL, ALTER). */
  command(sql: string, params?: Readonly<Record<string, unknown>>): Promise<void>
  /** Inserts NDJSON bytes whose keys are column names (snake_case) or, for transactions, wire names; resolves when stored. */
  insertNdjson(table: TableName, ndjson: Uint8Array, options: InsertOptions): Promise<void>
  /** Inserts a block of ClickHouse's Native format; resolves when stored. */
  insertNative(table: TableName, block: ColumnBlock, options: InsertOptions): Promise<void>
  /**
   * Inserts objects whose keys are column names; resolves when stored. Times: ISO 8601 text, or a number of the column's own ticks
   * (µs for DateTime64(6), ms for DateTime64(3)). Throws `QueryRefused` for a key that is no column.
   */
  insertRows(table: TableName, rows: readonly object[], options: InsertOptions): Promise<void>
  /** A person's SQL: through the gate (sql-gate.ts), read only, with limits. Returns the engine's bytes in `format`. */
  userQuery(sql: string, format: string): Promise<string>
  ping(): Promise<void>
  close(): Promise<void>
}

/** The engine is away or refuses for a reason of its own (disk, memory). */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly retryable: boolean
  readonly code: string
  constructor(
    operation: string,
    options: { readonly code: string; readonly cause?: unknown; readonly retryable: boolean },
  ) {
    super(`store unavailable: ${operation} (${options.code})`, { cause: options.cause })
    this.retryable = options.retryable
    this.code = options.code
  }
}

/** A query that is wrong or not allowed: `message` says what to do. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused'
  /** The engine's exception code, where the engine refused it. */
  readonly code: string | undefined
  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = options.code
  }
}
