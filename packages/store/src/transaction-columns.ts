/**
 * Where each field of the wire's `HttpTransaction` lands in `http_transactions`: one row a field.
 *
 * The wire's NDJSON goes into the table byte for byte. A field whose column has another name or type is declared as an EPHEMERAL
 * column under its wire name, and the stored column is a DEFAULT expression over it (README "Decisions": EPHEMERAL).
 */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'

export interface TransactionColumn {
  /** Key in the NDJSON line. */
  readonly wire: keyof HttpTransaction | 'endpointId'
  readonly column: string
  readonly type: string
  readonly codec?: string
  /** Type under which the wire's value is read, where it is not `type`. */
  readonly wireType?: string
  /** SQL over the wire name, where it is not the plain value. */
  readonly expression?: string
  /** The migration that adds it to tables made before. Absent: there from the start. */
  readonly addedBy?: string
}

const packed = 'ZSTD(1)'
const word = 'LowCardinality(String)'

export const transactionColumns: readonly TransactionColumn[] = [
  { wire: 'id', column: 'id', type: 'String', codec: packed },
  { wire: 'flowId', column: 'flow_id', type: 'String', codec: packed },
  { wire: 'flowIndex', column: 'flow_index', type: 'UInt32', codec: packed },
  // Integers of 11 digits and more are read as ticks of the scale: microseconds.
  {
    wire: 'observedAtUs',
    column: 'observed_at',
    type: "DateTime64(6, 'UTC')",
    wireType: 'Int64',
    expression: "fromUnixTimestamp64Micro(observedAtUs, 'UTC')",
    codec: `Delta(8), ${packed}`,
  },
  { wire: 'timeToFirstByteUs', column: 'time_to_first_byte_us', type: 'Nullable(UInt64)', codec: packed },
  { wire: 'durationUs', column: 'duration_us', type: 'UInt64', codec: packed },
  // A text that is no address becomes `::` rather than a batch that can never be stored.
  {
    wire: 'clientIp',
    column: 'client_ip',
    type: 'IPv6',
    wireType: 'String',
    expression: 'toIPv6OrDefault(clientIp)',
    codec: packed,
  },
  { wire: 'clientPort', column: 'client_port', type: 'UInt16', codec: packed },
  {
    wire: 'serverIp',
    column: 'server_ip',
    type: 'IPv6',
    wireType: 'String',
    expression: 'toIPv6OrDefault(serverIp)',
    codec: packed,
  },
  { wire: 'serverPort', column: 'server_port', type: 'UInt16', codec: packed },
  { wire: 'vlanIds', column: 'vlan_ids', type: 'Array(UInt32)', codec: packed },
  { wire: 'tunnels', column: 'tunnels', type: 'Array(LowCardinality(String))', addedBy: '0004' },
  { wire: 'vni', column: 'vni', type: 'Nullable(UInt32)', codec: packed, addedBy: '0004' },
  { wire: 'directionAssumed', column: 'direction_assumed', type: 'Bool' },
  { wire: 'tlsVersion', column: 'tls_version', type: word, addedBy: '0006' },
  { wire: 'tlsServerName', column: 'tls_server_name', type: word, addedBy: '0006' },
  { wire: 'tlsAlpn', column: 'tls_alpn', type: word, addedBy: '0006' },
  { wire: 'tlsCipher', column: 'tls_cipher', type: word, addedBy: '0006' },
  { wire: 'ja3', column: 'ja3', type: word, addedBy: '0006' },
  { wire: 'ja4', column: 'ja4', type: word, addedBy: '0006' },
  {
    wire: 'clientAddress',
    column: 'client_address',
    type: 'IPv6',
    wireType: 'String',
    expression: 'toIPv6OrDefault(clientAddress)',
    codec: packed,
  },
  { wire: 'clientAddressSource', column: 'client_address_source', type: word },
  { wire: 'clientAddressSpoofable', column: 'client_address_spoofable', type: 'Bool' },
  { wire: 'forwardedFor', column: 'forwarded_for', type: 'Array(String)', codec: packed },
  { wire: 'method', column: 'method', type: word },
  { wire: 'scheme', column: 'scheme', type: word },
  { wire: 'host', column: 'host', type: word },
  { wire: 'path', column: 'path', type: 'String', codec: packed },
  { wire: 'pathTokens', column: 'path_tokens', type: 'Array(String)', codec: packed },
  { wire: 'query', column: 'query', type: 'String', codec: packed },
  { wire: 'httpVersion', column: 'http_version', type: word },
  { wire: 'userAgent', column: 'user_agent', type: word },
  { wire: 'fingerprint', column: 'fingerprint', type: word },
  { wire: 'requestContentType', column: 'request_content_type', type: word },
  { wire: 'requestContentKind', column: 'request_content_kind', type: word },
  { wire: 'requestContentBytes', column: 'request_content_bytes', type: 'Nullable(UInt64)', codec: packed },
  { wire: 'requestShape', column: 'request_shape', type: 'String', codec: 'ZSTD(3)' },
  { wire: 'requestFields', column: 'request_fields', type: 'String', codec: 'ZSTD(3)' },
  { wire: 'authScheme', column: 'auth_scheme', type: word },
  { wire: 'accessToken', column: 'access_token', type: 'String', codec: packed },
  { wire: 'accessTokenName', column: 'access_token_name', type: word },
  { wire: 'sessionToken', column: 'session_token', type: 'String', codec: packed },
  { wire: 'accountToken', column: 'account_token', type: 'String', codec: packed },
  { wire: 'loginUserToken', column: 'login_user_token', type: 'String', codec: packed },
  { wire: 'loginPasswordToken', column: 'login_password_token', type: 'String', codec: packed },
  { wire: 'status', column: 'status', type: 'Nullable(UInt16)', codec: packed },
  { wire: 'responseContentType', column: 'response_content_type', type: word },
  { wire: 'responseContentKind', column: 'response_content_kind', type: word },
  { wire: 'responseContentBytes', column: 'response_content_bytes', type: 'Nullable(UInt64)', codec: packed },
  {
    wire: 'contentSampling',
    column: 'content_sampling',
    type: 'Nullable(UInt16)',
    codec: packed,
    addedBy: '0003',
  },
  { wire: 'responseShape', column: 'response_shape', type: 'String', codec: 'ZSTD(3)' },
  { wire: 'responseFields', column: 'response_fields', type: 'String', codec: 'ZSTD(3)' },
  { wire: 'setCookieNames', column: 'set_cookie_names', type: 'Array(String)', codec: packed },
  { wire: 'edgeDecisionId', column: 'edge_decision_id', type: 'String', codec: packed },
  { wire: 'webSocket', column: 'web_socket', type: 'String', codec: packed, addedBy: '0003' },
  { wire: 'http2StreamId', column: 'http2_stream_id', type: 'Nullable(UInt32)', codec: packed, addedBy: '0005' },
  { wire: 'http2IsPushed', column: 'http2_is_pushed', type: 'Bool', addedBy: '0005' },
  { wire: 'http2ResetCode', column: 'http2_reset_code', type: 'Nullable(UInt32)', codec: packed, addedBy: '0005' },
  { wire: 'grpc', column: 'grpc', type: 'String', codec: packed, addedBy: '0005' },
  { wire: 'sensitive', column: 'sensitive', type: 'String', codec: packed },
  { wire: 'missedBytes', column: 'missed_bytes', type: 'UInt64', codec: packed },
  { wire: 'truncated', column: 'truncated', type: 'Bool' },
  { wire: 'midStream', column: 'mid_stream', type: 'Bool' },
  { wire: 'anomalies', column: 'anomalies', type: 'Array(LowCardinality(String))' },
  { wire: 'weight', column: 'weight', type: 'Float64', codec: packed },
  // Beside the line, from the catalog service.
  { wire: 'endpointId', column: 'endpoint_id', type: word },
]

function definition(entry: TransactionColumn): string {
  const codec = entry.codec === undefined ? '' : ` CODEC(${entry.codec})`
  if (entry.wire === entry.column) return `${entry.column} ${entry.type}${codec}`
  const stored = `${entry.column} ${entry.type} DEFAULT ${entry.expression ?? entry.wire}${codec}`
  return `${stored},\n  ${entry.wire} ${entry.wireType ?? entry.type} EPHEMERAL`
}

/** Column definitions for CREATE TABLE. */
export const transactionColumnsSql = transactionColumns
  .filter(({ addedBy }) => addedBy === undefined)
  .map(definition)
  .join(',\n  ')

/** What a later migration adds, as clauses of ALTER TABLE. A wire name is declared before the column that reads it. */
export function addedColumnsSql(migration: string): string {
  const added = transactionColumns.filter(({ addedBy }) => addedBy === migration)
  const clauses = added.flatMap((entry) => definition(entry).split(',\n  ').reverse())
  return clauses.map((clause) => `ADD COLUMN IF NOT EXISTS ${clause}`).join(',\n  ')
}

/** The INSERT's column list: wire names, so that JSONEachRow finds the wire's keys. */
export const transactionInsertColumns = transactionColumns.map((entry) => entry.wire).join(', ')
