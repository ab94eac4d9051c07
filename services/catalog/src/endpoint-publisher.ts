/** What the catalog tells others: endpoint snapshots on the bus; endpoints, schemas and redirects in the store, changed ones only. */

import { createHash } from 'node:crypto'
import type { Bus } from '@tapwarden/bus/bus'
import type { Catalog } from '@tapwarden/catalog/catalog'
import { endpointFacts } from '@tapwarden/catalog/endpoint-facts'
import { type EndpointSnapshot, endpointTopic } from '@tapwarden/contracts/endpoint'
import { type TableName, tableNames, topicNames } from '@tapwarden/contracts/names'
import type { Store } from '@tapwarden/store/store'
import {
  dateTime64,
  type EndpointBaseline,
  type EndpointRow,
  endpointRow,
  type SchemaRow,
  schemaRows,
} from './endpoint-rows.js'

const rowsMaxCount = 5_000

export class EndpointPublisher {
  snapshotCount = 0
  readonly #bus: Bus
  readonly #store: Store
  readonly #catalog: Catalog
  readonly #baselines: Map<string, EndpointBaseline>
  /** By endpoint id, what was written last: transactions counted and template. */
  readonly #written = new Map<string, string>()
  #version = 0

  constructor(bus: Bus, store: Store, catalog: Catalog, baselines: Map<string, EndpointBaseline>) {
    this.#bus = bus
    this.#store = store
    this.#catalog = catalog
    this.#baselines = baselines
  }

  /** Redirects are stored before the snapshot goes out: who sees a new id can resolve the old one. */
  async publish(snapshots: readonly EndpointSnapshot[]): Promise<void> {
    for (const snapshot of snapshots) {
      const rows = snapshot.redirects.map((redirect) => ({
        from_id: redirect.fromId,
        to_id: redirect.toId,
        reason: redirect.reason,
        decided_at: dateTime64(redirect.decidedAtUs),
      }))
      await this.#insert(tableNames.endpointRedirects, rows)
      for (const { fromId, toId } of snapshot.redirects) this.#moveBaseline(fromId, toId)
      await this.#bus.publish(topicNames.endpoints, [
        { partition: 0, value: endpointTopic.encode(snapshot), messageCount: 1 },
      ])
      this.snapshotCount++
    }
  }

  /** Writes the endpoints that changed since the last time. `nowMs` orders the versions of a row across restarts. */
  async writeEndpoints(nowMs: number): Promise<number> {
    this.#version = Math.max(this.#version + 1, nowMs)
    const endpoints: EndpointRow[] = []
    const schemas: SchemaRow[] = []
    const marks = new Map<string, string>()
    for (const host of this.#catalog.hosts()) {
      for (const endpoint of host.endpoints()) {
        const mark = `${endpoint.state.count} ${endpoint.pathTemplate}`
        if (endpoint.state.count === 0 || this.#written.get(endpoint.id) === mark) continue
        const facts = endpointFacts(endpoint)
        endpoints.push(endpointRow(facts, endpoint.state, this.#baselines.get(endpoint.id), this.#version))
        schemas.push(...schemaRows(facts, this.#version, endpoint.state.lastSeenUs))
        marks.set(endpoint.id, mark)
      }
    }
    await this.#insert(tableNames.endpointSchemas, schemas)
    await this.#insert(tableNames.endpoints, endpoints)
    for (const [id, mark] of marks) this.#written.set(id, mark)
    return endpoints.length
  }

  async #insert(table: TableName, rows: readonly object[]): Promise<void> {
    for (let at = 0; at < rows.length; at += rowsMaxCount) {
      const block = rows.slice(at, at + rowsMaxCount)
      const deduplicationToken = createHash('sha256').update(JSON.stringify(block)).digest('hex').slice(0, 32)
      await this.#store.insertRows(table, block, { deduplicationToken })
    }
  }

  #moveBaseline(fromId: string, toId: string): void {
    const from = this.#baselines.get(fromId)
    if (from === undefined) return
    this.#baselines.delete(fromId)
    const to = this.#baselines.get(toId)
    this.#baselines.set(toId, to === undefined ? from : addBaselines(from, to))
  }
}

function addBaselines(a: EndpointBaseline, b: EndpointBaseline): EndpointBaseline {
  return {
    firstSeenUs: Math.min(a.firstSeenUs, b.firstSeenUs),
    lastSeenUs: Math.max(a.lastSeenUs, b.lastSeenUs),
    transactionCount: a.transactionCount + b.transactionCount,
    authSchemes: addRecords(a.authSchemes, b.authSchemes),
    sensitive: addRecords(a.sensitive, b.sensitive),
    statusCounts: addRecords(a.statusCounts, b.statusCounts),
  }
}

function addRecords(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum: Record<string, number> = { ...a }
  for (const [key, count] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + count
  return sum
}
