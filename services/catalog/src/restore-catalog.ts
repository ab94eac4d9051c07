/**
 * The catalog's state from the store, at start: the endpoints decided so far, then what the latest transactions teach, in event-time order.
 * Nothing is written meanwhile. What the store counted beyond those transactions becomes each endpoint's baseline. Rows that were stored
 * under their literal path, because the last process had not decided yet, are redirected by the decisions taken here.
 */

import type { Catalog } from '@tapwarden/catalog/catalog'
import type { CatalogTransaction } from '@tapwarden/catalog/catalog-transaction'
import type { EndpointSnapshot } from '@tapwarden/contracts/endpoint'
import { tableNames } from '@tapwarden/contracts/names'
import type { Store } from '@tapwarden/store/store'
import { listEndpoints } from './catalog-queries.js'
import { type EndpointBaseline, subtractCounts } from './endpoint-rows.js'

const pageRowCount = 4_000

interface StoredTransaction {
  readonly id: string
  readonly at: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly path_tokens: string[]
  readonly query: string
  readonly auth_scheme: CatalogTransaction['authScheme']
  readonly access_token_name: string
  readonly login_user_token: string
  readonly request_content_type: string
  readonly request_content_kind: CatalogTransaction['requestContentKind']
  readonly request_shape: string
  readonly status: number | null
  readonly response_content_type: string
  readonly response_content_kind: string
  readonly response_content_bytes: string | null
  readonly response_shape: string
  readonly edge_decision_id: string
  readonly sensitive: string
  readonly anomalies: string[]
}

export interface RestoredCatalog {
  readonly baselines: Map<string, EndpointBaseline>
  readonly transactionCount: number
  /** Decisions taken while learning, for their redirects: not published yet. */
  readonly decided: readonly EndpointSnapshot[]
}

/** Throws what the store throws. */
export async function restoreCatalog(
  catalog: Catalog,
  store: Store,
  maxTransactions: number,
): Promise<RestoredCatalog> {
  const endpoints = (await listEndpoints(store)).filter((endpoint) => !endpoint.provisional)
  for (const row of endpoints) {
    catalog.restore({ host: row.host, method: row.method, pathTemplate: row.path_template, version: row.version })
  }
  const decided: EndpointSnapshot[] = []
  const transactionCount = maxTransactions > 0 ? await learnLatest(catalog, store, maxTransactions, decided) : 0
  decided.push(...catalog.decide(true))
  const rebuilt = new Map(
    [...catalog.hosts()].flatMap((host) => host.endpoints().map((known) => [known.id, known.state])),
  )
  const baselines = new Map<string, EndpointBaseline>()
  for (const row of endpoints) {
    const state = rebuilt.get(row.id)
    baselines.set(row.id, {
      firstSeenUs: epochUs(row.first_seen_at),
      lastSeenUs: epochUs(row.last_seen_at),
      transactionCount: Math.max(0, row.transaction_count - (state?.count ?? 0)),
      authSchemes: subtractCounts(row.auth_schemes, Object.fromEntries(state?.authSchemes ?? [])),
      sensitive: subtractCounts(row.sensitive, Object.fromEntries(state?.sensitive ?? [])),
      statusCounts: subtractCounts(row.status_counts, Object.fromEntries(state?.statusCounts ?? [])),
    })
  }
  return { baselines, transactionCount, decided }
}

async function learnLatest(
  catalog: Catalog,
  store: Store,
  maxTransactions: number,
  decided: EndpointSnapshot[],
): Promise<number> {
  const [bound] = await store.query<{ fromUs: string; count: string }>(
    `SELECT toString(min(us)) AS fromUs, toString(count()) AS count FROM (
  SELECT toUnixTimestamp64Micro(observed_at) AS us FROM ${tableNames.transactions} ORDER BY observed_at DESC LIMIT {max:UInt32})`,
    { max: maxTransactions },
  )
  if (bound === undefined || bound.count === '0') return 0
  let count = 0
  let at = bound.fromUs
  let id = ''
  for (;;) {
    const rows = await store.query<StoredTransaction>(
      `SELECT id, toString(toUnixTimestamp64Micro(observed_at)) AS at, method, host, path, path_tokens, query, auth_scheme,
  access_token_name, login_user_token, request_content_type, request_content_kind, request_shape, status, response_content_type,
  response_content_kind, toString(response_content_bytes) AS response_content_bytes, response_shape, edge_decision_id, sensitive, anomalies
FROM ${tableNames.transactions}
WHERE observed_at >= fromUnixTimestamp64Micro({at:Int64}) AND (observed_at > fromUnixTimestamp64Micro({at:Int64}) OR id > {id:String})
ORDER BY observed_at, id LIMIT {limit:UInt32}`,
      { at, id, limit: pageRowCount },
    )
    for (const row of rows) {
      const transaction = transactionOf(row)
      catalog.observe(transaction)
      // Takes note of the literal path's id, which a decision then redirects.
      catalog.resolve(transaction)
    }
    decided.push(...catalog.decide(false))
    count += rows.length
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRowCount) return count
    at = last.at
    id = last.id
  }
}

function transactionOf(row: StoredTransaction): CatalogTransaction {
  const requestShape = json(row.request_shape)
  const responseShape = json(row.response_shape)
  const sensitive = json(row.sensitive) as CatalogTransaction['sensitive']
  return {
    id: row.id,
    observedAtUs: Number(row.at),
    method: row.method,
    host: row.host,
    path: row.path,
    pathTokens: row.path_tokens,
    query: (json(row.query) ?? []) as CatalogTransaction['query'],
    authScheme: row.auth_scheme,
    ...(row.access_token_name === '' ? {} : { accessTokenName: row.access_token_name }),
    ...(row.login_user_token === '' ? {} : { loginUserToken: row.login_user_token }),
    ...(row.request_content_type === '' ? {} : { requestContentType: row.request_content_type }),
    requestContentKind: row.request_content_kind,
    ...(requestShape === undefined ? {} : { requestShape }),
    ...(row.status === null ? {} : { status: Number(row.status) }),
    ...(row.response_content_type === '' ? {} : { responseContentType: row.response_content_type }),
    ...(row.response_content_kind === ''
      ? {}
      : { responseContentKind: row.response_content_kind as NonNullable<CatalogTransaction['responseContentKind']> }),
    ...(row.response_content_bytes === null ? {} : { responseContentBytes: Number(row.response_content_bytes) }),
    ...(responseShape === undefined ? {} : { responseShape }),
    ...(row.edge_decision_id === '' ? {} : { edgeDecisionId: row.edge_decision_id }),
    ...(sensitive === undefined ? {} : { sensitive }),
    ...(row.anomalies.length === 0 ? {} : { anomalies: row.anomalies }),
  }
}

/** Columns of structure hold JSON as published, or nothing; a shape that is one leaf is stored as its text, without quotes. */
function json(text: string): NonNullable<CatalogTransaction['requestShape']> | undefined {
  if (text === '') return undefined
  return /^[[{]/.test(text) ? (JSON.parse(text) as NonNullable<CatalogTransaction['requestShape']>) : text
}

/** `2026-11-24 12:00:00.000000`, UTC → µs. */
function epochUs(text: string): number {
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`) * 1_000 + Number(text.slice(20, 26).padEnd(6, '0'))
}
