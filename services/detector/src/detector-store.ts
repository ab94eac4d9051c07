/** What the detector reads from the store at start, and writes to it: SQL of this service, all of it. */

import { microsPerHour, microsPerMinute, microsPerSecond } from '@tapwarden/base/units'
import type { EndpointSnapshot } from '@tapwarden/contracts/endpoint'
import type { Finding } from '@tapwarden/contracts/finding'
import { tableNames } from '@tapwarden/contracts/names'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { storedIds } from '@tapwarden/store/duplicate-filter'
import type { Store } from '@tapwarden/store/store'
import { actorValueOf, type StoredFinding } from './finding-ledger.js'

const pageRowCount = 20_000
const storedFindingsMaxCount = 10_000

/** Rows that a detector learns from: with credentials, or authenticated. */
const relevant = "(login_user_token != '' OR access_token != '' OR session_token != '')"

interface HistoryRow {
  readonly observedAtUs: string
  readonly status: number | null
  readonly responseContentBytes: string | null
  readonly responseShape: string
  readonly responseFields: string
  readonly setCookieNames: readonly string[]
  readonly missedBytes: string
  readonly [column: string]: unknown
}

/** Empty text is an absent field in these columns. */
const textColumns = {
  accessToken: 'access_token',
  sessionToken: 'session_token',
  accountToken: 'account_token',
  loginUserToken: 'login_user_token',
  loginPasswordToken: 'login_password_token',
  edgeDecisionId: 'edge_decision_id',
} as const

const historyColumns = [
  't.id AS id',
  'toString(toUnixTimestamp64Micro(t.observed_at)) AS observedAtUs',
  "replaceRegexpOne(toString(t.client_address), '^::ffff:', '') AS clientAddress",
  't.client_address_spoofable AS clientAddressSpoofable',
  't.method AS method',
  't.host AS host',
  't.path AS path',
  't.fingerprint AS fingerprint',
  't.status AS status',
  'toString(t.response_content_bytes) AS responseContentBytes',
  't.response_shape AS responseShape',
  't.response_fields AS responseFields',
  't.set_cookie_names AS setCookieNames',
  'toString(t.missed_bytes) AS missedBytes',
  't.truncated AS truncated',
  't.weight AS weight',
  ...Object.entries(textColumns).map(([wire, column]) => `t.${column} AS ${wire}`),
].join(', ')

/**
 * The newest transactions that detectors learn from, oldest first, in pages: at most `maxCount`, of the last `maxHours` before the newest.
 * They have only the fields that detectors read.
 */
export async function* recentTransactions(
  store: Store,
  limits: { readonly maxCount: number; readonly maxHours: number; readonly beforeMs: number },
): AsyncGenerator<HttpTransaction[]> {
  const ingested = `ingested_at < fromUnixTimestamp64Milli({beforeMs:Int64}) AND ${relevant}`
  const bounds = await store.query<{ fromUs: string }>(
    `SELECT toString(min(atUs)) AS fromUs FROM (
  SELECT toUnixTimestamp64Micro(observed_at) AS atUs FROM ${tableNames.transactions}
  WHERE ${ingested} AND observed_at >= (
    SELECT max(observed_at) FROM ${tableNames.transactions}) - INTERVAL {maxHours:UInt32} HOUR
  ORDER BY observed_at DESC LIMIT {maxCount:UInt32})`,
    limits,
  )
  let afterUs = Number(bounds[0]?.fromUs ?? 0)
  let afterId = ''
  for (;;) {
    const rows = await store.query<HistoryRow>(
      `SELECT ${historyColumns} FROM ${tableNames.transactions} AS t
WHERE ${ingested} AND observed_at >= fromUnixTimestamp64Micro({afterUs:Int64})
  AND (toUnixTimestamp64Micro(observed_at), t.id) > ({afterUs:Int64}, {afterId:String})
ORDER BY observed_at, t.id LIMIT {limit:UInt32}`,
      { ...limits, afterUs, afterId, limit: pageRowCount },
    )
    const page = rows.map(transactionOf)
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (page.length < pageRowCount || last === undefined) return
    afterUs = last.observedAtUs
    afterId = last.id
  }
}

function transactionOf(row: HistoryRow): HttpTransaction {
  const transaction: Record<string, unknown> = {
    ...row,
    observedAtUs: Number(row.observedAtUs),
    missedBytes: Number(row.missedBytes),
  }
  for (const name of Object.keys(textColumns)) if (transaction[name] === '') delete transaction[name]
  setOrDelete(transaction, 'status', row.status ?? undefined)
  setOrDelete(
    transaction,
    'responseContentBytes',
    row.responseContentBytes === null ? undefined : Number(row.responseContentBytes),
  )
  setOrDelete(transaction, 'responseShape', parsed(row.responseShape))
  setOrDelete(transaction, 'responseFields', parsed(row.responseFields))
  if (row.setCookieNames.length === 0) delete transaction['setCookieNames']
  return transaction as HttpTransaction
}

