/** The store's rows of one host → one OpenAPI 3.1 document. The same rows give the same document. Pure. */

export interface OperationRow {
  readonly id: string
  readonly method: string
  readonly path_template: string
  /** Scheme → how often it was seen. */
  readonly auth_schemes: Readonly<Record<string, string>>
  readonly status_counts: Readonly<Record<string, string>>
}

export interface SchemaRow {
  readonly endpoint_id: string
  readonly direction: string
  readonly status: number
  readonly content_kind: string
  readonly json_schema: string
}

type Json = Readonly<Record<string, unknown>>

const openApiMethods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

const mediaTypes: Readonly<Record<string, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  xml: 'application/xml',
  html: 'text/html',
  text: 'text/plain',
}

/** Schemes that OpenAPI can say without knowing more than we do. */
const securitySchemes: Readonly<Record<string, Json>> = {
  basic: { type: 'http', scheme: 'basic' },
  bearer: { type: 'http', scheme: 'bearer' },
  digest: { type: 'http', scheme: 'digest' },
}

export function openApiDocument(
  host: string,
  operations: readonly OperationRow[],
  schemas: readonly SchemaRow[],
): Json {
  const paths = new Map<string, Record<string, unknown>>()
  const usedSchemes = new Set<string>()
  const sorted = [...operations].sort((a, b) => order(a.path_template, b.path_template) || order(a.method, b.method))
  for (const operation of sorted) {
    const method = operation.method.toLowerCase()
    if (!openApiMethods.has(method)) continue
    const own = schemas.filter((schema) => schema.endpoint_id === operation.id)
    const item = paths.get(operation.path_template) ?? {}
    paths.set(operation.path_template, item)
    item[method] = operationOf(operation, own)
    for (const scheme of Object.keys(operation.auth_schemes)) if (scheme in securitySchemes) usedSchemes.add(scheme)
  }
  const components = Object.fromEntries([...usedSchemes].sort().map((scheme) => [scheme, securitySchemes[scheme]]))
  return {
    openapi: '3.1.0',
    info: { title: host, version: '0.0.0', description: 'Learned from traffic by Tapwarden.' },
    servers: [{ url: `//${host}` }],
    paths: Object.fromEntries(paths),
    ...(usedSchemes.size > 0 ? { components: { securitySchemes: components } } : {}),
  }
}

function operationOf(operation: OperationRow, schemas: readonly SchemaRow[]): Json {
  const parameters = parameterNames(operation.path_template).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const requests = schemas.filter((schema) => schema.direction === 'request')
  const schemes = Object.keys(operation.auth_schemes).filter((scheme) => scheme in securitySchemes)
  return {
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(requests.length > 0 ? { requestBody: { content: contentOf(requests) } } : {}),
    responses: responsesOf(operation, schemas),
    ...(schemes.length > 0 ? { security: schemes.sort().map((scheme) => ({ [scheme]: [] })) } : {}),
  }
}

function responsesOf(operation: OperationRow, schemas: readonly SchemaRow[]): Json {
  const responses = schemas.filter((schema) => schema.direction === 'response')
  const seen = Object.keys(operation.status_counts).filter((status) => /^[1-5][0-9][0-9]$/.test(status))
  const statuses = [...new Set([...seen, ...responses.map((schema) => String(schema.status))])].sort()
  if (statuses.length === 0) return { default: { description: 'no response was seen' } }
  return Object.fromEntries(
    statuses.map((status) => {
      const own = responses.filter((schema) => String(schema.status) === status)
      return [
        status,
        { description: `seen with status ${status}`, ...(own.length > 0 ? { content: contentOf(own) } : {}) },
      ]
    }),
  )
}

function contentOf(schemas: readonly SchemaRow[]): Json {
  return Object.fromEntries(
    schemas.map((schema) => [
      mediaTypes[schema.content_kind] ?? 'application/octet-stream',
      { schema: JSON.parse(schema.json_schema) as unknown },
    ]),
  )
}

function parameterNames(template: string): string[] {
  return [...template.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1] ?? '')
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
