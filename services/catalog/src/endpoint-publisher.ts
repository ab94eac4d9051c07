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
const schemaGrowthRatio = 1.1

interface Written {
  readonly count: number
  readonly pathTemplate: string
  /** `count` when its schemas were written. */
  readonly schemaCount: number
}

export class EndpointPublisher {
  snapshotCount = 0
  readonly #bus: Bus
  readonly #store: Store
  readonly #catalog: Catalog
  readonly #baselines: Map<string, EndpointBaseline>
  /** By endpoint id, what was written last. */
  readonly #written = new Map<string, Written>()
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

  /**
   * Writes the endpoints that changed since the last time, and the schemas of those that grew by a tenth; with `final`, of all that
   * changed. `nowMs` orders the versions of a row across restarts.
   */
  async writeEndpoints(nowMs: number, final: boolean): Promise<void> {
    this.#version = Math.max(this.#version + 1, nowMs)
    const endpoints: EndpointRow[] = []
    const schemas: SchemaRow[] = []
    const marks = new Map<string, Written>()
    for (const host of this.#catalog.hosts()) {
      for (const endpoint of host.endpoints()) {
        const { id, pathTemplate, state } = endpoint
        const before = this.#written.get(id)
        const renamed = before?.pathTemplate !== pathTemplate
        const isNew = renamed || state.count > before.count
        const grown = renamed || state.count >= before.schemaCount * schemaGrowthRatio
        const schemaDue = grown || (final && state.count > before.schemaCount)
        if (state.count === 0 || !(isNew || schemaDue)) continue
        if (isNew) endpoints.push(endpointRow(endpoint, this.#baselines.get(id), this.#version))
        if (schemaDue) schemas.push(...schemaRows(endpointFacts(endpoint), this.#version, state.lastSeenUs))
        marks.set(id, {
          count: state.count,
          pathTemplate,
          schemaCount: schemaDue ? state.count : (before?.schemaCount ?? 0),
        })
      }
    }
    await this.#insert(tableNames.endpointSchemas, schemas)
    await this.#insert(tableNames.endpoints, endpoints)
    for (const [id, mark] of marks) this.#written.set(id, mark)
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
