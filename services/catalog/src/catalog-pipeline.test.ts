import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { endpointId } from '@tapwarden/catalog/endpoint-id'
import { endpointTopic } from '@tapwarden/contracts/endpoint'
import { consumerGroups, topicNames } from '@tapwarden/contracts/names'
import { partitionOf } from '@tapwarden/contracts/partition-key'
import { sensorIntervalTopic } from '@tapwarden/contracts/sensor-interval'
import { goldenTransaction, type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { engineMissing, startTestStore, type TestStore } from '@tapwarden/store/embedded/test-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CatalogService, startCatalog } from './catalog-pipeline.js'
import { endpointDetail, listEndpoints, openApiOfHost } from './catalog-queries.js'
import { catalogConfigSchema } from './config.js'

const config = catalogConfigSchema.parse({ insertWaitMs: 20, endpointsIntervalMs: 60_000 })
const missing = engineMissing()

function request(i: number, method: string, path: string, status = 200): HttpTransaction {
  const { edgeDecisionId: _, ...rest } = goldenTransaction
  return {
    ...rest,
    id: i.toString(16).padStart(32, '0'),
    observedAtUs: goldenTransaction.observedAtUs + i * 1_000,
    clientAddress: `203.0.113.${i % 200}`,
    method,
    host: 'shop.example',
    path,
    pathTokens: path
      .split('/')
      .filter((segment) => segment !== '')
      .map((_, at) => `v1.${at.toString(16).padStart(16, '0')}`),
    status,
    responseShape: { id: 'int n=4', name: 'str n=3', price: 'num n=5' },
  }
}

/** An hour of a small shop: 60 products by id, a list, orders, and a scanner. */
function traffic(): HttpTransaction[] {
  const list: HttpTransaction[] = []
  for (let i = 0; i < 60; i++) list.push(request(list.length, 'GET', `/api/v1/products/${1_000 + i}`))
  for (let i = 0; i < 10; i++) list.push(request(list.length, 'GET', '/api/v1/products'))
  for (let i = 0; i < 10; i++) list.push(request(list.length, 'POST', '/api/v1/orders', 201))
  for (const path of ['/wp-login.php', '/api/v1/nothing', '/api/v1/products/9999']) {
    list.push(request(list.length, 'GET', path, 404))
  }
  return list
}

describe.skipIf(missing !== undefined)('the catalog on the embedded engine', () => {
  let stores: TestStore
  let folder: string
  const snapshots: string[] = []

  beforeAll(async () => {
    stores = await startTestStore()
    folder = mkdtempSync(join(tmpdir(), 'tapwarden-catalog-'))
  }, 60_000)
  afterAll(async () => {
    await stores.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function run(transactions: readonly HttpTransaction[]): Promise<ReturnType<CatalogService['counters']>> {
    const bus = new InProcessBus()
    const listener = bus.subscribe({ topic: topicNames.endpoints, group: consumerGroups.detectorEndpoints })
    const heard = (async () => {
      for await (const batch of listener.batches()) {
        for (const record of batch.records) {
          for (const snapshot of endpointTopic.decode(record.value)) {
            snapshots.push(...endpointTopic.parse(snapshot).endpoints.map((e) => `${e.method} ${e.pathTemplate}`))
          }
        }
        await batch.commit()
      }
    })()
    const service = await startCatalog({
      bus,
      store: stores.store,
      config,
      logger: silentLogger,
      journalFolder: folder,
    })
    for (const transaction of transactions) {
      const value = transactionTopic.encode(transaction)
      await bus.publish(topicNames.transactions, [{ partition: partitionOf(transaction), value, messageCount: 1 }])
    }
    await bus.publish(topicNames.transactions, [{ partition: 3, value: Buffer.from('{"id":1}\n'), messageCount: 1 }])
    const interval = sensorIntervalTopic.parse({
      sensorId: 's',
      runId: 'r',
      sequence: 0,
      fromUs: 0,
      toUs: 1_000_000,
      packetCount: 1,
      bytes: 1,
      kernelDropCount: 0,
      transactionCount: 1,
      flowCount: 1,
      missedBytes: 0,
      shedCount: 0,
      opaqueBytes: 0,
      anomalies: { 'tcp.gap': 2 },
    })
    await bus.publish(topicNames.sensorIntervals, [
      { partition: 0, value: sensorIntervalTopic.encode(interval), messageCount: 1 },
    ])
    await bus.drained([topicNames.transactions, topicNames.sensorIntervals])
    await service.flush()
    const counters = service.counters()
    await service.stop()
    await bus.close()
    await heard
    return counters
  }

  const expected = [
    ['GET', '/api/v1/products', 10],
    ['POST', '/api/v1/orders', 10],
    ['GET', '/api/v1/products/{productId}', 61],
  ]

  async function endpoints(): Promise<unknown[][]> {
    const rows = await listEndpoints(stores.store)
    return rows.map((row) => [row.method, row.path_template, row.transaction_count]).sort()
  }

  it('stores every transaction with its endpoint, twice is once, and a restart keeps counts', async () => {
    const first = await run(traffic())
    expect(first).toMatchObject({ insertedCount: 83, duplicateCount: 0, deadLetterCount: 1, intervalCount: 1 })
    expect(await endpoints()).toEqual([...expected].sort())
    expect(snapshots).toContain('GET /api/v1/products/{productId}')

    const second = await run(traffic())
    expect(second).toMatchObject({ insertedCount: 0, duplicateCount: 83 })
    expect(await endpoints()).toEqual([...expected].sort())

    const more = Array.from({ length: 5 }, (_, i) => request(500 + i, 'GET', `/api/v1/products/${5_000 + i}`))
    expect(await run(more)).toMatchObject({ insertedCount: 5 })
    expect(await endpoints()).toContainEqual(['GET', '/api/v1/products/{productId}', 66])

    const rows = await stores.store.query<{ count: string; unresolved: string }>(
      `SELECT toString(count()) AS count, toString(countIf(endpoint_id NOT IN (SELECT id FROM endpoints))) AS unresolved
FROM v_transactions`,
    )
    // The scanner's two paths have no endpoint; theirs stay provisional.
    expect(rows).toEqual([{ count: '88', unresolved: '2' }])
    expect(await stores.store.query('SELECT anomalies FROM v_sensor_intervals')).toEqual([
      { anomalies: { 'tcp.gap': '2' } },
    ])
  }, 60_000)

  it('counts what a killed process left in its journal, once', async () => {
    const left = [600, 601].map((i) => request(i, 'POST', '/api/v1/orders', 201))
    const lines = left.map((transaction) => JSON.stringify({ ...transaction, endpointId: '00' }))
    writeFileSync(join(folder, 'transactions.journal'), `left-over\n${lines.join('\n')}\n`)
    expect(await run(left)).toMatchObject({ insertedCount: 0, duplicateCount: 2 })
    expect(await endpoints()).toContainEqual(['POST', '/api/v1/orders', 12])
  }, 60_000)

  it('redirects what a killed process stored under literal paths, before it had decided', async () => {
    const early = Array.from({ length: 40 }, (_, i) => ({
      ...request(700 + i, 'GET', `/api/v1/stores/${2_000 + i}`),
      host: 'early.example',
    }))
    const lines = early.map((transaction) =>
      JSON.stringify({ ...transaction, endpointId: endpointId('early.example', 'GET', transaction.path) }),
    )
    writeFileSync(join(folder, 'transactions.journal'), `left-over-2\n${lines.join('\n')}\n`)
    await run([])
    const rows = await stores.store.query(
      `SELECT path_template, toString(transactions) AS transactions FROM
(SELECT endpoint_id, count() AS transactions FROM v_transactions WHERE host = 'early.example' GROUP BY endpoint_id) AS t
LEFT JOIN v_endpoints ON id = endpoint_id`,
    )
    expect(rows).toEqual([{ path_template: '/api/v1/stores/{storeId}', transactions: '40' }])
  }, 60_000)

  it('answers for one endpoint, by template or by any path of it', async () => {
    const detail = await endpointDetail(stores.store, 'get', 'shop.example', '/api/v1/products/77')
    expect(detail?.endpoint.path_template).toBe('/api/v1/products/{productId}')
    expect(detail?.facts.responses.find((response) => response.status === 200)?.schema).toMatchObject({
      required: ['id', 'name', 'price'],
    })
    expect(detail?.facts.pathSchema).toMatchObject({ properties: { productId: { type: 'integer' } } })
    expect(await endpointDetail(stores.store, 'GET', 'shop.example', '/wp-login.php')).toBeUndefined()
    const document = await openApiOfHost(stores.store, 'shop.example')
    expect(Object.keys(document?.['paths'] as object)).toEqual([
      '/api/v1/orders',
      '/api/v1/products',
      '/api/v1/products/{productId}',
    ])
  })
})
