/** Endpoints of one host → one OpenAPI 3.1 document. The same endpoints give the same document, whatever order they came in. */

import type { ContentState, EndpointState, QueryState } from './endpoint-reducer.js'
import type { CatalogEndpoint, PathParameter } from './host-catalog.js'
import { define, type JsonSchema, jsonSchemaOf } from './json-schema.js'

export interface OpenApiOptions {
  readonly title?: string
  readonly scheme?: 'http' | 'https'
}

const openApiMethods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

const defaultMediaTypes: Readonly<Record<string, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  xml: 'application/xml',
  html: 'text/html',
  text: 'text/plain',
  binary: 'application/octet-stream',
  unparsed: 'application/octet-stream',
}

/** Methods that OpenAPI has no place for are left out. */
export function openApiOf(
  host: string,
  endpoints: readonly CatalogEndpoint[],
  options: OpenApiOptions = {},
): JsonSchema {
  const sorted = [...endpoints].sort((a, b) => compare(a.pathTemplate, b.pathTemplate) || compare(a.method, b.method))
  const paths: Record<string, Record<string, unknown>> = {}
  const securitySchemes: Record<string, unknown> = {}
  for (const endpoint of sorted) {
    const method = endpoint.method.toLowerCase()
    if (!openApiMethods.has(method)) continue
    if (!Object.hasOwn(paths, endpoint.pathTemplate)) define(paths, endpoint.pathTemplate, {})
    define(paths[endpoint.pathTemplate]!, method, operationOf(endpoint, securitySchemes))
  }
  return {
    openapi: '3.1.0',
    info: { title: options.title ?? host, version: '0.0.0' },
    servers: [{ url: `${options.scheme ?? 'https'}://${host}` }],
    paths,
    ...(Object.keys(securitySchemes).length > 0
      ? { components: { securitySchemes: sortedByKey(securitySchemes) } }
      : {}),
  }
}

function operationOf(endpoint: CatalogEndpoint, securitySchemes: Record<string, unknown>): JsonSchema {
  const { state } = endpoint
  const operation: Record<string, unknown> = { operationId: endpoint.id }
  const authenticating = apiKeyParameters(state)
  const parameters = [
    ...endpoint.parameters.map(pathParameter),
    ...[...state.query]
      .filter(([name]) => !authenticating.has(name))
      .sort(([a], [b]) => compare(a, b))
      .map(([name, query]) => queryParameter(name, query, state)),
  ]
  if (parameters.length > 0) operation['parameters'] = parameters
  const content = contentsOf([...state.requests])
  if (content !== undefined) {
    const carried = [...state.requests.values()].reduce((sum, request) => sum + request.count, 0)
    operation['requestBody'] = { ...(carried >= state.successCount ? { required: true } : {}), content }
  }
  operation['responses'] = responsesOf(state)
  const security = securityOf(state, securitySchemes)
  if (security !== undefined) operation['security'] = security
  return operation
}

function pathParameter(parameter: PathParameter): JsonSchema {
  return { name: parameter.name, in: 'path', required: true, schema: pathParameterSchema(parameter) }
}

function pathParameterSchema(parameter: PathParameter): JsonSchema {
  const kinds = [...parameter.kinds.keys()]
  const only = kinds.length === 1 ? kinds[0] : undefined
  if (only === 'integer') return { type: 'integer' }
  if (only === 'uuid' || only === 'date' || only === 'date-time' || only === 'email' || only === 'ipv4') {
    return { type: 'string', format: only }
  }
  return { type: 'string' }
}

function queryParameter(name: string, query: QueryState, state: EndpointState): JsonSchema {
  const strings = query.types.get('str') ?? 0
  const digits = query.formats.get('digits') ?? 0
  let schema: JsonSchema = { type: 'string' }
  if (strings > 0 && digits >= strings) schema = { type: 'integer' }
  else if (query.formats.size === 1) {
    const [format, count] = [...query.formats][0]!
    if (count >= strings && format !== 'digits') schema = { type: 'string', format }
  }
  if (query.valueCount > query.count) schema = { type: 'array', items: schema }
  return { name, in: 'query', ...(query.count >= state.successCount ? { required: true } : {}), schema }
}

