/** Endpoints of one host → one OpenAPI 3.1 document. The same endpoints give the same document, whatever order they came in. */

import { prevailingSchemes } from './authentication.js'
import type { ContentFacts, EndpointFacts } from './endpoint-facts.js'
import { define, type JsonSchema } from './json-schema.js'

export interface OpenApiOptions {
  readonly title?: string
  /** As the sensor saw them, each a server. None known: the document says the host and leaves the scheme open. */
  readonly schemes?: readonly ('http' | 'https')[]
}

const openApiMethods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

/** Methods that OpenAPI has no place for are left out. */
export function openApiOf(host: string, endpoints: readonly EndpointFacts[], options: OpenApiOptions = {}): JsonSchema {
  const sorted = [...endpoints].sort((a, b) => compare(a.pathTemplate, b.pathTemplate) || compare(a.method, b.method))
  const paths: Record<string, Record<string, unknown>> = {}
  const securitySchemes: Record<string, unknown> = {}
  for (const endpoint of sorted) {
    const method = endpoint.method.toLowerCase()
    if (!openApiMethods.has(method)) continue
    let item = Object.hasOwn(paths, endpoint.pathTemplate) ? paths[endpoint.pathTemplate] : undefined
    if (item === undefined) {
      item = {}
      define(paths, endpoint.pathTemplate, item)
    }
    define(item, method, operationOf(endpoint, securitySchemes))
  }
  const security = Object.entries(securitySchemes).sort(([a], [b]) => compare(a, b))
  const schemes = [...new Set(options.schemes ?? [])].sort().reverse()
  return {
    openapi: '3.1.0',
    info: { title: options.title ?? host, version: '0.0.0', description: 'Learned from traffic by Tapwarden.' },
    servers: schemes.length > 0 ? schemes.map((scheme) => ({ url: `${scheme}://${host}` })) : [{ url: `//${host}` }],
    paths,
    ...(security.length > 0 ? { components: { securitySchemes: Object.fromEntries(security) } } : {}),
  }
}

function operationOf(endpoint: EndpointFacts, securitySchemes: Record<string, unknown>): JsonSchema {
  const parameters = [...parametersOf('path', endpoint.pathSchema), ...parametersOf('query', endpoint.querySchema)]
  const request = contentsOf(endpoint.requests)
  const security = securityOf(endpoint, securitySchemes)
  return {
    operationId: endpoint.id,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(request === undefined
      ? {}
      : { requestBody: { ...(endpoint.requestRequired ? { required: true } : {}), content: request } }),
    responses: responsesOf(endpoint),
    ...(security === undefined ? {} : { security }),
  }
}

function parametersOf(where: 'path' | 'query', schema: JsonSchema): JsonSchema[] {
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  return Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>).map(([name, inner]) => ({
    name,
    in: where,
    ...(where === 'path' || required.has(name) ? { required: true } : {}),
    schema: inner,
  }))
}

function responsesOf(endpoint: EndpointFacts): JsonSchema {
  const responses: Record<string, unknown> = {}
  const seen = [...Object.keys(endpoint.statusCounts), ...endpoint.responses.map(({ status }) => String(status))]
  const statuses = [...new Set(seen)].filter(isStatus).sort()
  for (const status of statuses) {
    const content = contentsOf(endpoint.responses.filter((response) => String(response.status) === status))
    responses[status] = {
      description: `Seen ${endpoint.statusCounts[status] ?? 0} times`,
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

function contentsOf(contents: readonly ContentFacts[]): JsonSchema | undefined {
  const byType: Record<string, unknown> = {}
  for (const { kind, mediaType, schema } of contents) {
    if (kind === 'none' || Object.hasOwn(byType, mediaType)) continue
    define(byType, mediaType, schema === undefined ? {} : { schema })
  }
  return Object.keys(byType).length === 0 ? undefined : byType
}

/** One alternative for each scheme that prevails, `{}` where none was needed. Undefined when nothing is known. */
function securityOf(endpoint: EndpointFacts, securitySchemes: Record<string, unknown>): JsonSchema[] | undefined {
  const alternatives: JsonSchema[] = []
  for (const scheme of prevailingSchemes(endpoint.authSchemes).sort()) {
    if (scheme === 'none') continue
    for (const [name, definition] of schemesOf(scheme, endpoint)) {
      define(securitySchemes, name, definition)
      alternatives.push({ [name]: [] })
    }
  }
  if (alternatives.length === 0) return undefined
  // A rare request without credentials is a mistake of a client or a finding, not the contract.
  const open = (endpoint.authSchemes['none'] ?? 0) * 5 > endpoint.count
  return open ? [...alternatives, {}] : alternatives
}

function schemesOf(scheme: string, endpoint: EndpointFacts): [string, JsonSchema][] {
  if (scheme === 'basic' || scheme === 'bearer' || scheme === 'digest') return [[scheme, { type: 'http', scheme }]]
  if (scheme === 'cookie') {
    const description = 'Some cookie is sent; which of them is the session is not known.'
    return [['cookie', { type: 'apiKey', in: 'cookie', name: 'session', description }]]
  }
  if (scheme === 'api-key') {
    return Object.keys(endpoint.accessTokenPlaces).map((place) => {
      const space = place.indexOf(' ')
      const where = place.slice(0, space)
      const name = place.slice(space + 1)
      return [componentName(`apiKey-${where}-${name}`), { type: 'apiKey', in: where, name }]
    })
  }
  return [['other', { type: 'http', scheme: 'other' }]]
}

/** Component names are letters, digits, `.`, `-`, `_`. */
function componentName(text: string): string {
  let out = ''
  for (const char of text) out += isNameCharacter(char) ? char : '_'
  return out
}

function isNameCharacter(char: string): boolean {
  const code = char.charCodeAt(0)
  const digit = code >= 0x30 && code <= 0x39
  const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  return digit || letter || char === '-' || char === '.' || char === '_'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
