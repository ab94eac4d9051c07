/**
 * The catalog of all hosts. `hostsMaxCount` hosts, then new ones are refused and counted: a Host field is the attacker's to choose.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { EndpointSnapshot } from '@tapwarden/contracts/endpoint'
import type { IgnoreReason } from './admission.js'
import type { CatalogTransaction } from './catalog-transaction.js'
import { ContentReader } from './content-reader.js'
import { EarlyAnswers } from './early-answers.js'
import { EndpointIndex, type MatchedEndpoint } from './endpoint-matcher.js'
import { HostCatalog } from './host-catalog.js'

export const catalogHostsMaxCount = 2_000

export class Catalog {
  readonly index = new EndpointIndex()
  readonly #hosts = new BoundedMap<string, HostCatalog>({ maxEntries: catalogHostsMaxCount, onFull: 'refuse-new' })
  readonly #touched = new Set<HostCatalog>()
  readonly #early = new EarlyAnswers()
  readonly #reader = new ContentReader()
  readonly #ignored = new Map<IgnoreReason, number>()
  #latestUs = 0

  /** Hosts and paths that did not fit. */
  get overflowCount(): number {
    let count = this.#hosts.overflowCount + this.index.overflowCount
    for (const host of this.#hosts.values()) count += host.overflowCount
    return count
  }

  /** Transactions that taught nothing and count for no endpoint, by reason. */
  ignoredCounts(): Map<IgnoreReason, number> {
    const counts = new Map(this.#ignored)
    for (const host of this.#hosts.values()) {
      const waiting = counts.get('no success of that endpoint seen')
      if (waiting !== undefined) counts.set('no success of that endpoint seen', waiting - host.earlyCountedCount)
    }
    return counts
  }

  /** Event time of the latest transaction seen. */
  get latestUs(): number {
    return this.#latestUs
  }

  /** See `HostCatalog.restore`; call `decide(true)` afterwards. */
  restore(endpoint: {
    readonly host: string
    readonly method: string
    readonly pathTemplate: string
    readonly version: number
  }): void {
    const host = this.#hostOf(endpoint.host)
    if (host === undefined) return
    host.restore(endpoint.method, endpoint.pathTemplate, endpoint.version)
    this.#touched.add(host)
  }

  observe(transaction: CatalogTransaction): void {
    const host = this.#hostOf(transaction.host)
    const reason = host === undefined ? 'no room' : host.observe(transaction)
    if (reason !== undefined) this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + 1)
    if (host === undefined) return
    this.#touched.add(host)
    this.#latestUs = Math.max(this.#latestUs, transaction.observedAtUs)
  }

  resolve(transaction: Pick<CatalogTransaction, 'method' | 'host' | 'path'>): MatchedEndpoint {
    return this.index.match(transaction.method, transaction.host, transaction.path)
  }

  /** Snapshots of the hosts whose templates changed. `all`: of every host touched, and what is open is decided; else only where one is due. */
  decide(all: boolean): EndpointSnapshot[] {
    const snapshots: EndpointSnapshot[] = []
    for (const host of this.#touched) {
      if (!all && !host.isDue()) continue
      if (all) this.#touched.delete(host)
      const snapshot = host.decide(this.#latestUs, all, this.index.provisionals(host.host))
      if (snapshot === undefined) continue
      this.index.apply(snapshot)
      this.index.dropDecidedProvisionals(host.host)
      snapshots.push(snapshot)
    }
    return snapshots
  }

  #hostOf(name: string): HostCatalog | undefined {
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    const host = new HostCatalog(name, this.#early, this.#reader)
    return this.#hosts.set(name, host) ? host : undefined
  }

  host(name: string): HostCatalog | undefined {
    return this.#hosts.peek(name)
  }

  hosts(): IterableIterator<HostCatalog> {
    return this.#hosts.values()
  }
}
