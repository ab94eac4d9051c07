import { readdirSync } from 'node:fs'
import { tableNames } from '@tapwarden/contracts/names'
import { goldenTransaction, type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engineMissing, startTestStore, type TestStore } from './embedded/test-engine.js'
import { openStore } from './http-store.js'
import { applyMigrations } from './migrations/migrations.js'
import { NativeBlockEncoder } from './native/ndjson-to-native.js'
import { QueryRefused } from './store.js'
import { transactionColumns } from './transaction-columns.js'

const missing = engineMissing()

describe.skipIf(missing !== undefined)(`the store over the embedded engine ${missing ?? ''}`, () => {
  let test: TestStore
  beforeAll(async () => {
    test = await startTestStore()
  }, 60_000)
  afterAll(() => test?.stop())

  function line(fields: Partial<HttpTransaction> & { endpointId?: string }): Uint8Array {
    return transactionTopic.encode({ ...goldenTransaction, ...fields } as HttpTransaction)
  }

  it('applies migrations once', async () => {
    expect(await applyMigrations(test.store)).toEqual([])
  })

  it('has a column for every field of a transaction', () => {
    const wires = new Set<string>(transactionColumns.map((column) => column.wire))
    expect([...wires].sort()).toEqual([...Object.keys(goldenTransaction), 'endpointId'].sort())
  })

  it('stores every field of the golden transaction in its column, from the wire bytes', async () => {
    const endpointId = '00000000000000e1'
    await test.store.insertNdjson(tableNames.transactions, line({ endpointId }), {
      deduplicationToken: 'golden',
    })
    const columns = transactionColumns.map((column) => column.column).join(', ')
    const rows = await test.store.query<Record<string, unknown>>(
      `SELECT ${columns}, batch_token, ingested_at FROM http_transactions WHERE id = {id:String}`,
      { id: goldenTransaction.id },
    )
    expect(rows).toHaveLength(1)
    const row = rows[0] ?? {}
    expect(row['batch_token']).toBe('golden')
    expect(Math.abs(Date.parse(`${String(row['ingested_at'])}Z`) - Date.now())).toBeLessThan(600_000)
    const wire: Record<string, unknown> = { ...goldenTransaction, endpointId }
    for (const { wire: key, column, type } of transactionColumns) {
      const given = wire[key]
      const stored = row[column]
      if (type.startsWith('DateTime64')) {
        expect(Date.parse(`${String(stored).slice(0, 23)}Z`) * 1000 + Number(String(stored).slice(23)), column).toBe(
          given,
        )
      } else if (type === 'IPv6') expect(stored, column).toBe(`::ffff:${String(given)}`)
      else if (type === 'String' && typeof given === 'object') expect(JSON.parse(String(stored)), column).toEqual(given)
      else if (type.includes('UInt64')) expect(Number(stored), column).toBe(given)
      else expect(stored, column).toEqual(given)
    }
  })

  it('takes a block through the socket as from the folder, once under its token, and leaves no file', async () => {
    const { engine } = test
    const { url, user, password, blockFolder = '' } = engine
    const throughSocket = openStore({ url, user, password })
    for (const [store, host] of [
      [test.store, 'folder.example'],
      [throughSocket, 'socket.example'],
    ] as const) {
      const encoder = new NativeBlockEncoder(transactionColumns)
      for (const digit of '12')
        encoder.append(line({ id: digit.repeat(16) + host.slice(0, 6).padStart(16, '0'), host }), 'e1')
      const block = encoder.finish()
      for (let time = 0; time < 2; time++) {
        await store.insertNative(tableNames.transactions, block, { deduplicationToken: host })
      }
      const [stored] = await store.query(
        'SELECT count() AS rows, any(batch_token) AS token FROM http_transactions WHERE host = {host:String}',
        { host },
      )
      const [counted] = await store.query(
        'SELECT sum(transaction_count) AS rows FROM endpoints_by_minute WHERE host = {host:String}',
        { host },
      )
      expect([stored, counted]).toEqual([{ rows: '2', token: host }, { rows: '2' }])
    }
    await throughSocket.close()
    expect(readdirSync(blockFolder)).toEqual([])
  })

  it.each<[Partial<HttpTransaction> & { id: string }, string]>([
    [
      { id: 'a'.repeat(32), clientAddress: 'no address', clientIp: '2001:db8::7' },
      'an address that is none does not stop a batch',
    ],
    [{ id: 'b'.repeat(32), observedAtUs: 1_104_537_600_000_001 }, 'an event of 2005 stays'],
    [{ id: 'c'.repeat(32), path: '/\u{1f600}"\\\n\u0000', userAgent: '\ud800' }, 'hostile text'],
  ])('stores %j: %s', async (fields) => {
    await test.store.insertNdjson(tableNames.transactions, line(fields), { deduplicationToken: fields.id })
    const rows = await test.store.query<{ at: string; client_ip: string; path: string }>(
      'SELECT toUnixTimestamp64Micro(observed_at) AS at, client_ip, path FROM v_transactions WHERE id = {id:String}',
      { id: fields.id },
    )
    expect(rows).toHaveLength(1)
    expect(Number(rows[0]?.at)).toBe(fields.observedAtUs ?? goldenTransaction.observedAtUs)
    expect(rows[0]?.path).toBe(fields.path ?? goldenTransaction.path)
  })

  it('counts a redelivered batch once, in the table and in both roll-ups', async () => {
    const host = 'redelivered.example'
    const bytes = Buffer.concat(
      Array.from({ length: 50 }, (_, index) =>
        line({ id: index.toString(16).padStart(32, 'd'), host, status: 200 + (index % 2) * 300 }),
      ),
    )
    for (let i = 0; i < 3; i++) {
      await test.store.insertNdjson(tableNames.transactions, bytes, { deduplicationToken: 'redelivered' })
    }
    const [row] = await test.store.query<Record<string, string>>(
      `SELECT (SELECT count() FROM http_transactions WHERE host = {host:String}) AS rows,
        (SELECT sum(transactions) FROM v_endpoints_by_minute WHERE host = {host:String}) AS minutes,
        (SELECT sum(transactions) FROM v_endpoints_by_hour WHERE host = {host:String}) AS hours,
        (SELECT sum(status_5xx) FROM v_traffic_by_minute WHERE host = {host:String}) AS errors`,
      { host },
    )
    expect(row).toEqual({ rows: '50', minutes: '50', hours: '50', errors: '25' })
    // Another batch with the same roll-up rows is not the same batch.
    const others = Buffer.concat(
      Array.from({ length: 50 }, (_, index) =>
        line({ id: index.toString(16).padStart(32, 'e'), host, status: 200 + (index % 2) * 300 }),
      ),
    )
    await test.store.insertNdjson(tableNames.transactions, others, { deduplicationToken: 'another' })
    const [again] = await test.store.query<Record<string, string>>(
      'SELECT sum(transactions) AS hours, max(client_count) AS clients FROM v_endpoints_by_hour WHERE host = {host:String}',
      { host },
    )
    expect(again).toEqual({ hours: '100', clients: '1' })
  })

  it('resolves endpoints through redirects, chains included', async () => {
    await test.store.insertRows(
      tableNames.endpointRedirects,
      [
        {
          from_id: '00000000000000f1',
          to_id: '00000000000000f2',
          reason: 'merged',
          decided_at: '2026-01-01 00:00:00.000000',
        },
        {
          from_id: '00000000000000f2',
          to_id: '00000000000000f3',
          reason: 'merged',
          decided_at: '2026-01-02 00:00:00.000000',
        },
      ],
      { deduplicationToken: 'redirects' },
    )
    const fields = { id: 'f'.repeat(32), endpointId: '00000000000000f1', host: 'redirected.example' }
    await test.store.insertNdjson(tableNames.transactions, line(fields), { deduplicationToken: 'redirected' })
    const rows = await test.store.query(
      `SELECT endpoint_id, sensitive_types FROM v_transactions WHERE host = 'redirected.example'
       UNION ALL SELECT endpoint_id, [] FROM v_endpoints_by_minute WHERE host = 'redirected.example'`,
    )
    expect(rows).toEqual(
      expect.arrayContaining([
        { endpoint_id: '00000000000000f3', sensitive_types: ['email'] },
        { endpoint_id: '00000000000000f3', sensitive_types: [] },
      ]),
    )
  })

  it('shows the latest version of a decision and keeps all of them', async () => {
    const decision = {
      id: 'd-1',
      finding_id: 'f-1',
      scope: 'address',
      value: '203.0.113.9',
      created_at: '2026-01-01T00:00:00.000Z',
    }
    await test.store.insertRows(
      tableNames.decisions,
      [
        { ...decision, version: 1, state: 'proposed' },
        { ...decision, version: 3, state: 'expired' },
      ],
      { deduplicationToken: 'decisions-1' },
    )
    await test.store.insertRows(tableNames.decisions, [{ ...decision, version: 2, state: 'in-force' }], {
      deduplicationToken: 'decisions-2',
    })
    expect(await test.store.query("SELECT version, state, created_at FROM v_decisions WHERE id = 'd-1'")).toEqual([
      { version: 3, state: 'expired', created_at: '2026-01-01 00:00:00.000' },
    ])
    expect(await test.store.query("SELECT count() AS versions FROM decisions WHERE id = 'd-1'")).toEqual([
      { versions: '3' },
    ])
  })

  it('takes times as text and as ticks, and refuses a misspelled column', async () => {
    const rows = [
      { id: 'f-1', version: 1, detected_at: 1_790_000_000_123_456 },
      { id: 'f-2', version: 1, detected_at: '2026-09-21T13:33:20.123456Z' },
    ]
    await test.store.insertRows(tableNames.findings, rows, { deduplicationToken: 'times' })
    expect(await test.store.query('SELECT id, detected_at FROM v_findings ORDER BY id')).toEqual([
      { id: 'f-1', detected_at: '2026-09-21 14:13:20.123456' },
      { id: 'f-2', detected_at: '2026-09-21 13:33:20.123456' },
    ])
    const misspelled = test.store.insertRows(tableNames.findings, [{ id: 'f-3', detectedAt: 1 }], {
      deduplicationToken: 'no',
    })
    await expect(misspelled).rejects.toMatchObject({ name: 'QueryRefused', code: '117' })
  })

  it.each([
    ['SELECT nonsense FROM http_transactions', '47', 'an unknown column'],
    ['SELEC 1', '62', 'a syntax error'],
    ['SELECT * FROM absent', '60', 'an unknown table'],
  ])('%s is refused with code %s: %s', async (sql, code) => {
    await expect(test.store.query(sql)).rejects.toMatchObject({ name: 'QueryRefused', code })
    await expect(test.store.query(sql)).rejects.toBeInstanceOf(QueryRefused)
  })

  it.each<[string, string | RegExp, string]>([
    ['', 'Empty query', 'no statement at all'],
    ['SELEC 1', /^Syntax error: failed at position 7 /, 'a misspelled word'],
    ["SELECT 'it", /^Single quoted string is not closed/, 'a string without its end'],
    ['SELECT (1', /Unmatched parentheses: \($/, 'a parenthesis without its other'],
  ])("a person's %j is refused in words about it alone: %s", async (sql, words, _why) => {
    const refused = await test.store.userQuery(sql, 'TSV').catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(QueryRefused)
    const { message } = refused as QueryRefused
    expect(message).toMatch(words)
    expect(message).not.toContain('formatQuery')
  })

  it('binds parameters of every kind', async () => {
    const params = { text: "a'b\\c\td\ne", list: ["x'y", '\\'], number: '18446744073709551615', map: { k: 'v' } }
    const rows = await test.store.query(
      'SELECT {text:String} AS text, {list:Array(String)} AS list, {number:UInt64} AS number, {map:Map(String, String)} AS map',
      params,
    )
    expect(rows).toEqual([params])
  })
})
