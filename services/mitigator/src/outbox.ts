/**
 * What the mitigator tells the world: decisions to their topic and table, effects and audit entries to theirs.
 *
 * Whatever is put while one round is under way goes together in the next, a decision once in its latest version. Publishing comes
 * first: an alert does not wait for the store. A store that is away is tried again until it is back; what waits is bounded by the
 * decisions there are. A fault that trying again cannot help ends the service.
 */

import { createHash } from 'node:crypto'
import type { Bus } from '@tapwarden/bus/bus'
import { type Decision, decisionTopic } from '@tapwarden/contracts/decision'
import { type TableName, tableNames } from '@tapwarden/contracts/names'
import type { Logger } from '@tapwarden/runtime/logger'
import { pause, type Timers } from '@tapwarden/runtime/timers'
import { type Store, StoreUnavailable } from '@tapwarden/store/store'
import { type AuditEntry, auditRow, decisionRow, type EffectEntry, effectRow } from './decision-rows.js'

const retryFirstMs = 250
const retryMaxMs = 10_000
/** Messages of one record on the bus. */
const messagesMaxCount = 64
const auditMaxCount = 100_000

export interface OutboxParts {
  readonly bus: Bus
  readonly store: Store
  readonly timers: Timers
  readonly logger: Logger
}

interface Round {
  readonly decisions: ReadonlyMap<string, Decision>
  readonly effects: readonly EffectEntry[]
  readonly audit: readonly AuditEntry[]
}

export class Outbox {
  readonly #parts: OutboxParts
  #decisions = new Map<string, Decision>()
  #effects = new Map<string, EffectEntry>()
  #audit: AuditEntry[] = []
  #running: Promise<void> | undefined
  readonly #abort = new AbortController()
  readonly failed: Promise<never>
  #fail!: (error: unknown) => void
  #fault: { readonly error: unknown } | undefined
  /** Audit entries dropped because the store was away for too long: a counter to publish. */
  auditOverflowCount = 0

  constructor(parts: OutboxParts) {
    this.#parts = parts
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {}) // Whoever supervises listens; without one this is no unhandled rejection.
  }

  decision(decision: Decision): void {
    this.#decisions.set(decision.id, decision)
    this.#start()
  }

  effect(entry: EffectEntry): void {
    this.#effects.set(entry.decision.id, entry)
    this.decision(entry.decision)
  }

  audit(entry: AuditEntry): void {
    if (this.#audit.length >= auditMaxCount) this.auditOverflowCount++
    else this.#audit.push(entry)
    this.#start()
  }

  /** Resolves when everything that was put before is published and stored; rejects when that cannot be any more. */
  async flushed(): Promise<void> {
    // At most the round under way and the next: what is put meanwhile is not waited for.
    await this.#running
    await this.#running
    if (this.#fault !== undefined) throw this.#fault.error
  }

  /** Gives the rounds under way `patienceMs`, then gives up. */
  async stop(patienceMs: number): Promise<void> {
    const callOff = this.#parts.timers.after(patienceMs, () => this.#abort.abort())
    while (this.#running !== undefined) await this.#running
    callOff()
  }

  #start(): void {
    if (this.#running !== undefined || this.#fault !== undefined || this.#abort.signal.aborted) return
    // One turn of the event loop for others to join the round.
    this.#running = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#deliver(this.#take()))
      .catch((error: unknown) => {
        this.#fault = { error }
        this.#fail(error)
      })
      .finally(() => {
        this.#running = undefined
        if (this.#decisions.size + this.#effects.size + this.#audit.length > 0) this.#start()
      })
  }

  #take(): Round {
    const round = { decisions: this.#decisions, effects: [...this.#effects.values()], audit: this.#audit }
    this.#decisions = new Map()
    this.#effects = new Map()
    this.#audit = []
    return round
  }

  async #deliver(round: Round): Promise<void> {
    const decisions = [...round.decisions.values()]
    await this.#publish(decisions)
    await this.#insert(tableNames.decisions, decisions.map(decisionRow))
    await this.#insert(tableNames.decisionEffects, round.effects.map(effectRow))
    await this.#insert(tableNames.auditLog, round.audit.map(auditRow))
  }

  async #publish(decisions: readonly Decision[]): Promise<void> {
    const records = []
    for (let from = 0; from < decisions.length; from += messagesMaxCount) {
      const group = decisions.slice(from, from + messagesMaxCount)
      const value = Buffer.concat(group.map((decision) => decisionTopic.encode(decision)))
      records.push({ partition: 0, value, messageCount: group.length })
    }
    if (records.length > 0) await this.#parts.bus.publish(decisionTopic.name, records)
  }

  async #insert(table: TableName, rows: readonly object[]): Promise<void> {
    if (rows.length === 0) return
    const deduplicationToken = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
    for (let waitMs = retryFirstMs; ; waitMs = Math.min(2 * waitMs, retryMaxMs)) {
      try {
        await this.#parts.store.insertRows(table, rows, { deduplicationToken })
        return
      } catch (error) {
        const givesUp = this.#abort.signal.aborted || !(error instanceof StoreUnavailable && error.retryable)
        if (givesUp) throw error
        this.#parts.logger.warn({ table, rowCount: rows.length, waitMs, error }, 'The store is away, trying again')
        await pause(this.#parts.timers, waitMs, this.#abort.signal)
      }
    }
  }
}
