/** The store over ClickHouse's HTTP interface: a server's, or the embedded engine's. */

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client'
import { database as defaultDatabase, type TableName, tableNames } from '@tapwarden/contracts/names'
import { withoutLoneSurrogates } from './lone-surrogates.js'
import { checkUserSql, readerLimits, type SyntaxReader } from './sql-gate.js'
import { type ColumnBlock, type InsertOptions, QueryRefused, type Store, StoreUnavailable } from './store.js'
import { classified } from './store-errors.js'
import { transactionInsertColumns } from './transaction-columns.js'

export interface StoreOptions {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly database?: string
  /** Waits between attempts of what may succeed later; their number bounds the attempts. */
  readonly retryDelaysMs?: readonly number[]
  readonly requestTimeoutMs?: number
  /** A folder of which the server reads files by their names, on this machine: blocks go there instead of through the socket. */
  readonly blockFolder?: string
  /** Rejects when the store is gone for good, as an engine of ours that died: from then on nothing is tried again. */
  readonly failed?: Promise<never>
}

export interface HttpStore extends Store {
  /** Before the first migration there is no database to talk to. */
  createDatabase(onCluster: string): Promise<void>
}

const defaultRetryDelaysMs = [100, 300, 1_000, 3_000, 10_000]

/** For every insert: what makes a retry of the same block harmless. */
const insertSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  input_format_null_as_default: 1,
  // A replay of captures from many days is one batch with as many partitions.
  max_partitions_per_insert_block: '0',
} as const

/** Names of codes that say a statement exceeds its limits. */
const tooMuch: ReadonlySet<string> = new Set(['MEMORY_LIMIT_EXCEEDED', 'TIMEOUT_EXCEEDED', 'TOO_SLOW'])

/** Of this process, in every store's folder. */
let blockCount = 0

export function openStore(options: StoreOptions): HttpStore {
  return new ClickHouseStore(options)
}

