/**
 * Measures decisions in force from mirrored transactions, and keeps the good history that their blast radius is judged by.
 * Work for a transaction is one look-up for each of its actors.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Decision } from '@tapwarden/contracts/decision'
import type { Actor, ActorKind } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import {
  beginEffect,
  defaultEffectLimits,
  type EffectState,
  effectOf,
  observeEffect,
  observeEvasion,
} from '@tapwarden/mitigation/effect'
import type { GoodHistory } from '@tapwarden/mitigation/good-history'
import { actorsOf } from '@tapwarden/mitigation/scope'
import type { Timers } from '@tapwarden/runtime/timers'
import type { DecisionBook } from './decision-book.js'
import type { Outbox } from './outbox.js'

/** Decisions measured at once; beyond, the oldest is measured no more. */
const measuredMaxCount = 100_000
/** Transactions reach us after they happened: a decision that ended is measured for so long. */
const lingerMs = 10_000
/** New actors of a campaign that show so soon after the decision are its discovery going on, not its evasion. */
const evasionAfterUs = 60_000_000

export interface EffectMeterParts {
  readonly book: DecisionBook
  readonly outbox: Outbox
  readonly history: GoodHistory
  readonly timers: Timers
  readonly publishMs: number
}

export class EffectMeter {
  readonly #parts: EffectMeterParts
  readonly #states = new BoundedMap<string, EffectState>({
    maxEntries: measuredMaxCount,
    onFull: 'evict-oldest',
    onEvict: (id) => this.#unindex(id),
  })
  /** Ids by the actor's kind and value; networks apart. */
  readonly #byActor = new Map<ActorKind, Map<string, Set<string>>>()
  readonly #networks = new Set<string>()
  readonly #dirty = new Set<string>()
  #callOffPublish: (() => void) | undefined
  #measuredAtUs = 0

  constructor(parts: EffectMeterParts) {
    this.#parts = parts
  }

  /** From now on, or still: a second call for the same decision changes nothing. */
  begin(decision: Decision): void {
    if (this.#states.has(decision.id)) return
    this.#states.set(decision.id, beginEffect(this.#parts.timers.nowMs() * 1_000, decision))
    if (isNetwork(decision)) this.#networks.add(decision.id)
    else {
      const ids = this.#byActor.get(decision.scope) ?? new Map<string, Set<string>>()
      ids.set(decision.value, (ids.get(decision.value) ?? new Set()).add(decision.id))
      this.#byActor.set(decision.scope, ids)
    }
  }

  end(decision: Decision): void {
    this.#parts.timers.after(lingerMs, () => {
      const now = this.#parts.book.get(decision.id)
      if (now?.state === 'in-force') return // Renewed meanwhile.
      this.#unindex(decision.id)
      this.#states.delete(decision.id)
    })
  }

  observe(transactions: readonly HttpTransaction[]): void {
    for (const transaction of transactions) {
      const actors = actorsOf(transaction)
      if (this.#states.size > 0) this.#observeDecisions(transaction, actors)
      this.#measuredAtUs = Math.max(this.#measuredAtUs, transaction.observedAtUs)
      this.#parts.history.observe(transaction, actors)
    }
  }

  /** The campaign of `findingId` named actors that no decision knew, at `sinceUs`. */
  evaded(findingId: string, newIds: ReadonlySet<string>, sinceUs: number): void {
    for (const id of [...this.#states.keys()]) {
      const decision = this.#parts.book.get(id)
      const state = this.#states.peek(id)
      if (decision === undefined || state === undefined || decision.findingId !== findingId || newIds.has(id)) continue
      const next = observeEvasion(state, sinceUs - evasionAfterUs)
      if (next !== state) this.#set(id, state, next)
    }
  }

  /** Publishes what was counted. Runs by itself. */
  publish(): void {
    this.#callOffPublish?.()
    this.#callOffPublish = undefined
    for (const id of this.#dirty) this.#publishOne(id)
    this.#dirty.clear()
  }

  #observeDecisions(transaction: HttpTransaction, actors: readonly Actor[]): void {
    for (const id of this.#networks) this.#observeOne(id, transaction)
    for (const actor of actors) {
      const ids = this.#byActor.get(actor.kind)?.get(actor.value)
      if (ids !== undefined) for (const id of ids) this.#observeOne(id, transaction)
    }
  }

  #observeOne(id: string, transaction: HttpTransaction): void {
    const decision = this.#parts.book.get(id)
    const state = this.#states.peek(id)
    if (decision === undefined || state === undefined) return
    const next = observeEffect(state, decision, transaction, this.#isBystander(decision, transaction))
    if (next !== state) this.#set(id, state, next)
  }

  /** Someone else behind a banned address: with a session, key or account that was let in before anybody decided anything. */
  #isBystander(decision: Decision, transaction: HttpTransaction): boolean {
    if (decision.scope !== 'address' || transaction.edgeDecisionId !== decision.id) return false
    const beforeUs = decision.createdAtMs * 1_000
    return actorsOf(transaction).some(
      (actor) => actor.kind !== 'address' && this.#parts.history.isGood(actor, beforeUs),
    )
  }

  #set(id: string, before: EffectState, after: EffectState): void {
    this.#states.set(id, after)
    this.#dirty.add(id)
    const isFirstRefusal = before.firstRefusedUs === undefined && after.firstRefusedUs !== undefined
    const isNews = isFirstRefusal || effectOf(before) !== effectOf(after)
    if (isNews) {
      this.#publishOne(id)
      this.#dirty.delete(id)
    } else this.#callOffPublish ??= this.#parts.timers.after(this.#parts.publishMs, () => this.publish())
  }

  #publishOne(id: string): void {
    const decision = this.#parts.book.get(id)
    const state = this.#states.peek(id)
    if (decision === undefined || state === undefined) return
    const { refusedCount, passedCount, passedInGraceCount, firstRefusedUs } = state
    const { lookalikeCount, collateralCount, statistic } = state
    const measured: Decision = {
      ...decision,
      version: decision.version + 1,
      effect: effectOf(state, defaultEffectLimits),
      refusedCount,
      passedCount,
      passedInGraceCount,
      ...(firstRefusedUs === undefined ? {} : { firstRefusedUs }),
    }
    this.#parts.book.put(measured)
    const detail = { lookalikeCount, collateralCount, statistic: Math.round(statistic * 1_000) / 1_000 }
    this.#parts.outbox.effect({ decision: measured, measuredAtUs: this.#measuredAtUs, detail })
  }

  #unindex(id: string): void {
    this.#networks.delete(id)
    this.#dirty.delete(id)
    const decision = this.#parts.book.get(id)
    if (decision === undefined) return
    const ids = this.#byActor.get(decision.scope)?.get(decision.value)
    ids?.delete(id)
    if (ids?.size === 0) this.#byActor.get(decision.scope)?.delete(decision.value)
  }
}

function isNetwork(decision: Decision): boolean {
  return decision.scope === 'address' && decision.value.includes('/')
}
