/** Which endpoint a transaction belongs to: by the snapshots that hold at its event time (DESIGN "Decided" 6). */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { EndpointIndex, hostsMaxCount, matchEndpoint } from '@tapwarden/catalog/endpoint-matcher'
import type { EndpointSnapshot } from '@tapwarden/contracts/endpoint'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import type { FindingEndpoint } from '@tapwarden/detection/detector'

/** Snapshots of one host that wait for their time. A catalog decides ever more rarely, so few wait at once. */
const waitingMaxCount = 64

export class EndpointResolver {
  readonly #index = new EndpointIndex()
  #redirects = new Map<string, string>()
  readonly #waiting = new BoundedMap<string, EndpointSnapshot[]>({
    maxEntries: hostsMaxCount,
    onFull: 'evict-oldest',
  })

  get overflowCount(): number {
    return this.#index.overflowCount + this.#waiting.overflowCount
  }

  /** Holds from its event time on; in whatever order snapshots come. */
  add(snapshot: EndpointSnapshot): void {
    const waiting = this.#waiting.peek(snapshot.host) ?? []
    waiting.push(snapshot)
    waiting.sort((a, b) => a.effectiveFromUs - b.effectiveFromUs || a.version - b.version)
    if (waiting.length > waitingMaxCount) waiting.shift()
    this.#waiting.set(snapshot.host, waiting)
  }

  /** Redirects that have come into force since the last call; undefined when there are none. */
  takeRedirects(): ReadonlyMap<string, string> | undefined {
    if (this.#redirects.size === 0) return undefined
    const taken = this.#redirects
    this.#redirects = new Map()
    return taken
  }

  resolve(transaction: HttpTransaction): FindingEndpoint {
    const { host, method, path } = transaction
    const waiting = this.#waiting.peek(host)
    if (waiting !== undefined) this.#applyDue(host, waiting, transaction.observedAtUs)
    const { endpointId, pathTemplate } = matchEndpoint(this.#index, method, host, path)
    return { id: endpointId, host, method, pathTemplate }
  }

  #applyDue(host: string, waiting: EndpointSnapshot[], atUs: number): void {
    for (let next = waiting[0]; next !== undefined && next.effectiveFromUs <= atUs; next = waiting[0]) {
      this.#index.apply(next)
      for (const { fromId, toId } of next.redirects) this.#redirects.set(fromId, toId)
      waiting.shift()
    }
    if (waiting.length === 0) this.#waiting.delete(host)
  }
}