class ClickHouseStore implements HttpStore {
  readonly #client: ClickHouseClient
  readonly #options: StoreOptions
  readonly #database: string
  readonly #retryDelaysMs: readonly number[]
  /** Aborted with the error that every operation then ends with. */
  readonly #gone = new AbortController()
  readonly #syntax: SyntaxReader = {
    normalized: (sql) => this.#normalized(sql),
    tree: (sql) => this.#text(`EXPLAIN AST ${sql}`, 'TSVRaw', { settings: { readonly: '1' } }),
  }

  constructor(options: StoreOptions) {
    this.#options = options
    this.#database = options.database ?? defaultDatabase
    this.#retryDelaysMs = options.retryDelaysMs ?? defaultRetryDelaysMs
    this.#client = this.#connect(this.#database)
    options.failed?.catch((error: unknown) => this.#gone.abort(error))
  }

  async #normalized(sql: string): Promise<string> {
    try {
      const line = await this.#text('SELECT formatQuerySingleLine({sql:String})', 'TSVRaw', { params: { sql } })
      return line.replace(/\n$/, '')
    } catch (error) {
      if (!(error instanceof QueryRefused)) throw error
      throw new QueryRefused(withoutScope(error.message), {
        ...(error.code === undefined ? {} : { code: error.code }),
        cause: error,
      })
    }
  }

  #connect(database: string): ClickHouseClient {
    return createClient({
      url: this.#options.url,
      username: this.#options.user,
      password: this.#options.password,
      database,
      request_timeout: this.#options.requestTimeoutMs ?? 300_000,
      max_open_connections: 8,
      // Every failure goes to the caller; the client would print it as well, statement included.
      log: { level: ClickHouseLogLevel.OFF },
      compression: { request: false, response: false },
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1, wait_end_of_query: 1 },
    })
  }

  async query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]> {
    return this.#attempt('query', async () => {
      const answer = await this.#client.query({
        query: sql,
        format: 'JSONEachRow',
        ...(params === undefined ? {} : { query_params: { ...params } }),
      })
      return answer.json<Row>()
    })
  }

  async command(sql: string, params?: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#attempt('command', () =>
      this.#client.command({ query: sql, ...(params === undefined ? {} : { query_params: { ...params } }) }),
    )
  }

  async insertNdjson(table: TableName, ndjson: Uint8Array, options: InsertOptions): Promise<void> {
    if (ndjson.length === 0) return
    const columns = table === tableNames.transactions ? ` (${transactionInsertColumns})` : ''
    const sql = `INSERT INTO ${this.#database}.${table}${columns} FORMAT JSONEachRow`
    await this.#insert(sql, withoutLoneSurrogates(ndjson), options, {
      date_time_input_format: 'basic',
      // A newer sensor's fields wait for a column.
      input_format_skip_unknown_fields: 1,
    })
  }

  async insertNative(table: TableName, block: ColumnBlock, options: InsertOptions): Promise<void> {
    const into = `INSERT INTO ${this.#database}.${table} (${block.columns.join(', ')})`
    const { blockFolder } = this.#options
    if (blockFolder === undefined) {
      await this.#insert(`${into} FORMAT Native`, block.bytes, options, {})
      return
    }
    const name = `block-${process.pid}-${blockCount++}.native`
    const path = join(blockFolder, name)
    try {
      await this.#attempt('insert', async () => {
        writeBlockFile(path, block.bytes)
        await this.#client.command({
          query: `${into} SELECT * FROM file('${name}', 'Native')`,
          clickhouse_settings: {
            ...insertSettings,
            insert_deduplication_token: options.deduplicationToken,
            // Refuses where it could not.
            deduplicate_insert_select: 'force_enable',
          },
        })
      })
    } finally {
      rmSync(path, { force: true })
    }
  }

  async insertRows(table: TableName, rows: readonly object[], options: InsertOptions): Promise<void> {
    if (rows.length === 0) return
    const ndjson = Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n'))
    const sql = `INSERT INTO ${this.#database}.${table} FORMAT JSONEachRow`
    await this.#insert(sql, withoutLoneSurrogates(ndjson), options, {
      date_time_input_format: 'best_effort',
      // Our own rows: a misspelled column is a bug to hear of.
      input_format_skip_unknown_fields: 0,
    })
  }

  async userQuery(sql: string, format: string): Promise<string> {
    const checked = await checkUserSql(sql, this.#syntax)
    const wanted = checked.format ?? format
    if (!/^\w+$/.test(wanted)) throw new QueryRefused(`${wanted} is no format`)
    try {
      return await this.#text(checked.sql, wanted, {
        settings: {
          ...Object.fromEntries(readerLimits),
          // As ClickHouse has it since 25.8: a count in quotes is greater than every number to jq.
          output_format_json_quote_64bit_integers: '0',
          readonly: '1',
        },
      })
    } catch (error) {
      // What a service may try again, a person must write otherwise.
      if (error instanceof StoreUnavailable && tooMuch.has(error.code)) {
        throw new QueryRefused(`the statement takes too much (${error.code})`, { code: error.code, cause: error })
      }
      throw error
    }
  }

  async ping(): Promise<void> {
    await this.#attempt('ping', async () => {
      const result = await this.#client.ping({ select: true })
      if (!result.success) throw result.error
    })
  }

  async createDatabase(onCluster: string): Promise<void> {
    const client = this.#connect('default')
    try {
      await this.#attempt('command', () =>
        client.command({ query: `CREATE DATABASE IF NOT EXISTS ${this.#database}${onCluster}` }),
      )
    } finally {
      await client.close()
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #insert(sql: string, bytes: Uint8Array, options: InsertOptions, settings: ClickHouseSettings): Promise<void> {
    await this.#attempt('insert', async () => {
      const { stream } = await this.#client.exec({
        query: sql,
        values: Readable.from([bytes], { objectMode: false }),
        clickhouse_settings: {
          ...insertSettings,
          insert_deduplication_token: options.deduplicationToken,
          ...settings,
        },
      })
      // The answer is empty; read, so that the socket is free again.
      for await (const _ of stream);
    })
  }

  /** The engine's own bytes. Not retried: it is a person who waits, and who sees the reason. */
  async #text(
    sql: string,
    format: string,
    options: {
      readonly params?: Readonly<Record<string, unknown>>
      readonly settings?: Readonly<Record<string, string>>
    },
  ): Promise<string> {
    try {
      const { stream } = await this.#client.exec({
        query: sql,
        // A FORMAT clause would become part of the statement that EXPLAIN AST shows.
        http_headers: { 'X-ClickHouse-Format': format },
        ...(options.params === undefined ? {} : { query_params: { ...options.params } }),
        ...(options.settings === undefined ? {} : { clickhouse_settings: { ...options.settings } }),
      })
      const chunks: Buffer[] = []
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
      return Buffer.concat(chunks).toString('utf8')
    } catch (error) {
      throw classified('query', error)
    }
  }

  async #attempt<Result>(operation: string, run: () => Promise<Result>): Promise<Result> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await run()
      } catch (cause) {
        const error = classified(operation, cause)
        const waitMs = this.#retryDelaysMs[attempt]
        if (!(error instanceof StoreUnavailable) || !error.retryable) throw error
        await this.#waitUnlessGone(waitMs, error)
      }
    }
  }
  /** Throws `error` when there is no wait left, and what ended the store when that happens meanwhile or has happened. */
  async #waitUnlessGone(waitMs: number | undefined, error: StoreUnavailable): Promise<void> {
    const { signal } = this.#gone
    if (waitMs !== undefined && !signal.aborted) await delay(waitMs, undefined, { signal }).catch(() => undefined)
    signal.throwIfAborted()
    if (waitMs === undefined) throw error
  }
}

/** Into the page cache: the file is gone before its pages are due on the disk. Throws `StoreUnavailable` where there is no room. */
function writeBlockFile(path: string, bytes: Uint8Array): void {
  try {
    const file = openSync(path, 'w', 0o600)
    try {
      // A write may be short.
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new StoreUnavailable('insert', {
      code: (cause as NodeJS.ErrnoException).code ?? 'EIO',
      cause,
      retryable: true,
    })
  }
}

/** The engine adds the statement of ours that the person's was an argument of: nothing that they wrote. */
function withoutScope(message: string): string {
  const [theirs = message] = message.split(': In scope SELECT formatQuerySingleLine(')
  return theirs.trim().replace(/ *[:.]+$/, '')
}
