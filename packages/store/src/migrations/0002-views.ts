/** The `v_*` views: latest versions, endpoints resolved through redirects, roll-ups finished. Column names here are promises. */

import { database as db, tableNames } from '@tapwarden/contracts/names'
import type { Migration } from './migration.js'

/**
 * Redirects as two constant arrays for `transform`: no join, so filters and unused columns still reach the table. Three hops;
 * the catalog publishes redirects already followed to their end, so more than one is a race between two of its decisions.
 */
const redirects = `WITH (
  SELECT (groupArray(from_id), groupArray(to_id)) FROM (SELECT from_id, to_id FROM ${db}.endpoint_redirects FINAL)
) AS redirects`

function resolved(column: string): string {
  const hop = (inner: string) => `transform(${inner}, redirects.1, redirects.2, ${inner})`
  return hop(hop(hop(`toString(${column})`)))
}

export function view(name: string, select: string): string {
  return `CREATE OR REPLACE VIEW ${db}.${name}{{on_cluster}} AS\n${select}`
}

const rollUp = (time: string, table: string) => `${redirects}
SELECT
  r.${time} AS ${time}, ${resolved('r.endpoint_id')} AS endpoint_id, r.host AS host, r.method AS method,
  sum(r.transaction_count) AS transactions, sum(r.weighted_count) AS weighted_transactions, sum(r.unanswered_count) AS unanswered,
  sum(r.status_2xx_count) AS status_2xx, sum(r.status_3xx_count) AS status_3xx, sum(r.status_4xx_count) AS status_4xx,
  sum(r.status_5xx_count) AS status_5xx, sum(r.request_content_bytes) AS request_bytes,
  sum(r.response_content_bytes) AS response_bytes, sum(r.missed_bytes) AS missed,
  uniqCombinedMerge(12)(r.clients) AS client_count, uniqCombinedMerge(12)(r.access_tokens) AS access_token_count,
  arrayMap(x -> if(isNaN(x), NULL, round(x)), quantilesTDigestMerge(0.5, 0.9, 0.99)(r.duration_us)) AS duration_us_p50_p90_p99
FROM ${db}.${table} AS r
GROUP BY ${time}, endpoint_id, host, method`

/** `derived`: further columns, each as one line of SELECT. */
export function transactionsView(derived: readonly string[]): string {
  return view(
    'v_transactions',
    `${redirects}
SELECT * EXCEPT (endpoint_id, batch_token), ${resolved('endpoint_id')} AS endpoint_id,
${["  arrayMap(x -> JSONExtractString(x, 'type'), JSONExtractArrayRaw(sensitive)) AS sensitive_types", ...derived].join(',\n')}
FROM ${db}.http_transactions`,
  )
}

export const views: Migration = {
  id: '0002',
  name: 'views',
  statements: [
    view(
      'v_endpoints',
      `SELECT * FROM ${db}.endpoints FINAL WHERE id NOT IN (SELECT from_id FROM ${db}.endpoint_redirects)`,
    ),
    view('v_endpoint_schemas', `SELECT * FROM ${db}.endpoint_schemas FINAL`),
    view('v_endpoint_redirects', `SELECT * FROM ${db}.endpoint_redirects FINAL`),
    transactionsView([]),
    view('v_findings', `SELECT * FROM ${db}.findings FINAL ORDER BY version DESC LIMIT 1 BY id`),
    view('v_decisions', `SELECT * FROM ${db}.decisions FINAL ORDER BY version DESC LIMIT 1 BY id`),
    view('v_decision_effects', `SELECT * FROM ${db}.decision_effects ORDER BY measured_at DESC LIMIT 1 BY decision_id`),
    view('v_audit_log', `SELECT * FROM ${db}.audit_log`),
    view('v_sensor_intervals', `SELECT * FROM ${db}.sensor_intervals FINAL`),
    view('v_endpoints_by_minute', rollUp('minute', tableNames.endpointsByMinute)),
    view('v_endpoints_by_hour', rollUp('hour', tableNames.endpointsByHour)),
    view(
      'v_traffic_by_minute',
      `SELECT minute, host, sum(transaction_count) AS transactions, sum(weighted_count) AS weighted_transactions,
  sum(unanswered_count) AS unanswered, sum(status_2xx_count) AS status_2xx, sum(status_3xx_count) AS status_3xx,
  sum(status_4xx_count) AS status_4xx, sum(status_5xx_count) AS status_5xx, uniqCombinedMerge(12)(clients) AS client_count
FROM ${db}.endpoints_by_minute GROUP BY minute, host`,
    ),
  ],
}
