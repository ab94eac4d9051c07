/** `openapi HOST`: what was learned of a host, as one document on stdout. */

import { UserError } from '@tapwarden/runtime/user-error'
import type { CommonFlags } from '../common-flags.js'
import { askStore } from '../open-store.js'
import { type OperationRow, openApiDocument, type SchemaRow } from '../openapi-document.js'
import { harmless, type Output } from '../output.js'

export async function openapi(host: string, flags: CommonFlags, output: Output): Promise<void> {
  await askStore(flags, output, async (store) => {
    const params = { host: host.toLowerCase() }
    const operations = await store.query<OperationRow>(
      'SELECT id, method, path_template, auth_schemes, status_counts FROM v_endpoints WHERE host = {host:String}',
      params,
    )
    if (operations.length === 0) {
      const near = 'tapwarden endpoints lists what there is (a port is part of the host)'
      throw new UserError('noInput', `no endpoints of ${harmless(host)}: ${near}`)
    }
    const schemas = await store.query<SchemaRow>(
      `SELECT endpoint_id, direction, status, content_kind, json_schema FROM v_endpoint_schemas
WHERE endpoint_id IN (SELECT id FROM v_endpoints WHERE host = {host:String}) ORDER BY endpoint_id, direction, status, content_kind`,
      params,
    )
    output.out(JSON.stringify(openApiDocument(params.host, operations, schemas), undefined, 2))
  })
}
