/** One request of ClickHouse's HTTP interface, read: who asks, the statement, its rows, settings and parameters. */

import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'

export interface EngineRequest {
  readonly method: string
  readonly user: string
  readonly password: string
  readonly sql: string
  /** Rows of an INSERT whose statement came in the URL, in the pieces in which they came. */
  readonly rows: readonly Buffer[] | undefined
  readonly database: string | undefined
  readonly queryId: string | undefined
  readonly defaultFormat: string
  readonly settings: ReadonlyMap<string, string>
  readonly params: ReadonlyMap<string, string>
  readonly wantsGzip: boolean
}

/** An answer that is not the engine's: ClickHouse's code, and its text in ClickHouse's form. */
export class ClickHouseException extends Error {
  override readonly name = 'ClickHouseException'
  constructor(code: number, detail: string, codeName: string) {
    super(`Code: ${code}. DB::Exception: ${detail} (${codeName})`)
  }
}

/** Parameters that steer the interface and are no settings of a query. */
const interfaceParameters = new Set([
  'query',
  'database',
  'user',
  'password',
  'quota_key',
  'query_id',
  'default_format',
  'wait_end_of_query',
  'buffer_size',
  'client_protocol_version',
  'enable_http_compression',
  'http_zlib_compression_level',
  'http_response_buffer_size',
  'http_write_exception_in_output_format',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'add_http_cors_header',
  'cancel_http_readonly_queries_on_client_close',
  'session_timeout',
  'session_check',
])
/** What we would have to pretend to support. */
const unsupportedParameters = new Set(['session_id', 'compress', 'decompress', 'role'])

/** Throws `ClickHouseException` for what cannot be served. Buffers the body, at most `bodyMaxBytes` of it, decompressed. */
export async function readEngineRequest(request: IncomingMessage, bodyMaxBytes: number): Promise<EngineRequest> {
  const url = new URL(request.url ?? '/', 'http://engine')
  const settings = new Map<string, string>()
  const params = new Map<string, string>()
  for (const [name, value] of url.searchParams) {
    if (name.startsWith('param_')) params.set(name.slice('param_'.length), value)
    else if (unsupportedParameters.has(name) && value !== '0' && value !== '') {
      throw new ClickHouseException(
        48,
        `URL parameter ${name} is not supported by the embedded engine.`,
        'NOT_IMPLEMENTED',
      )
    } else if (!interfaceParameters.has(name)) settings.set(name, value)
  }
  const body = await readBody(request, bodyMaxBytes)
  const urlSql = url.searchParams.get('query') ?? ''
  const isInsert = /^\s*insert\s/i.test(urlSql) && body.some(({ length }) => length > 0)
  return {
    ...credentials(request, url.searchParams),
    method: request.method ?? 'GET',
    sql: trimmed(isInsert ? urlSql : joined(urlSql, Buffer.concat(body).toString('utf8'))),
    rows: isInsert ? body : undefined,
    database: url.searchParams.get('database') ?? header(request, 'x-clickhouse-database'),
    queryId: url.searchParams.get('query_id') ?? undefined,
    defaultFormat: url.searchParams.get('default_format') ?? header(request, 'x-clickhouse-format') ?? 'TabSeparated',
    settings,
    params,
    wantsGzip:
      url.searchParams.get('enable_http_compression') === '1' &&
      /\bgzip\b/.test(header(request, 'accept-encoding') ?? ''),
  }
}

function credentials(request: IncomingMessage, query: URLSearchParams): { user: string; password: string } {
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(request.headers.authorization ?? '')
  if (basic?.[1] !== undefined) {
    const pair = Buffer.from(basic[1], 'base64').toString('utf8')
    const colon = pair.indexOf(':')
    return colon < 0 ? { user: pair, password: '' } : { user: pair.slice(0, colon), password: pair.slice(colon + 1) }
  }
  return {
    user: header(request, 'x-clickhouse-user') ?? query.get('user') ?? 'default',
    password: header(request, 'x-clickhouse-key') ?? query.get('password') ?? '',
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer[]> {
  const encoding = header(request, 'content-encoding') ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw new ClickHouseException(48, `Content-Encoding ${encoding} is not supported.`, 'NOT_IMPLEMENTED')
  }
  const source = encoding === 'gzip' ? request.pipe(createGunzip()) : request
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new ClickHouseException(307, `Request is larger than ${maxBytes} bytes.`, 'TOO_MANY_BYTES')
    chunks.push(chunk)
  }
  return chunks
}

function joined(urlSql: string, bodySql: string): string {
  if (urlSql === '') return bodySql
  return bodySql === '' ? urlSql : `${urlSql}\n${bodySql}`
}

function trimmed(sql: string): string {
  return sql.replace(/[\s;]+$/, '')
}
