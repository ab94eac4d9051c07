/**
 * Endpoint facts ↔ rows of `endpoints` and `endpoint_schemas`. A schema row is one content (`request`, `response`), or the parameters
 * (`path`, `query`), or where access tokens stood (`access-token`); its media type and whether it is required travel inside the schema.
 */

import {
  type ContentFacts,
  type EndpointFacts,
  type ResponseFacts,
  sortedRecord,
} from '@tapwarden/catalog/endpoint-facts'
import type { CatalogEndpoint } from '@tapwarden/catalog/host-catalog'
import type { JsonSchema } from '@tapwarden/catalog/json-schema'

export type Counts = Readonly<Record<string, number>>

export interface EndpointRow {
  readonly id: string
  readonly host: string
  readonly method: string
  readonly path_template: string
  readonly provisional: boolean
  readonly first_seen_at: string
  readonly last_seen_at: string
  readonly transaction_count: number
  readonly auth_schemes: Counts
  readonly sensitive: Counts
  readonly status_counts: Counts
  readonly version: number
}

export interface SchemaRow {
  readonly endpoint_id: string
  readonly direction: string
  readonly status: number
  readonly content_kind: string
  readonly json_schema: string
  readonly sample_count: number
  readonly version: number
  readonly updated_at: string
}

/** What the store knew before this run and the rebuilt state does not hold. */
export interface EndpointBaseline {
  readonly firstSeenUs: number
  readonly lastSeenUs: number
  readonly transactionCount: number
  readonly authSchemes: Counts
  readonly sensitive: Counts
  readonly statusCounts: Counts
}

/** Microseconds → `2026-11-24 12:00:00.000000`, as DateTime64(6) reads it. */
export function dateTime64(us: number): string {
  const seconds = Math.floor(us / 1_000_000)
  const text = new Date(seconds * 1_000).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, 19)}.${String(us - seconds * 1_000_000).padStart(6, '0')}`
}

export function endpointRow(
  endpoint: CatalogEndpoint,
  baseline: EndpointBaseline | undefined,
  version: number,
): EndpointRow {
  const { state } = endpoint
  const first = Math.min(state.firstSeenUs, baseline?.firstSeenUs ?? Number.MAX_SAFE_INTEGER)
  const last = Math.max(state.lastSeenUs, baseline?.lastSeenUs ?? 0)
  return {
    id: endpoint.id,
    host: endpoint.host,
    method: endpoint.method,
    path_template: endpoint.pathTemplate,
    provisional: false,
    first_seen_at: dateTime64(Math.min(first, last)),
    last_seen_at: dateTime64(last),
    transaction_count: state.count + (baseline?.transactionCount ?? 0),
    auth_schemes: addCounts(sortedRecord(state.authSchemes), baseline?.authSchemes),
    sensitive: addCounts(sortedRecord(state.sensitive), baseline?.sensitive),
    status_counts: addCounts(sortedRecord(state.statusCounts), baseline?.statusCounts),
    version,
  }
}

export function schemaRows(facts: EndpointFacts, version: number, updatedAtUs: number): SchemaRow[] {
  const rows: SchemaRow[] = []
  const add = (direction: string, status: number, kind: string, schema: JsonSchema, count: number): void => {
    rows.push({
      endpoint_id: facts.id,
      direction,
      status,
      content_kind: kind,
      json_schema: JSON.stringify(schema),
      sample_count: count,
      version,
      updated_at: dateTime64(updatedAtUs),
    })
  }
  if (hasProperties(facts.pathSchema)) add('path', 0, 'parameters', facts.pathSchema, facts.count)
  if (hasProperties(facts.querySchema)) add('query', 0, 'parameters', facts.querySchema, facts.count)
  if (Object.keys(facts.accessTokenPlaces).length > 0) {
    add('access-token', 0, 'places', { 'x-places': facts.accessTokenPlaces }, facts.count)
  }
  for (const content of facts.requests) {
    const required = facts.requestRequired ? { 'x-required': true } : {}
    add('request', 0, content.kind, { ...annotated(content), ...required }, content.count)
  }
  for (const content of facts.responses) {
    add('response', content.status, content.kind, annotated(content), content.count)
  }
  return rows
}

/** The facts back from their rows, for OpenAPI and for people. Annotations of ours are taken out again. */
export function factsFromRows(endpoint: EndpointRow, schemas: readonly SchemaRow[]): EndpointFacts {
  let pathSchema: JsonSchema = {}
  let querySchema: JsonSchema = {}
  let accessTokenPlaces: Counts = {}
  let requestRequired = false
  const requests: ContentFacts[] = []
  const responses: ResponseFacts[] = []
  for (const row of schemas) {
    const schema = JSON.parse(row.json_schema) as JsonSchema
    if (row.direction === 'path') pathSchema = schema
    else if (row.direction === 'query') querySchema = schema
    else if (row.direction === 'access-token') accessTokenPlaces = (schema['x-places'] ?? {}) as Counts
    else if (row.direction === 'request') {
      requestRequired ||= schema['x-required'] === true
      requests.push(contentFacts(row, schema))
    } else responses.push({ status: Number(row.status), ...contentFacts(row, schema) })
  }
  return {
    id: endpoint.id,
    host: endpoint.host,
    method: endpoint.method,
    pathTemplate: endpoint.path_template,
    count: endpoint.transaction_count,
    authSchemes: endpoint.auth_schemes,
    accessTokenPlaces,
    statusCounts: endpoint.status_counts,
    pathSchema,
    querySchema,
    requestRequired,
    requests,
    responses,
  }
}

/** Stored less rebuilt, key by key, never below zero. */
export function subtractCounts(stored: Counts, rebuilt: Counts): Record<string, number> {
  const left: Record<string, number> = {}
  for (const [key, count] of Object.entries(stored)) {
    const difference = count - (rebuilt[key] ?? 0)
    if (difference > 0) left[key] = difference
  }
  return left
}

function addCounts(counts: Counts, baseline: Counts | undefined): Counts {
  if (baseline === undefined) return counts
  const sum: Record<string, number> = { ...counts }
  for (const [key, count] of Object.entries(baseline)) sum[key] = (sum[key] ?? 0) + count
  return sum
}

function hasProperties(schema: JsonSchema): boolean {
  return Object.keys((schema['properties'] ?? {}) as object).length > 0
}

function annotated(content: ContentFacts): JsonSchema {
  return { ...(content.schema ?? { 'x-no-structure': true }), 'x-media-type': content.mediaType }
}

function contentFacts(row: SchemaRow, schema: JsonSchema): ContentFacts {
  const { 'x-media-type': mediaType, 'x-required': _required, 'x-no-structure': none, ...rest } = schema
  return {
    kind: row.content_kind,
    mediaType: typeof mediaType === 'string' ? mediaType : 'application/octet-stream',
    count: Number(row.sample_count),
    ...(none === true ? {} : { schema: rest }),
  }
}
