/** `endpoint METHOD HOST PATH`: what is known of one endpoint. PATH is its template, or a path that the template matches. */

import { HostTemplates } from '@tapwarden/catalog/endpoint-matcher'
import { pathSegments } from '@tapwarden/catalog/normalize-path'
import { UserError } from '@tapwarden/runtime/user-error'
import type { HttpStore } from '@tapwarden/store/http-store'
import type { CommonFlags } from '../common-flags.js'
import { pastable } from '../hints.js'
import { askStore } from '../open-store.js'
import { count, counted, harmless, harmlessLines, type Output, properties, table } from '../output.js'

export interface EndpointName {
  readonly method: string
  readonly host: string
  readonly path: string
}

type Counts = Readonly<Record<string, string>>

interface EndpointDetail {
  readonly id: string
  readonly host: string
  readonly method: string
  readonly path_template: string
  readonly provisional: boolean
  readonly transaction_count: string
  readonly first_seen_at: string
  readonly last_seen_at: string
  readonly auth_schemes: Counts
  readonly sensitive: Counts
  readonly status_counts: Counts
}

interface SchemaRow {
  readonly direction: string
  readonly status: number
  readonly content_kind: string
  readonly json_schema: string
  readonly sample_count: string
}

export async function endpoint(
  name: EndpointName,
  flags: CommonFlags & { readonly json?: boolean },
  output: Output,
): Promise<void> {
  await askStore(flags, output, async (store) => {
    const id = await findEndpoint(store, name, flags)
    const [detail] = await store.query<EndpointDetail>(
      `SELECT id, host, method, path_template, provisional, transaction_count, toString(first_seen_at) AS first_seen_at,
  toString(last_seen_at) AS last_seen_at, auth_schemes, sensitive, status_counts FROM v_endpoints WHERE id = {id:String}`,
      { id },
    )
    if (detail === undefined) throw notFound(name, flags)
    const schemas = await store.query<SchemaRow>(
      `SELECT direction, status, content_kind, json_schema, sample_count FROM v_endpoint_schemas
WHERE endpoint_id = {id:String} ORDER BY direction, status, content_kind`,
      { id },
    )
    if (flags.json === true) {
      const parsed = schemas.map((row) => ({ ...row, json_schema: JSON.parse(row.json_schema) as unknown }))
      output.out(JSON.stringify({ ...detail, schemas: parsed }))
    } else print(output, detail, schemas)
  })
}

async function findEndpoint(store: HttpStore, name: EndpointName, flags: CommonFlags): Promise<string> {
  const method = name.method.toUpperCase()
  const host = name.host.toLowerCase()
  const rows = await store.query<{ readonly id: string; readonly path_template: string }>(
    'SELECT id, path_template FROM v_endpoints WHERE host = {host:String} AND method = {method:String} LIMIT 100000',
    { host, method },
  )
  const exact = rows.find((row) => row.path_template === name.path)
  if (exact !== undefined) return exact.id
  const endpoints = rows.map((row) => ({ id: row.id, method, pathTemplate: row.path_template }))
  const templates = new HostTemplates({ host, version: 0, effectiveFromUs: 0, endpoints, redirects: [] })
  const [path] = name.path.split('?')
  const match = templates.match(method, pathSegments(path ?? ''))
  if (match === undefined) throw notFound(name, flags)
  return match.endpointId
}

function notFound(name: EndpointName, flags: CommonFlags): UserError {
  const wanted = harmless(`${name.method} ${name.host} ${name.path}`)
  return new UserError('noInput', `no endpoint ${wanted}; what there is: ${pastable(flags, 'endpoints')}`)
}

function print(output: Output, detail: EndpointDetail, schemas: readonly SchemaRow[]): void {
  output.out(`${detail.method} ${harmless(detail.host + detail.path_template)}\n`)
  output.out(
    properties(output, [
      ['id', detail.id],
      ['template', detail.provisional ? 'not decided yet: this is the path as seen' : 'decided'],
      ['transactions', count(detail.transaction_count)],
      ['seen (UTC)', `${detail.first_seen_at.slice(0, 19)} to ${detail.last_seen_at.slice(0, 19)}`],
      ['statuses', counts(detail.status_counts)],
      ['authentication', authentication(detail)],
    ]),
  )
  const sensitive = Object.entries(detail.sensitive)
  if (sensitive.length > 0) {
    output.out('\nSensitive fields')
    output.out(
      table(output, sensitive, [
        { head: 'TYPE', cell: ([key]) => key.split(':').at(-1) ?? '' },
        { head: 'IN', cell: ([key]) => key.split(':')[0] ?? '' },
        { head: 'FIELD', cell: ([key]) => key.split(':').slice(1, -1).join(':') },
        { head: 'TIMES', cell: ([, times]) => count(times), align: 'right' },
      ]),
    )
  }
  for (const schema of schemas) {
    const status = schema.direction === 'response' ? ` ${schema.status}` : ''
    output.out(
      `\nSchema of the ${schema.direction}${status} (${schema.content_kind}, ${count(schema.sample_count)} samples)`,
    )
    output.out(harmlessLines(JSON.stringify(JSON.parse(schema.json_schema), undefined, 2)))
  }
}

/** The most used first. Failures without credentials are in no scheme's count, so what is missing to the transactions is said. */
export function authentication(detail: Pick<EndpointDetail, 'auth_schemes' | 'transaction_count'>): string {
  const schemes = Object.entries(detail.auth_schemes).sort(([, a], [, b]) => Number(b) - Number(a))
  const countedTimes = schemes.reduce((sum, [, times]) => sum + Number(times), 0)
  const left = Number(detail.transaction_count) - countedTimes
  const leftOut = left > 0 ? ` (${counted(left, 'failed attempt')} without credentials not counted)` : ''
  return `${counts(Object.fromEntries(schemes)) || 'none seen'}${leftOut}`
}

function counts(values: Counts): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} × ${count(value)}`)
    .join(', ')
}
