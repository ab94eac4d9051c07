/**
 * The mitigator. Two loops, in the order data takes them:
 *
 *   findings     → decide → limit the blast radius → jobs (durable) → decisions and audit to topic and tables → commit
 *   transactions → effect of decisions in force, good history → commit
 *
 * Between them: jobs push and lift (enforcement.ts), and a comparison repairs what an edge lost.
 * At least once: ids of decisions and jobs derive from what they are about, so a finding that comes again changes nothing.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Batch, Bus, Subscription } from '@tapwarden/bus/bus'
import type { Decision } from '@tapwarden/contracts/decision'
import { type Finding, findingTopic } from '@tapwarden/contracts/finding'
import { consumerGroups } from '@tapwarden/contracts/names'
import { transactionTopic } from '@tapwarden/contracts/transaction'
import type { Enforcer } from '@tapwarden/enforcers/enforcer'
import type { JobQueue } from '@tapwarden/jobs/jobs'
import { limitBlastRadius } from '@tapwarden/mitigation/blast-radius'
import { decide } from '@tapwarden/mitigation/decide'
import { GoodHistory } from '@tapwarden/mitigation/good-history'
import { isOpen } from '@tapwarden/mitigation/life-cycle'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import type { Store } from '@tapwarden/store/store'
import type { MitigatorConfig } from './config.js'
import { DecisionBook } from './decision-book.js'
import { listDecisions } from './decision-queries.js'
import { EffectMeter } from './effect-meter.js'
import { Enforcement } from './enforcement.js'
import { Outbox } from './outbox.js'

export interface MitigatorParts {
  readonly bus: Bus
  readonly store: Store
  readonly jobs: JobQueue
  /** Of `openEnforcers`; closed by whoever opened them, after the service stopped. */
  readonly enforcers: readonly Enforcer[]
  readonly config: MitigatorConfig
  readonly logger: Logger
  readonly timers?: Timers
}

export interface Mitigator extends RunningService {
  /** As they are now, in memory. */
  decisions(): readonly Decision[]
  /** A person's undo: lifted at every enforcer, and not made again by the same finding. False when there is nothing to undo. */
  withdraw(id: string, by: string): Promise<boolean>
}

/** Decisions of so long ago are restored: an attack that goes on renews them rather than begins anew. */
const restoreMs = 86_400_000
const restoreMaxCount = 100_000
/** Of each kind; about 150 bytes each. */
const historyActorsMaxCount = 50_000
const auditListMaxCount = 50
const stopPatienceMs = 5_000

export async function startMitigator(parts: MitigatorParts): Promise<Mitigator> {
  const mitigator = new RunningMitigator(parts)
  await mitigator.start()
  return mitigator
}

class RunningMitigator implements Mitigator {
  readonly name = 'mitigator'
  readonly failed: Promise<never>
  readonly #parts: MitigatorParts
  readonly #timers: Timers
  readonly #book = new DecisionBook()
  readonly #history: GoodHistory
  readonly #outbox: Outbox
  readonly #meter: EffectMeter
  readonly #enforcement: Enforcement
  readonly #subscriptions: Subscription[] = []
  readonly #loops: Promise<void>[] = []
  #fail!: (error: unknown) => void
  /** What was said last about actors of a finding that were left alone: an update that says the same is no audit entry. */
  readonly #lastSpared = new BoundedMap<string, string>({ maxEntries: 10_000, onFull: 'evict-oldest' })
  /** Batches whose effects are not stored yet, in order. */
  #commits: Promise<void> = Promise.resolve()

