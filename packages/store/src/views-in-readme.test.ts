/** The README lists the views and their main columns: held against the engine. */

import { readFileSync } from 'node:fs'
import { database, tableNames } from '@tapwarden/contracts/names'
import { goldenTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engineMissing, startTestStore, type TestStore } from './embedded/test-engine.js'

const missing = engineMissing()
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** View → columns named in its row. */
const listed = new Map(
  [...readme.matchAll(/^\| `(v_[a-z_]+)` \|[^|]*\|([^|]*)\|$/gm)].map(([, view, columns]) => [
    view ?? '',
    [...(columns ?? '').matchAll(/`([a-z0-9_]+)`/g)].map(([, column]) => column ?? ''),
  ]),
)

describe.skipIf(missing !== undefined)(`the README's list of views ${missing ?? ''}`, () => {
  let test: TestStore
  beforeAll(async () => {
    test = await startTestStore()
  }, 60_000)
  afterAll(() => test?.stop())

  it('names every view, and no column that is not there', async () => {
    const rows = await test.store.query<{ view: string; columns: string[] }>(
      `SELECT table AS view, groupArray(name) AS columns FROM system.columns
WHERE database = {database:String} AND startsWith(table, 'v_') GROUP BY table`,
      { database },
    )
    const columnsOf = new Map(rows.map(({ view, columns }) => [view, columns]))
    expect([...listed.keys()].sort()).toEqual([...columnsOf.keys()].sort())
    const absent = [...listed].flatMap(([view, columns]) =>
      columns.filter((column) => columnsOf.get(view)?.includes(column) !== true).map((column) => `${view}.${column}`),
    )
    expect(absent).toEqual([])
    expect(Math.min(...[...listed.values()].map((columns) => columns.length))).toBeGreaterThan(0)
  })

  it('joins templates without losing what has no endpoint, as a person asks', async () => {
    const sql = /```sql\n([^`]+)```/.exec(readme)?.[1] ?? ''
    const lines = [
      { ...goldenTransaction, id: '1'.repeat(32), path: '/users/7', endpointId: '00000000000000e1' },
      { ...goldenTransaction, id: '2'.repeat(32), path: '/logo.svg', endpointId: '00000000000000e2' },
    ]
    await test.store.insertNdjson(
      tableNames.transactions,
      Buffer.concat(lines.map((line) => transactionTopic.encode(line))),
      { deduplicationToken: 't' },
    )
    const { host, method } = goldenTransaction
    const endpoint = { id: '00000000000000e1', host, method, path_template: '/users/{userId}', version: 1 }
    await test.store.insertRows(tableNames.endpoints, [endpoint], { deduplicationToken: 'e' })
    const answer = JSON.parse(await test.store.userQuery(sql, 'JSON')) as { data: { path_template: string }[] }
    expect(answer.data.map((row) => row.path_template).sort()).toEqual(['/logo.svg', '/users/{userId}'])
  })

  it('shows how many messages a WebSocket carried, and none for what is no WebSocket', async () => {
    const { webSocket: _, ...plain } = goldenTransaction
    const host = 'sockets.example'
    const lines = [
      { ...goldenTransaction, id: '3'.repeat(32), host },
      { ...plain, id: '4'.repeat(32), host },
    ]
    const body = Buffer.concat(lines.map((line) => transactionTopic.encode(line)))
    await test.store.insertNdjson(tableNames.transactions, body, { deduplicationToken: 'w' })
    const rows = await test.store.query(
      `SELECT web_socket_client_message_count AS client, web_socket_server_message_count AS server,
  JSONExtractInt(web_socket, 's2c', 'payloadBytes') AS bytes FROM ${database}.v_transactions WHERE host = {host:String} ORDER BY id`,
      { host },
    )
    expect(rows).toEqual([
      { client: '1', server: '1', bytes: '258' },
      { client: null, server: null, bytes: '0' },
    ])
  })

  it('shows what was called by gRPC, and nothing for what is none', async () => {
    const { grpc, http2StreamId: _, ...plain } = goldenTransaction
    const host = 'grpc.example'
    const { status: __, ...unanswered } = grpc ?? {}
    const lines = [
      { ...goldenTransaction, id: '5'.repeat(32), host },
      { ...goldenTransaction, id: '6'.repeat(32), host, grpc: unanswered },
      { ...plain, id: '7'.repeat(32), host },
    ]
    const body = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    await test.store.insertNdjson(tableNames.transactions, body, { deduplicationToken: 'g' })
    const rows = await test.store.query(
      `SELECT http2_stream_id AS stream, grpc_service AS service, grpc_method AS method, grpc_status AS status,
  grpc_client_message_count AS client, grpc_server_message_count AS server FROM ${database}.v_transactions WHERE host = {host:String} ORDER BY id`,
      { host },
    )
    const call = { stream: 7, service: 'shop.v1.Orders', method: 'List', client: '1', server: '3' }
    expect(rows).toEqual([
      { ...call, status: '0' },
      { ...call, status: null },
      { stream: null, service: '', method: '', status: null, client: null, server: null },
    ])
  })
})
