/** The tables, the roll-ups that materialized views keep, and the `v_*` views: the stable surface for people and dashboards. */

import { database as db, tableNames } from '@tapwarden/contracts/names'
import { transactionColumnsSql } from '../transaction-columns.js'
import type { Migration } from './migration.js'

/** Retention is counted from the insert, not from the event: a capture of 2005 that is replayed today stays for seven days. */
const transactionDays = 7
const rollUpMonths = 13

/**
 * A part below this size is two files; above it, some five a column. Making and syncing 250 files for each insert cost the engine more than
 * what is in them (README "Decisions": compact parts).
 */
const compactPartSettings = 'min_bytes_for_wide_part = 268435456'

const transactions = `CREATE TABLE IF NOT EXISTS ${db}.http_transactions{{on_cluster}} (
  ${transactionColumnsSql},
  ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
  batch_token LowCardinality(String) DEFAULT getSettingOrDefault('insert_deduplication_token', ''),
  INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_client_address client_address TYPE bloom_filter(0.01) GRANULARITY 2,
  INDEX by_access_token access_token TYPE bloom_filter(0.01) GRANULARITY 2,
  INDEX by_session_token session_token TYPE bloom_filter(0.01) GRANULARITY 2,
  INDEX by_endpoint endpoint_id TYPE set(256) GRANULARITY 2
) ENGINE = {{engine:MergeTree}}
PARTITION BY toDate(observed_at)
ORDER BY (host, observed_at)
TTL toDateTime(ingested_at) + INTERVAL ${transactionDays} DAY
SETTINGS ttl_only_drop_parts = 1, ${compactPartSettings}, {{table_settings}}`

const rollUpColumns = `
  endpoint_id LowCardinality(String),
  host LowCardinality(String),
  method LowCardinality(String),
  transaction_count SimpleAggregateFunction(sum, UInt64),
  weighted_count SimpleAggregateFunction(sum, Float64),
  unanswered_count SimpleAggregateFunction(sum, UInt64),
  status_1xx_count SimpleAggregateFunction(sum, UInt64),
  status_2xx_count SimpleAggregateFunction(sum, UInt64),
  status_3xx_count SimpleAggregateFunction(sum, UInt64),
  status_4xx_count SimpleAggregateFunction(sum, UInt64),
  status_5xx_count SimpleAggregateFunction(sum, UInt64),
  request_content_bytes SimpleAggregateFunction(sum, UInt64),
  response_content_bytes SimpleAggregateFunction(sum, UInt64),
  missed_bytes SimpleAggregateFunction(sum, UInt64),
  clients AggregateFunction(uniqCombined(12), IPv6),
  access_tokens AggregateFunction(uniqCombined(12), String),
  duration_us AggregateFunction(quantilesTDigest(0.5, 0.9, 0.99), UInt64),
  last_ingested_at SimpleAggregateFunction(max, DateTime('UTC'))`

const sums = [
  'transaction_count',
  'weighted_count',
  'unanswered_count',
  'status_1xx_count',
  'status_2xx_count',
  'status_3xx_count',
  'status_4xx_count',
  'status_5xx_count',
  'request_content_bytes',
  'response_content_bytes',
  'missed_bytes',
]

function rollUpTable(name: string, time: string, partition: string): string {
  return `CREATE TABLE IF NOT EXISTS ${db}.${name}{{on_cluster}} (
  ${time} DateTime('UTC'),${rollUpColumns}
) ENGINE = {{engine:AggregatingMergeTree}}
PARTITION BY ${partition}
ORDER BY (host, endpoint_id, method, ${time})
TTL last_ingested_at + INTERVAL ${rollUpMonths} MONTH
SETTINGS ${compactPartSettings}, {{table_settings}}`
}

const minuteView = `CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.endpoints_by_minute_mv{{on_cluster}} TO ${db}.endpoints_by_minute AS
SELECT
  toStartOfMinute(toDateTime(observed_at, 'UTC')) AS minute, endpoint_id, host, method,
  count() AS transaction_count,
  sum(weight) AS weighted_count,
  countIf(status IS NULL) AS unanswered_count,
  countIf(status >= 100 AND status < 200) AS status_1xx_count,
  countIf(status >= 200 AND status < 300) AS status_2xx_count,
  countIf(status >= 300 AND status < 400) AS status_3xx_count,
  countIf(status >= 400 AND status < 500) AS status_4xx_count,
  countIf(status >= 500 AND status < 600) AS status_5xx_count,
  sum(ifNull(request_content_bytes, 0)) AS request_content_bytes,
  sum(ifNull(response_content_bytes, 0)) AS response_content_bytes,
  sum(t.missed_bytes) AS missed_bytes,
  uniqCombinedState(12)(client_address) AS clients,
  uniqCombinedStateIf(12)(access_token, access_token != '') AS access_tokens,
  quantilesTDigestState(0.5, 0.9, 0.99)(t.duration_us) AS duration_us,
  max(toDateTime(ingested_at, 'UTC')) AS last_ingested_at
FROM ${db}.http_transactions AS t
GROUP BY minute, endpoint_id, host, method`

