/**
 * Answers that come before the endpoint they belong to is known: a mistyped password before the first log-in, a conflict before the first
 * order. They teach nothing, yet they count once the endpoint exists; else its counts would depend on where a process began to read.
 *
 * Bounded: the latest of each host, the hosts heard of last. What leaves was most likely a scanner's, and no endpoint's.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { LineTransaction } from '@tapwarden/contracts/line-transaction'
import type { CatalogTransaction } from './catalog-transaction.js'

export const earlyAnswersMaxCount = 32
export const earlyHostsMaxCount = 64

export class EarlyAnswers {
  readonly #byHost = new BoundedMap<string, CatalogTransaction[]>({
    maxEntries: earlyHostsMaxCount,
    onFull: 'evict-least-recent',
  })

  add(transaction: CatalogTransaction): void {
    const waiting = this.#byHost.get(transaction.host) ?? []
    if (waiting.length >= earlyAnswersMaxCount) waiting.shift()
    waiting.push(transaction instanceof LineTransaction ? transaction.detached() : transaction)
    this.#byHost.set(transaction.host, waiting)
  }

  /** Offers each waiting answer of `host`, in the order in which they came; those that `place` takes wait no longer. Returns how many. */
  settle(host: string, place: (transaction: CatalogTransaction) => boolean): number {
    const waiting = this.#byHost.peek(host)
    if (waiting === undefined) return 0
    const left = waiting.filter((transaction) => !place(transaction))
    if (left.length === 0) this.#byHost.delete(host)
    else this.#byHost.set(host, left)
    return waiting.length - left.length
  }
}
