/** `endpoints`: what the catalog lists. */

import { prevailingSchemes } from '@tapwarden/catalog/authentication'
import type { ListFlags } from '../command.js'
import type { CommonFlags } from '../common-flags.js'
import { pastable } from '../hints.js'
import { askStore } from '../open-store.js'
import { count, type Output, printList } from '../output.js'
import { provesNoEndpoint } from '../traffic-summary.js'

interface EndpointRow {
  readonly id: string
  readonly host: string
  readonly method: string
  readonly path_template: string
  readonly provisional: boolean
  readonly transaction_count: string
  readonly auth_schemes: Readonly<Record<string, string>>
  readonly sensitive_types: readonly string[]
  readonly first_seen_at: string
  readonly last_seen_at: string
}

const sql = `SELECT id, host, method, path_template, provisional, transaction_count, auth_schemes,
  arraySort(arrayDistinct(arrayMap(key -> splitByChar(':', key)[-1], mapKeys(sensitive)))) AS sensitive_types,
  toString(first_seen_at) AS first_seen_at, toString(last_seen_at) AS last_seen_at
FROM v_endpoints WHERE {host:String} = '' OR host = {host:String}
ORDER BY v_endpoints.transaction_count DESC, host, path_template, method LIMIT {limit:UInt32}`

export async function endpoints(
  flags: CommonFlags & ListFlags & { readonly host?: string },
  output: Output,
): Promise<void> {
  await askStore(flags, output, async (store) => {
    const rows = await store.query<EndpointRow>(sql, { host: flags.host ?? '', limit: flags.limit })
    printList(output, {
      rows,
      json: flags.json === true,
      whenEmpty:
        flags.host === undefined
          ? `no endpoints yet: ${provesNoEndpoint}; replay a capture with calls of an API in it, or leave this running for a while: ${pastable(flags, 'up -i INTERFACE')}`
          : `no endpoints of ${flags.host} (a port is part of the host); of all hosts: ${pastable(flags, 'endpoints')}`,
      columns: [
        { head: 'METHOD', cell: (row) => row.method },
        { head: 'HOST', cell: (row) => row.host, maxCharacters: 40 },
        { head: 'PATH', cell: (row) => row.path_template, maxCharacters: 60 },
        { head: 'TRANSACTIONS', cell: (row) => count(row.transaction_count), align: 'right' },
        { head: 'AUTH', cell: (row) => prevailing(row.auth_schemes) },
        { head: 'SENSITIVE', cell: (row) => row.sensitive_types.join(', '), maxCharacters: 40 },
        { head: 'LAST SEEN (UTC)', cell: (row) => row.last_seen_at.slice(0, 19) },
      ],
    })
  })
}

/** What dominates: a few cookies among thousands of log-ins are an exception, which `endpoint` shows. */
function prevailing(schemes: EndpointRow['auth_schemes']): string {
  return prevailingSchemes(
    Object.fromEntries(Object.entries(schemes).map(([name, times]) => [name, Number(times)])),
  ).join(', ')
}