/** Fed by the minutes, not by the rows: the second roll-up costs a few rows a batch. */
const hourView = `CREATE MATERIALIZED VIEW IF NOT EXISTS ${db}.endpoints_by_hour_mv{{on_cluster}} TO ${db}.endpoints_by_hour AS
SELECT
  toStartOfHour(minute) AS hour, endpoint_id, host, method,
  ${sums.map((column) => `sum(m.${column}) AS ${column}`).join(',\n  ')},
  uniqCombinedMergeState(12)(m.clients) AS clients,
  uniqCombinedMergeState(12)(m.access_tokens) AS access_tokens,
  quantilesTDigestMergeState(0.5, 0.9, 0.99)(m.duration_us) AS duration_us,
  max(m.last_ingested_at) AS last_ingested_at
FROM ${db}.endpoints_by_minute AS m
GROUP BY hour, endpoint_id, host, method`

const us = "DateTime64(6, 'UTC')"
const ms = "DateTime64(3, 'UTC')"

/** Every version of a finding or decision is kept; the view shows the latest. `document` is the whole record as published. */
const records = [
  `CREATE TABLE IF NOT EXISTS ${db}.endpoints{{on_cluster}} (
  id String, host LowCardinality(String), method LowCardinality(String), path_template String, provisional Bool,
  first_seen_at ${us}, last_seen_at ${us}, transaction_count UInt64,
  auth_schemes Map(LowCardinality(String), UInt64), sensitive Map(String, UInt64), status_counts Map(LowCardinality(String), UInt64),
  version UInt64
) ENGINE = {{engine:ReplacingMergeTree(version)}} ORDER BY id SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.endpoint_schemas{{on_cluster}} (
  endpoint_id String, direction LowCardinality(String), status UInt16, content_kind LowCardinality(String),
  json_schema String CODEC(ZSTD(3)), sample_count UInt64, version UInt64, updated_at ${us}
) ENGINE = {{engine:ReplacingMergeTree(version)}} ORDER BY (endpoint_id, direction, status, content_kind)
SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.endpoint_redirects{{on_cluster}} (
  from_id String, to_id String, reason LowCardinality(String), decided_at ${us}
) ENGINE = {{engine:ReplacingMergeTree(decided_at)}} ORDER BY from_id SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.findings{{on_cluster}} (
  id String, version UInt32, detector_id LowCardinality(String), detector_version UInt32, threat LowCardinality(String),
  title String, summary String, severity LowCardinality(String), confidence Float64, state LowCardinality(String),
  subject_kind LowCardinality(String), actors Array(Tuple(kind String, value String)), endpoint_id String,
  host LowCardinality(String), method LowCardinality(String), path_template String,
  first_seen_at ${us}, last_seen_at ${us}, detected_at ${us},
  document String CODEC(ZSTD(3)), stored_at ${ms} DEFAULT now64(3)
) ENGINE = {{engine:ReplacingMergeTree}} ORDER BY (id, version) SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.decisions{{on_cluster}} (
  id String, version UInt32, finding_id String, scope LowCardinality(String), value String,
  host LowCardinality(String), method LowCardinality(String), path_template String,
  type LowCardinality(String), simulated Bool, origin LowCardinality(String), reason String,
  created_at ${ms}, until ${ms}, state LowCardinality(String), effect LowCardinality(String),
  first_refused_at Nullable(${us}), refused_count UInt64, passed_count UInt64, passed_in_grace_count UInt64,
  document String CODEC(ZSTD(3)), stored_at ${ms} DEFAULT now64(3)
) ENGINE = {{engine:ReplacingMergeTree}} ORDER BY (id, version) SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.decision_effects{{on_cluster}} (
  decision_id String, measured_at ${us}, effect LowCardinality(String), refused_count UInt64, passed_count UInt64, passed_in_grace_count UInt64,
  first_refused_at Nullable(${us}), detail String CODEC(ZSTD(1)), stored_at ${ms} DEFAULT now64(3)
) ENGINE = {{engine:MergeTree}} ORDER BY (decision_id, measured_at)
TTL toDateTime(stored_at) + INTERVAL ${rollUpMonths} MONTH SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.audit_log{{on_cluster}} (
  at ${ms}, actor LowCardinality(String), action LowCardinality(String), subject_kind LowCardinality(String), subject_id String,
  detail String CODEC(ZSTD(1)), stored_at ${ms} DEFAULT now64(3)
) ENGINE = {{engine:MergeTree}} ORDER BY (at, subject_id)
TTL toDateTime(stored_at) + INTERVAL ${rollUpMonths} MONTH SETTINGS {{table_settings}}`,
  `CREATE TABLE IF NOT EXISTS ${db}.sensor_intervals{{on_cluster}} (
  sensor_id LowCardinality(String), run_id LowCardinality(String), sequence UInt64, from_at ${us}, to_at ${us},
  packet_count UInt64, bytes UInt64, kernel_drop_count UInt64, transaction_count UInt64, flow_count UInt64, missed_bytes UInt64,
  shed_count UInt64, opaque_bytes UInt64, anomalies Map(LowCardinality(String), UInt64), stored_at ${ms} DEFAULT now64(3)
) ENGINE = {{engine:ReplacingMergeTree}} ORDER BY (sensor_id, run_id, sequence)
TTL toDateTime(stored_at) + INTERVAL ${rollUpMonths} MONTH SETTINGS {{table_settings}}`,
]

export const tables: Migration = {
  id: '0001',
  name: 'tables',
  statements: [
    transactions,
    rollUpTable(tableNames.endpointsByMinute, 'minute', 'toYYYYMM(minute)'),
    rollUpTable(tableNames.endpointsByHour, 'hour', 'toYYYYMM(hour)'),
    minuteView,
    hourView,
    ...records,
  ],
}
