/**
 * ClickHouse's HTTP interface over the embedded engine, on loopback.
 *
 *   request → who? ─ service ─────────────────────────► session → engine
 *                 └─ reader ─► SQL gate ─► limits, readonly ─┘
 *
 * The service account may do everything; the reader is for people and their tools, and every statement of its passes the gate.
 */

import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { database } from '@tapwarden/contracts/names'
import { checkUserSql, readerLimits, readerSettings, type SyntaxReader } from '../sql-gate.js'
import { QueryRefused } from '../store.js'
import { ClickHouseException, type EngineRequest, readEngineRequest } from './http-request.js'
import type { EngineResult, NativeEngine, SessionScope } from './native-engine.js'

export interface Account {
  readonly user: string
  readonly password: string
}

export interface GatewayOptions {
  readonly engine: NativeEngine
  readonly port: number
  readonly service: Account
  readonly reader: Account
  /** Statements of services, and of people, that run at once; their sum stays below UV_THREADPOOL_SIZE. */
  readonly serviceConcurrentCount: number
  readonly readerConcurrentCount: number
  readonly bodyMaxBytes: number
}

export interface Gateway {
  readonly url: string
  /** No new requests; resolves when those under way are answered. */
  close(): Promise<void>
}

const noScope: SessionScope = { database: 'default', settings: new Map(), params: new Map(), readonly: 1 }

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const lanes = { service: new Lane(options.serviceConcurrentCount), reader: new Lane(options.readerConcurrentCount) }
  const version = new TextDecoder()
    .decode((await options.engine.query('SELECT version()', 'TSVRaw', noScope)).bytes)
    .trim()
  const server = createServer((request, response) => {
    void serve(options, lanes, version, request, response)
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => closed(server) }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}

type Lanes = { readonly service: Lane; readonly reader: Lane }

async function serve(
  options: GatewayOptions,
  lanes: Lanes,
  version: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { pathname, search } = new URL(request.url ?? '/', 'http://engine')
    if (
      pathname === '/ping' ||
      pathname === '/replicas_status' ||
      (pathname === '/' && search === '' && request.method === 'GET')
    ) {
      response.end('Ok.\n')
      return
    }
    if (pathname !== '/') {
      response.writeHead(404).end(`There is no handle ${pathname}\n`)
      return
    }
    const asked = await readEngineRequest(request, options.bodyMaxBytes)
    const role = authenticated(options, asked)
    if (asked.sql === '') throw new ClickHouseException(62, 'Empty query.', 'SYNTAX_ERROR')
    const answer = await lanes[role].run(() =>
      role === 'service' ? runForService(options.engine, asked) : runForReader(options.engine, asked),
    )
    respond(response, asked, answer)
  } catch (error) {
    refuse(response, error, version)
    // What is left of a body that nobody reads must not keep the connection.
    request.resume()
  }
}

function authenticated(options: GatewayOptions, asked: EngineRequest): 'service' | 'reader' {
  for (const role of ['service', 'reader'] as const) {
    if (asked.user === options[role].user && same(asked.password, options[role].password)) return role
  }
  throw new ClickHouseException(
    516,
    `${asked.user}: Authentication failed: password is incorrect, or there is no user with such name.`,
    'AUTHENTICATION_FAILED',
  )
}

