/**
 * Who was let in lately: successes by actor, bounded. Feeds the blast radius (who would be hit) and the effect (who was hit).
 *
 * A success is an answer of 2xx or 3xx that no edge of ours gave. An actor whose successes stopped for longer than the history
 * begins anew. Event time only.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { microsPerMilli } from '@tapwarden/base/units'
import type { Actor, ActorKind } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { actorsOf } from './scope.js'

interface Successes {
  readonly firstUs: number
  lastUs: number
  count: number
}

export interface GoodHistoryLimits {
  readonly actorsMaxCount: number
  readonly successMinCount: number
  readonly historyMs: number
}

const historyKinds: readonly ActorKind[] = ['address', 'session', 'access-token', 'account']

export class GoodHistory {
  readonly #limits: GoodHistoryLimits
  readonly #byKind = new Map<ActorKind, BoundedMap<string, Successes>>()

  constructor(limits: GoodHistoryLimits) {
    this.#limits = limits
    for (const kind of historyKinds) {
      this.#byKind.set(kind, new BoundedMap({ maxEntries: limits.actorsMaxCount, onFull: 'evict-least-recent' }))
    }
  }

  /** `actors` are those of the transaction, for a caller that has them. */
  observe(transaction: HttpTransaction, actors: readonly Actor[] = actorsOf(transaction)): void {
    const { status, observedAtUs } = transaction
    if (status === undefined || status < 200 || status >= 400 || transaction.edgeDecisionId !== undefined) return
    for (const actor of actors) {
      const successes = this.#byKind.get(actor.kind)
      if (successes === undefined) continue
      const known = successes.get(actor.value)
      if (known === undefined || observedAtUs - known.lastUs > this.#limits.historyMs * microsPerMilli) {
        successes.set(actor.value, { firstUs: observedAtUs, lastUs: observedAtUs, count: 1 })
      } else {
        known.count++
        known.lastUs = Math.max(known.lastUs, observedAtUs)
      }
    }
  }

  /** Was this actor let in, often enough and lately, before `beforeUs`? What it did since does not count for it. */
  isGood(actor: Actor, beforeUs: number): boolean {
    const known = this.#byKind.get(actor.kind)?.peek(actor.value)
    return known !== undefined && this.#isGood(known, beforeUs)
  }

  goodCount(kind: ActorKind, beforeUs: number): number {
    let count = 0
    for (const successes of this.#byKind.get(kind)?.values() ?? []) if (this.#isGood(successes, beforeUs)) count++
    return count
  }

  #isGood(successes: Successes, beforeUs: number): boolean {
    return (
      successes.count >= this.#limits.successMinCount &&
      successes.firstUs < beforeUs &&
      successes.lastUs >= beforeUs - this.#limits.historyMs * microsPerMilli
    )
  }
}