function responsesOf(state: EndpointState): JsonSchema {
  const responses: Record<string, unknown> = {}
  const byStatus = new Map<string, [string, ContentState][]>()
  for (const [key, content] of state.responses) {
    const space = key.indexOf(' ')
    const status = key.slice(0, space)
    const contents = byStatus.get(status) ?? []
    contents.push([key.slice(space + 1), content])
    byStatus.set(status, contents)
  }
  const statuses = [...new Set([...state.statusCounts.keys(), ...byStatus.keys()])].filter(isStatus).sort()
  for (const status of statuses) {
    const content = contentsOf(byStatus.get(status) ?? [])
    responses[status] = {
      description: `Seen ${state.statusCounts.get(status) ?? 0} times`,
      ...(content === undefined ? {} : { content }),
    }
  }
  if (statuses.length === 0) responses['default'] = { description: 'No response was seen' }
  return responses
}

function isStatus(status: string): boolean {
  const number = Number(status)
  return Number.isInteger(number) && number >= 100 && number <= 599
}

function contentsOf(contents: readonly (readonly [kind: string, content: ContentState])[]): JsonSchema | undefined {
  const byType: Record<string, unknown> = {}
  for (const [kind, content] of [...contents].sort(([a], [b]) => compare(a, b))) {
    if (kind === 'none') continue
    const types = [...content.contentTypes.entries()].sort((a, b) => b[1] - a[1] || compare(a[0], b[0]))
    const mediaType = types[0]?.[0] ?? defaultMediaTypes[kind] ?? 'application/octet-stream'
    if (Object.hasOwn(byType, mediaType)) continue
    define(byType, mediaType, content.tree.count > 0 ? { schema: jsonSchemaOf(content.tree) } : {})
  }
  return Object.keys(byType).length === 0 ? undefined : byType
}

function apiKeyParameters(state: EndpointState): Set<string> {
  const names = new Set<string>()
  for (const place of state.accessTokenPlaces.keys()) if (place.startsWith('query ')) names.add(place.slice(6))
  return names
}

/** One alternative for each scheme seen, `{}` where none was needed. Undefined when nothing is known. */
function securityOf(state: EndpointState, securitySchemes: Record<string, unknown>): JsonSchema[] | undefined {
  const alternatives: JsonSchema[] = []
  for (const scheme of [...state.authSchemes.keys()].sort()) {
    if (scheme === 'none') continue
    for (const [name, definition] of schemesOf(scheme, state)) {
      define(securitySchemes, name, definition)
      alternatives.push({ [name]: [] })
    }
  }
  if (alternatives.length === 0) return undefined
  // A rare request without credentials is a mistake of a client or a finding, not the contract.
  const open = (state.authSchemes.get('none') ?? 0) * 5 > state.count
  return open ? [...alternatives, {}] : alternatives
}

function schemesOf(scheme: string, state: EndpointState): [string, JsonSchema][] {
  if (scheme === 'basic' || scheme === 'bearer' || scheme === 'digest') return [[scheme, { type: 'http', scheme }]]
  if (scheme === 'cookie') return [['cookie', { type: 'apiKey', in: 'cookie', name: 'session' }]]
  if (scheme === 'api-key') {
    return [...state.accessTokenPlaces.keys()].sort().map((place) => {
      const [where, name] = place.startsWith('query ') ? ['query', place.slice(6)] : ['header', place.slice(7)]
      return [componentName(`apiKey-${where}-${name}`), { type: 'apiKey', in: where, name }]
    })
  }
  return [['other', { type: 'http', scheme: 'other' }]]
}

/** Component names are letters, digits, `.`, `-`, `_`. */
function componentName(text: string): string {
  let out = ''
  for (const char of text) {
    const code = char.charCodeAt(0)
    const allowed =
      (code >= 0x30 && code <= 0x39) ||
      (code >= 0x41 && code <= 0x5a) ||
      (code >= 0x61 && code <= 0x7a) ||
      char === '-' ||
      char === '.' ||
      char === '_'
    out += allowed ? char : '_'
  }
  return out
}

function sortedByKey(record: Readonly<Record<string, unknown>>): JsonSchema {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