function setOrDelete(transaction: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined || value === null) delete transaction[name]
  else transaction[name] = value
}

function parsed(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // A column that holds no JSON is a field that was never seen.
    return undefined
  }
}

/** Decided templates, as one snapshot a host that holds since ever. */
export async function storedSnapshots(store: Store): Promise<EndpointSnapshot[]> {
  const rows = await store.query<{ id: string; host: string; method: string; pathTemplate: string }>(
    `SELECT id, host, method, path_template AS pathTemplate FROM ${tableNames.endpoints} FINAL
WHERE NOT provisional AND id NOT IN (SELECT from_id FROM ${tableNames.endpointRedirects})`,
  )
  const hosts = new Map<string, { id: string; method: string; pathTemplate: string }[]>()
  for (const { host, id, method, pathTemplate } of rows) {
    const endpoints = hosts.get(host) ?? []
    endpoints.push({ id, method, pathTemplate })
    hosts.set(host, endpoints)
  }
  return [...hosts].map(([host, endpoints]) => ({ host, version: 0, effectiveFromUs: 0, endpoints, redirects: [] }))
}

/** The newest version of each of the newest findings. */
export async function storedFindings(store: Store): Promise<StoredFinding[]> {
  const rows = await store.query<{ version: number; document: string }>(
    `SELECT version, document FROM ${tableNames.findings} FINAL
ORDER BY detected_at DESC, version DESC LIMIT 1 BY id LIMIT {limit:UInt32}`,
    { limit: storedFindingsMaxCount },
  )
  return rows.map(({ document }) => {
    const finding = JSON.parse(document) as Finding
    return {
      id: finding.id,
      version: finding.version,
      detectorId: finding.detector.id,
      endpointId: finding.subject.endpoint?.id ?? '',
      actorValue: actorValueOf(finding),
      actorValues: finding.subject.actors.map(({ value }) => value),
      firstSeenUs: finding.firstSeenUs,
      lastSeenUs: finding.lastSeenUs,
    }
  })
}

export async function storeFindings(store: Store, findings: readonly Finding[]): Promise<void> {
  const [first, last] = [findings[0], findings.at(-1)]
  if (first === undefined || last === undefined) return
  const rows = findings.map((finding) => ({
    id: finding.id,
    version: finding.version,
    detector_id: finding.detector.id,
    detector_version: finding.detector.version,
    threat: finding.threat,
    title: finding.title,
    summary: finding.summary,
    severity: finding.severity,
    confidence: finding.confidence,
    state: finding.state,
    subject_kind: finding.subject.kind,
    actors: finding.subject.actors,
    endpoint_id: finding.subject.endpoint?.id ?? '',
    host: finding.subject.endpoint?.host ?? '',
    method: finding.subject.endpoint?.method ?? '',
    path_template: finding.subject.endpoint?.pathTemplate ?? '',
    first_seen_at: finding.firstSeenUs,
    last_seen_at: finding.lastSeenUs,
    detected_at: finding.detectedAtUs,
    document: JSON.stringify(finding),
  }))
  const token = `${first.id}.${first.version}-${last.id}.${last.version}-${findings.length}`
  await store.insertRows(tableNames.findings, rows, { deduplicationToken: token })
}

/**
 * Transactions that the store held before this run began, and that the restore therefore spoke for. Live traffic lies after every
 * minute that the store knew then, and costs no look-up.
 */
export class StoredBefore {
  readonly #store: Store
  /** Wall clock of this run's begin. */
  readonly beforeMs: number
  /** Hour → the span of minutes in it with transactions, in µs. */
  readonly #spans: ReadonlyMap<number, readonly [fromUs: number, toUs: number]>

  private constructor(store: Store, beforeMs: number, spans: ReadonlyMap<number, readonly [number, number]>) {
    this.#store = store
    this.beforeMs = beforeMs
    this.#spans = spans
  }

  static async open(store: Store, beforeMs: number): Promise<StoredBefore> {
    const rows = await store.query<{ fromS: number; toS: number }>(
      `SELECT toUnixTimestamp(min(minute)) AS fromS, toUnixTimestamp(max(minute)) AS toS FROM ${tableNames.endpointsByMinute}
GROUP BY toStartOfHour(minute)`,
    )
    const spans = rows.map(({ fromS, toS }): [number, [number, number]] => {
      const fromUs = fromS * microsPerSecond
      return [Math.floor(fromUs / microsPerHour), [fromUs, toS * microsPerSecond + microsPerMinute]]
    })
    return new StoredBefore(store, beforeMs, new Map(spans))
  }

  /** Ids among `transactions`. */
  async among(transactions: readonly HttpTransaction[]): Promise<Set<string>> {
    const candidates = transactions.filter(({ observedAtUs }) => {
      const span = this.#spans.get(Math.floor(observedAtUs / microsPerHour))
      return span !== undefined && observedAtUs >= span[0] && observedAtUs < span[1]
    })
    if (candidates.length === 0) return new Set()
    return storedIds(this.#store, candidates, this.beforeMs)
  }
}
