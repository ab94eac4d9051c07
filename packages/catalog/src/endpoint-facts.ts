/**
 * What is known of one endpoint, as plain JSON: between the live counts of the reducer, the rows of the store, and OpenAPI. Everything is sorted,
 * so that equal knowledge is equal text.
 */

import type { ContentState, EndpointState, QueryState } from './endpoint-reducer.js'
import type { CatalogEndpoint, PathParameter } from './host-catalog.js'
import { define, type JsonSchema, jsonSchemaOf } from './json-schema.js'

export interface ContentFacts {
  readonly kind: string
  readonly mediaType: string
  readonly count: number
  /** Absent where the content has no structure to tell. */
  readonly schema?: JsonSchema
}

export interface ResponseFacts extends ContentFacts {
  readonly status: number
}

export interface EndpointFacts {
  readonly id: string
  readonly host: string
  readonly method: string
  readonly pathTemplate: string
  readonly count: number
  readonly authSchemes: Readonly<Record<string, number>>
  /** `header x-api-key`, `query key` → count. */
  readonly accessTokenPlaces: Readonly<Record<string, number>>
  readonly statusCounts: Readonly<Record<string, number>>
  /** Parameters as properties of an object. */
  readonly pathSchema: JsonSchema
  readonly querySchema: JsonSchema
  readonly requestRequired: boolean
  readonly requests: readonly ContentFacts[]
  readonly responses: readonly ResponseFacts[]
}

const defaultMediaTypes: Readonly<Record<string, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  xml: 'application/xml',
  html: 'text/html',
  text: 'text/plain',
}

export function endpointFacts(endpoint: CatalogEndpoint): EndpointFacts {
  const { state } = endpoint
  const carried = [...state.requests.values()].reduce((sum, request) => sum + request.count, 0)
  return {
    id: endpoint.id,
    host: endpoint.host,
    method: endpoint.method,
    pathTemplate: endpoint.pathTemplate,
    count: state.count,
    authSchemes: sortedRecord(state.authSchemes),
    accessTokenPlaces: sortedRecord(state.accessTokenPlaces),
    statusCounts: sortedRecord(state.statusCounts),
    pathSchema: pathSchema(endpoint.parameters),
    querySchema: querySchema(state),
    requestRequired: carried > 0 && carried >= state.successCount,
    requests: [...state.requests].sort(byKey).map(([kind, content]) => contentFacts(kind, content)),
    responses: [...state.responses].sort(byKey).map(([key, content]) => {
      const space = key.indexOf(' ')
      return { status: Number(key.slice(0, space)), ...contentFacts(key.slice(space + 1), content) }
    }),
  }
}

export function sortedRecord(counts: ReadonlyMap<string, number>): Record<string, number> {
  const record: Record<string, number> = {}
  for (const [key, count] of [...counts].sort(byKey)) define(record, key, count)
  return record
}

function contentFacts(kind: string, content: ContentState): ContentFacts {
  const types = [...content.contentTypes].sort((a, b) => b[1] - a[1] || compare(a[0], b[0]))
  return {
    kind,
    mediaType: types[0]?.[0] ?? defaultMediaTypes[kind] ?? 'application/octet-stream',
    count: content.count,
    ...(content.tree.count > 0 ? { schema: jsonSchemaOf(content.tree) } : {}),
  }
}

function pathSchema(parameters: readonly PathParameter[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {}
  for (const parameter of parameters) define(properties, parameter.name, parameterSchema(parameter))
  return { type: 'object', properties, required: parameters.map((parameter) => parameter.name) }
}

function parameterSchema(parameter: PathParameter): JsonSchema {
  const kinds = [...parameter.kinds.keys()]
  const only = kinds.length === 1 ? kinds[0] : undefined
  if (only === 'integer') return { type: 'integer' }
  if (only === 'uuid' || only === 'date' || only === 'date-time' || only === 'email' || only === 'ipv4') {
    return { type: 'string', format: only }
  }
  return { type: 'string' }
}

function querySchema(state: EndpointState): JsonSchema {
  const properties: Record<string, JsonSchema> = {}
  const required: string[] = []
  for (const [name, query] of [...state.query].sort(byKey)) {
    if (state.accessTokenPlaces.has(`query ${name}`)) continue
    define(properties, name, queryParameterSchema(query))
    if (query.count > 0 && query.count >= state.successCount) required.push(name)
  }
  return { type: 'object', properties, ...(required.length > 0 ? { required } : {}) }
}

function queryParameterSchema(query: QueryState): JsonSchema {
  const strings = query.types.get('str') ?? 0
  const integers = (query.types.get('int') ?? 0) + (query.formats.get('digits') ?? 0)
  const [format] = [...query.formats]
  let schema: JsonSchema = { type: 'string' }
  if (integers > 0 && integers >= query.valueCount) schema = { type: 'integer' }
  else if (query.formats.size === 1 && format !== undefined && format[1] >= strings && format[0] !== 'digits') {
    schema = { type: 'string', format: format[0] }
  }
  return query.valueCount > query.count ? { type: 'array', items: schema } : schema
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return compare(a[0], b[0])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