  constructor(parts: MitigatorParts) {
    this.#parts = parts
    this.#timers = parts.timers ?? systemTimers
    const { bus, store, jobs, enforcers, config, logger } = parts
    const { successMinCount, historyMs } = config.policy.blastRadius
    const [book, timers] = [this.#book, this.#timers]
    this.#history = new GoodHistory({ successMinCount, historyMs, actorsMaxCount: historyActorsMaxCount })
    this.#outbox = new Outbox({ bus, store, timers, logger })
    const outbox = this.#outbox
    this.#meter = new EffectMeter({ book, outbox, timers, history: this.#history, publishMs: config.effectPublishMs })
    const meter = this.#meter
    const onInForce = (decision: Decision): void => meter.begin(decision)
    const onEnded = (decision: Decision): void => meter.end(decision)
    this.#enforcement = new Enforcement({ enforcers, jobs, book, outbox, timers, logger, onInForce, onEnded })
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {}) // Whoever supervises listens; without one this is no unhandled rejection.
    outbox.failed.catch((error: unknown) => this.#fail(error))
  }

  async start(): Promise<void> {
    const { bus, config } = this.#parts
    // First of all: what is published before a group subscribes is not for it.
    const findings = bus.subscribe({ topic: findingTopic.name, group: consumerGroups.mitigator })
    this.#subscriptions.push(findings)
    const transactions =
      config.mode === 'enforce'
        ? bus.subscribe({ topic: transactionTopic.name, group: consumerGroups.mitigatorEffect })
        : undefined
    if (transactions !== undefined) this.#subscriptions.push(transactions)
    await this.#restore()
    this.#enforcement.start(config.reconcileMs)
    this.#loops.push(this.#supervised(findings, (batch) => this.#decideOn(batch)))
    if (transactions !== undefined) this.#loops.push(this.#supervised(transactions, (batch) => this.#measure(batch)))
  }

  decisions(): readonly Decision[] {
    return this.#book.all()
  }

  withdraw(id: string, by: string): Promise<boolean> {
    return this.#enforcement.withdraw(id, by)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.close()))
    await Promise.all(this.#loops)
    await this.#enforcement.stop()
    this.#meter.publish()
    await this.#outbox.stop(stopPatienceMs)
    await this.#commits
  }

  /** What was decided before a restart goes on. */
  async #restore(): Promise<void> {
    const untilAfterMs = this.#timers.nowMs() - restoreMs
    const earlier = await listDecisions(this.#parts.store, { untilAfterMs, maxCount: restoreMaxCount })
    for (const decision of earlier) this.#book.put(decision)
    const open = earlier.filter(isOpen)
    await this.#enforcement.resume(open)
    for (const decision of open) if (decision.state === 'in-force') this.#meter.begin(decision)
    if (open.length > 0) this.#parts.logger.info({ decisionCount: open.length }, 'Decisions restored')
  }

  async #supervised(subscription: Subscription, step: (batch: Batch) => Promise<void>): Promise<void> {
    try {
      for await (const batch of subscription.batches()) await step(batch)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #decideOn(batch: Batch): Promise<void> {
    for (const record of batch.records) {
      for (const finding of findingTopic.decode(record.value)) await this.#decideOne(findingTopic.parse(finding))
    }
    // An attack does not wait for the store: the next finding is decided while this one's rows are on their way.
    this.#commits = this.#commits.then(() => this.#outbox.flushed()).then(() => batch.commit())
    this.#commits.catch((error: unknown) => this.#fail(error))
  }

  async #decideOne(finding: Finding): Promise<void> {
    const { policy, mode } = this.#parts.config
    const outcome = decide({
      finding,
      policy,
      mode,
      nowMs: this.#timers.nowMs(),
      byId: (id) => this.#book.get(id),
      byTarget: (target) => this.#book.byTarget(target),
    })
    const known = new Set(outcome.decisions.filter((each) => this.#book.get(each.id) !== undefined))
    const radius = this.#limit(
      finding,
      outcome.decisions.filter((each) => !known.has(each)),
    )
    const made = [...known, ...radius.kept]
    for (const decision of made) {
      this.#book.put(decision)
      this.#outbox.decision(decision)
    }
    const fresh = new Set(radius.kept.map((decision) => decision.id))
    if (finding.version > 1 && fresh.size > 0) this.#meter.evaded(finding.id, fresh, finding.lastSeenUs)
    this.#auditOutcome(finding, made, radius.withheld, outcome.skipped)
    await this.#enforcement.plan(made.filter((decision) => decision.state !== 'expired'))
  }

  #limit(finding: Finding, decisions: readonly Decision[]): ReturnType<typeof limitBlastRadius> {
    const kind = decisions[0]?.scope ?? 'address'
    return limitBlastRadius({
      decisions,
      subjectKind: finding.subject.kind,
      limits: this.#parts.config.policy.blastRadius,
      hitsGood: ({ scope, value }) => this.#history.isGood({ kind: scope, value }, finding.firstSeenUs),
      goodActorsCount: decisions.length === 0 ? 0 : this.#history.goodCount(kind, finding.firstSeenUs),
    })
  }

  #auditOutcome(
    finding: Finding,
    made: readonly Decision[],
    withheld: readonly Decision[],
    skipped: ReturnType<typeof decide>['skipped'],
  ): void {
    const noted = skipped.filter((each) => each.why !== 'covered')
    const spared = JSON.stringify([withheld.map((each) => each.id), noted])
    if (made.length === 0 && spared === (this.#lastSpared.peek(finding.id) ?? '[[],[]]')) return
    this.#lastSpared.set(finding.id, spared)
    this.#outbox.audit({
      atMs: this.#timers.nowMs(),
      actor: 'mitigator',
      action: 'finding.decided',
      subjectKind: 'finding',
      subjectId: finding.id,
      detail: {
        findingVersion: finding.version,
        mode: this.#parts.config.mode,
        decisionCount: made.length,
        decisions: made.slice(0, auditListMaxCount).map((each) => each.id),
        withheldCount: withheld.length,
        withheld: withheld.slice(0, auditListMaxCount).map((each) => each.value),
        skipped: noted.slice(0, auditListMaxCount).map((each) => ({ ...each.actor, why: each.why })),
      },
    })
  }

  async #measure(batch: Batch): Promise<void> {
    for (const record of batch.records) this.#meter.observe(transactionTopic.decode(record.value))
    await batch.commit()
  }
}