function same(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

interface Answer {
  readonly result: EngineResult
  readonly format: string
}

async function runForService(engine: NativeEngine, asked: EngineRequest): Promise<Answer> {
  // ClickHouse lets GET read only.
  const readonly = asked.method === 'GET' || asked.settings.get('readonly') === '1' ? 1 : 0
  const settings = new Map(asked.settings)
  settings.delete('readonly')
  const scope = { database: asked.database ?? 'default', settings, params: asked.params, readonly } as const
  if (asked.rows !== undefined)
    return { result: await engine.insert(asked.sql, asked.rows, scope), format: asked.defaultFormat }
  const format = /\sformat\s+(\w+)\s*$/i.exec(asked.sql)?.[1] ?? asked.defaultFormat
  return { result: await engine.query(asked.sql, format, scope), format }
}

async function runForReader(engine: NativeEngine, asked: EngineRequest): Promise<Answer> {
  if (asked.rows !== undefined) throw new ClickHouseException(164, 'This account reads only.', 'READONLY')
  const checked = await checkUserSql(asked.sql, engineSyntax(engine))
  const format = checked.format ?? asked.defaultFormat
  const settings = readerSettings(asked.settings, format)
  // People's tools get numbers, as from a server; who wants them in quotes asks for it.
  const defaults = new Map([['output_format_json_quote_64bit_integers', '0']])
  const all = new Map([...defaults, ...readerLimits, ...settings])
  const scope = { database, settings: all, params: new Map(), readonly: 1 } as const
  return { result: await engine.query(checked.sql, format, scope), format }
}

/** Lets the gate ask the engine for the syntax of a text, in a session that can do nothing else. */
function engineSyntax(engine: NativeEngine): SyntaxReader {
  const decoder = new TextDecoder()
  return {
    async normalized(sql) {
      const params = new Map([['sql', escaped(sql)]])
      const answer = await engine.query('SELECT formatQuerySingleLine({sql:String})', 'TSVRaw', { ...noScope, params })
      return decoder.decode(answer.bytes).replace(/\n$/, '')
    },
    async tree(normalizedSql) {
      return decoder.decode((await engine.query(`EXPLAIN AST ${normalizedSql}`, 'TSVRaw', noScope)).bytes)
    },
  }
}

function escaped(text: string): string {
  return text
    .replace(/\\/g, '\\\\')
    .replace(/\t/g, '\\t')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\0/g, '\\0')
}

function respond(response: ServerResponse, asked: EngineRequest, answer: Answer): void {
  const { result, format } = answer
  response.setHeader('X-ClickHouse-Query-Id', asked.queryId ?? randomUUID())
  response.setHeader('X-ClickHouse-Server-Display-Name', 'tapwarden')
  response.setHeader('X-ClickHouse-Timezone', 'UTC')
  response.setHeader('X-ClickHouse-Format', format)
  response.setHeader('X-ClickHouse-Summary', summary(result))
  response.setHeader('Content-Type', contentType(format))
  if (asked.wantsGzip && result.bytes.length > 0) {
    response.setHeader('Content-Encoding', 'gzip')
    response.end(gzipSync(result.bytes, { level: 1 }))
  } else response.end(result.bytes)
}

function summary(result: EngineResult): string {
  return JSON.stringify({
    read_rows: String(result.rowsRead),
    read_bytes: '0',
    written_rows: String(result.rowsWritten),
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: '0',
    elapsed_ns: String(Math.round(result.elapsedSeconds * 1e9)),
  })
}

function contentType(format: string): string {
  if (/^JSON\w*EachRow/.test(format)) return 'application/x-ndjson; charset=UTF-8'
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8'
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8'
  if (/^(TSV|TabSeparated)/.test(format)) return 'text/tab-separated-values; charset=UTF-8'
  return /^(Pretty|Vertical|Markdown)/.test(format) ? 'text/plain; charset=UTF-8' : 'application/octet-stream'
}

/** HTTP status by exception code, as ClickHouse's HTTPHandler has it; 500 for the rest. */
const httpStatusByCode: ReadonlyMap<number, number> = new Map([
  [516, 403],
  [497, 403],
  [164, 403],
  [60, 404],
  [81, 404],
  [46, 404],
  [48, 501],
  [62, 400],
  [47, 400],
  [36, 400],
  [27, 400],
  [6, 400],
  [307, 413],
  [159, 408],
])

function refuse(response: ServerResponse, error: unknown, version: string): void {
  const text =
    error instanceof QueryRefused
      ? `Code: 497. DB::Exception: ${error.message} (ACCESS_DENIED)`
      : error instanceof Error
        ? error.message
        : String(error)
  const code = Number(/^Code: (\d+)/.exec(text)?.[1] ?? 1002)
  const whole = text.startsWith('Code: ') ? text : `Code: ${code}. DB::Exception: ${text} (UNKNOWN_EXCEPTION)`
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.setHeader('X-ClickHouse-Exception-Code', String(code))
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  response.writeHead(httpStatusByCode.get(code) ?? 500)
  response.end(`${whole.trimEnd()} (version ${version})\n`)
}

const laneWaitingMaxCount = 1_000

/** At most `count` at a time, in order of arrival; who would be the thousand-and-first to wait is told to come again. */
class Lane {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--
    else if (this.#waiting.length >= laneWaitingMaxCount) {
      throw new ClickHouseException(202, 'Too many simultaneous queries.', 'TOO_MANY_SIMULTANEOUS_QUERIES')
    } else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
