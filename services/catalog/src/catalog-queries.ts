/** The catalog as the store has it: what the command line and the console read. */

import type { EndpointFacts } from '@tapwarden/catalog/endpoint-facts'
import { EndpointIndex } from '@tapwarden/catalog/endpoint-matcher'
import type { JsonSchema } from '@tapwarden/catalog/json-schema'
import { openApiOf } from '@tapwarden/catalog/openapi'
import { tableNames } from '@tapwarden/contracts/names'
import type { Store } from '@tapwarden/store/store'
import { type EndpointRow, factsFromRows, type SchemaRow } from './endpoint-rows.js'

const endpointColumns = `id, host, method, path_template, provisional,
  toString(first_seen_at) AS first_seen_at, toString(last_seen_at) AS last_seen_at,
  toFloat64(transaction_count) AS transaction_count,
  CAST(auth_schemes, 'Map(String, Float64)') AS auth_schemes, CAST(sensitive, 'Map(String, Float64)') AS sensitive,
  CAST(status_counts, 'Map(String, Float64)') AS status_counts, toFloat64(version) AS version`

export interface EndpointDetail {
  readonly endpoint: EndpointRow
  readonly facts: EndpointFacts
}

/** Every endpoint, or those of one host, by host, template and method. */
export function listEndpoints(store: Store, host?: string): Promise<EndpointRow[]> {
  return store.query<EndpointRow>(
    `SELECT ${endpointColumns} FROM v_endpoints ${host === undefined ? '' : 'WHERE host = {host:String}'}
ORDER BY host, path_template, method`,
    host === undefined ? {} : { host },
  )
}

/** `path` is a template as listed, or any path that one matches. Undefined when there is none. */
export async function endpointDetail(
  store: Store,
  method: string,
  host: string,
  path: string,
): Promise<EndpointDetail | undefined> {
  const endpoints = await listEndpoints(store, host)
  const verb = method.toUpperCase()
  const exact = endpoints.find((row) => row.method === verb && row.path_template === path)
  const endpoint = exact ?? matching(endpoints, verb, host, path)
  if (endpoint === undefined) return undefined
  const schemas = await schemasOf(store, [endpoint.id])
  return { endpoint, facts: factsFromRows(endpoint, schemas.get(endpoint.id) ?? []) }
}

/** OpenAPI 3.1 of one host; undefined when nothing is known of it. */
export async function openApiOfHost(store: Store, host: string): Promise<JsonSchema | undefined> {
  const endpoints = await listEndpoints(store, host)
  if (endpoints.length === 0) return undefined
  const schemas = await schemasOf(
    store,
    endpoints.map((endpoint) => endpoint.id),
  )
  const schemes = await store.query<{ scheme: 'http' | 'https' }>(
    `SELECT DISTINCT scheme FROM ${tableNames.transactions} WHERE host = {host:String}`,
    { host },
  )
  return openApiOf(
    host,
    endpoints.map((endpoint) => factsFromRows(endpoint, schemas.get(endpoint.id) ?? [])),
    { schemes: schemes.map(({ scheme }) => scheme) },
  )
}

function matching(
  endpoints: readonly EndpointRow[],
  method: string,
  host: string,
  path: string,
): EndpointRow | undefined {
  const index = new EndpointIndex()
  index.apply({
    host,
    version: 1,
    effectiveFromUs: 0,
    endpoints: endpoints.map((row) => ({ id: row.id, method: row.method, pathTemplate: row.path_template })),
    redirects: [],
  })
  const found = index.match(method, host, path)
  return found.provisional ? undefined : endpoints.find((row) => row.id === found.endpointId)
}

async function schemasOf(store: Store, ids: readonly string[]): Promise<Map<string, SchemaRow[]>> {
  const rows = await store.query<SchemaRow>(
    `SELECT endpoint_id, direction, status, content_kind, json_schema, toFloat64(sample_count) AS sample_count,
  toFloat64(version) AS version, toString(updated_at) AS updated_at
FROM v_endpoint_schemas WHERE endpoint_id IN {ids:Array(String)} ORDER BY endpoint_id, direction, status, content_kind`,
    { ids },
  )
  const byEndpoint = new Map<string, SchemaRow[]>()
  for (const row of rows) {
    const list = byEndpoint.get(row.endpoint_id)
    if (list === undefined) byEndpoint.set(row.endpoint_id, [row])
    else list.push(row)
  }
  return byEndpoint
}
