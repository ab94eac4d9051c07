/**
 * From decided to in force and back: what is pushed to which enforcer, when it is lifted, and what is done when an enforcer is away.
 *
 * Each push and each end is a job, so that it survives a crash and is tried again; a job carries its decision, in case the store does not
 * have it yet. Jobs are idempotent: they look at what the book says now, and enforcers take repeats.
 */

import { type Decision, decisionTopic } from '@tapwarden/contracts/decision'
import { queueNames } from '@tapwarden/contracts/names'
import { type Enforcer, EnforcerUnavailable } from '@tapwarden/enforcers/enforcer'
import { type Job, type JobQueue, UnrecoverableJobError } from '@tapwarden/jobs/jobs'
import { become, canBecome, isActive } from '@tapwarden/mitigation/life-cycle'
import type { Logger } from '@tapwarden/runtime/logger'
import type { Timers } from '@tapwarden/runtime/timers'
import type { DecisionBook } from './decision-book.js'
import type { AuditEntry } from './decision-rows.js'
import type { Outbox } from './outbox.js'

const auditActor = 'mitigator'
/** Pushes of many decisions at once wait together for an enforcer's one connection. */
const pushConcurrency = 64
const pushAttempts = 10

export interface EnforcementParts {
  readonly enforcers: readonly Enforcer[]
  readonly jobs: JobQueue
  readonly book: DecisionBook
  readonly outbox: Outbox
  readonly timers: Timers
  readonly logger: Logger
  readonly onInForce: (decision: Decision) => void
  readonly onEnded: (decision: Decision) => void
}

interface PushData {
  readonly enforcer: string
  readonly decision: Decision
}

type EnforcerState = Decision['enforcers'][string]

export class Enforcement {
  readonly #parts: EnforcementParts
  readonly #byName: ReadonlyMap<string, Enforcer>
  #callOffReconcile: (() => void) | undefined
  #reconciling: Promise<void> | undefined
  #stopped = false
  /** Ended, and being lifted right now. */
  readonly #lifting = new Set<string>()

  constructor(parts: EnforcementParts) {
    this.#parts = parts
    this.#byName = new Map(parts.enforcers.map((enforcer) => [enforcer.name, enforcer]))
  }

  /** Begins taking jobs, and comparing each `reconcileMs`. */
  start(reconcileMs: number): void {
    const { jobs } = this.#parts
    jobs.process<PushData>(queueNames.enforce, (job) => this.#push(job), { concurrency: pushConcurrency })
    jobs.process<Decision>(queueNames.expire, (job) => this.#expire(job), { concurrency: pushConcurrency })
    jobs.onFailed(queueNames.enforce, (job, error) => this.#pushFailed(job.data as PushData, error))
    this.#reconcileLater(reconcileMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#callOffReconcile?.()
    await this.#reconciling
  }

  /** Enqueues what new, prolonged or renewed decisions need. Resolves when the jobs are durable: from then on no crash loses them. */
  async plan(decisions: readonly Decision[]): Promise<void> {
    await Promise.all(decisions.map((decision) => this.#planOne(decision)))
  }

  /**
   * After a restart, with every decision that has not ended in the store. What ended meanwhile is ended now; each of the others has the job
   * of its end (again, if a crash lost it); what was decided and not pushed is pushed; what should be in force is applied again,
   * for an enforcer may have lost it too.
   */
  async resume(open: readonly Decision[]): Promise<void> {
    const nowMs = this.#parts.timers.nowMs()
    const lasting = open.filter((decision) => decision.untilMs > nowMs)
    for (const decision of open) if (decision.untilMs <= nowMs) await this.#end(decision)
    await Promise.all(lasting.map((decision) => this.#enqueueEnd(decision)))
    await this.plan(lasting.filter((decision) => decision.state === 'approved'))
    for (const enforcer of this.#parts.enforcers) {
      const wanted = lasting.filter((decision) => decision.enforcers[enforcer.name]?.state === 'in-force')
      const results = await Promise.allSettled(wanted.map((decision) => enforcer.apply(decision)))
      const fault = results.find((result) => result.status === 'rejected')
      // The comparison tries again.
      if (fault !== undefined)
        this.#parts.logger.warn({ enforcer: enforcer.name, error: fault.reason }, 'Not all is in force yet')
    }
  }

  /** A person's undo. False when there is nothing to undo. */
  async withdraw(id: string, by: string): Promise<boolean> {
    const decision = this.#parts.book.get(id)
    if (decision === undefined || !canBecome(decision.state, 'withdrawn')) return false
    const withdrawn = become(decision, 'withdrawn')
    this.#save(withdrawn)
    this.#audit('decision.withdrawn', withdrawn, {}, by)
    await this.#liftEverywhere(withdrawn, 'withdrawn')
    return true
  }

  /** Compares what each enforcer holds with what it should hold, and makes up for the difference. */
  async reconcile(): Promise<void> {
    for (const enforcer of this.#parts.enforcers) {
      try {
        await this.#reconcileOne(enforcer)
      } catch (error) {
        if (!(error instanceof EnforcerUnavailable)) throw error
        this.#parts.logger.warn(
          { enforcer: enforcer.name, error },
          'An enforcer cannot be compared with what it should hold',
        )
      }
    }
  }

  async #planOne(decision: Decision): Promise<void> {
    const { jobs } = this.#parts
    if (decision.simulated) {
      this.#save(decision)
      await this.#enqueueEnd(decision)
      return
    }
    const states: Record<string, EnforcerState> = {}
    for (const enforcer of this.#parts.enforcers) {
      const why = enforcer.unsupported(decision)
      states[enforcer.name] = why === undefined ? { state: 'pending' } : { state: 'unsupported', detail: why }
    }
    const supported = Object.entries(states).filter(([, each]) => each.state === 'pending')
    if (supported.length === 0) {
      const failed = become({ ...decision, enforcers: states }, 'failed')
      this.#save(failed)
      this.#audit('decision.failed', failed, { why: 'no enforcer can express it', enforcers: states })
      return
    }
    // A prolonged decision that is in force stays so: its entries are replaced, not lifted.
    const planned = { ...decision, enforcers: states }
    const pushed = canBecome(planned.state, 'pushed')
      ? become(planned, 'pushed')
      : { ...planned, version: planned.version + 1 }
    this.#save(pushed)
    await Promise.all([
      ...supported.map(([enforcer]) =>
        jobs.enqueue<PushData>(
          queueNames.enforce,
          { enforcer, decision: pushed },
          { id: `${decision.id}.${decision.untilMs}.${enforcer}`, attempts: pushAttempts },
        ),
      ),
      this.#enqueueEnd(pushed),
    ])
  }

  async #push(job: Job<PushData>): Promise<void> {
    this.#refuseWhenStopped()
    const enforcer = this.#byName.get(job.data.enforcer)
    if (enforcer === undefined) throw new UnrecoverableJobError('this enforcer is not configured any more')
    const decision = this.#known(job.data.decision)
    if (!this.#shouldHold(decision)) return
    try {
      await enforcer.apply(decision)
    } catch (error) {
      if (error instanceof EnforcerUnavailable && !error.retryable) throw new UnrecoverableJobError(error.message)
      throw error
    }
    await this.#applied(enforcer, decision)
  }

  /** Between the call and its answer the decision may have ended: then what was just applied is lifted. */
  async #applied(enforcer: Enforcer, applied: Decision): Promise<void> {
    const decision = this.#known(applied)
    if (!this.#shouldHold(decision)) return enforcer.lift(applied)
    const wasInForce = decision.state === 'in-force'
    let next = withEnforcer(decision, enforcer.name, { state: 'in-force' })
    if (next.state === 'failed') next = become(next, 'pushed')
    if (next.state === 'approved') next = become(next, 'pushed')
    if (next.state === 'pushed') next = become(next, 'in-force')
    if (next === decision) return
    this.#save(next)
    this.#parts.onInForce(next)
    if (!wasInForce) this.#audit('decision.enforced', next, { enforcer: enforcer.name })
  }

  #pushFailed(data: PushData, error: Error): void {
    const decision = this.#known(data.decision)
    if (!isActive(decision)) return
    let next = withEnforcer(decision, data.enforcer, { state: 'failed', detail: error.message })
    const isLost = Object.values(next.enforcers).every(
      (each) => each.state === 'failed' || each.state === 'unsupported',
    )
    if (isLost && canBecome(next.state, 'failed')) next = become(next, 'failed')
    this.#save(next)
    this.#audit('decision.failed', next, { enforcer: data.enforcer, why: error.message })
    this.#parts.logger.error(
      { decisionId: next.id, enforcer: data.enforcer, error },
      'A decision could not be enforced',
    )
  }

  async #expire(job: Job<Decision>): Promise<void> {
    this.#refuseWhenStopped()
    const decision = this.#known(job.data)
    // Prolonged meanwhile: its own job follows.
    if (decision.untilMs > this.#parts.timers.nowMs() || !canBecome(decision.state, 'expired')) return
    await this.#end(decision)
  }

  async #end(decision: Decision): Promise<void> {
    const expired = become(decision, 'expired')
    this.#save(expired)
    await this.#liftEverywhere(expired, 'expired')
  }

  async #enqueueEnd(decision: Decision): Promise<void> {
    const delayMs = Math.max(0, decision.untilMs - this.#parts.timers.nowMs())
    const id = `${decision.id}.${decision.untilMs}`
    await this.#parts.jobs.enqueue(queueNames.expire, decision, { id, delayMs, attempts: pushAttempts })
  }

  async #liftEverywhere(decision: Decision, how: 'expired' | 'withdrawn'): Promise<void> {
    let next = decision
    const faults: unknown[] = []
    this.#lifting.add(decision.id)
    for (const enforcer of this.#parts.enforcers) {
      const state = decision.enforcers[enforcer.name]?.state
      if (state === undefined || state === 'unsupported' || state === 'lifted') continue
      try {
        await enforcer.lift(decision)
        next = withEnforcer(next, enforcer.name, { state: 'lifted' })
      } catch (error) {
        // An enforcer drops what is over by itself; one that is away is compared again when it is back.
        faults.push(error)
      }
    }
    this.#lifting.delete(decision.id)
    if (next !== decision) this.#save(next)
    if (!decision.simulated) this.#audit('decision.lifted', next, { how, unreachableCount: faults.length })
    this.#parts.onEnded(next)
    for (const error of faults)
      this.#parts.logger.warn({ decisionId: next.id, error }, 'A decision could not be lifted yet')
  }

  async #reconcileOne(enforcer: Enforcer): Promise<void> {
    const decisions = this.#parts.book.all()
    const held = new Set(await enforcer.held())
    for (const decision of decisions) {
      // Changed since we asked: what was read says nothing about it.
      if (this.#parts.book.get(decision.id) !== decision || this.#lifting.has(decision.id)) continue
      const state = decision.enforcers[enforcer.name]?.state
      // Pending ones have a job under way. A failed push is tried again for as long as the decision lasts: the enforcer answers now.
      if (state === undefined || state === 'unsupported' || state === 'pending') continue
      const isWanted = this.#shouldHold(decision)
      if (isWanted === held.has(decision.id)) continue
      try {
        if (isWanted) await enforcer.apply(decision)
        else await enforcer.lift(decision)
      } catch (error) {
        if (!(error instanceof EnforcerUnavailable) || error.retryable) throw error
        this.#parts.logger.warn(
          { enforcer: enforcer.name, decisionId: decision.id, error },
          'A decision cannot be repaired',
        )
        continue
      }
      this.#audit('decision.repaired', decision, {
        enforcer: enforcer.name,
        was: isWanted ? 'missing' : 'held after its end',
      })
      if (isWanted) await this.#applied(enforcer, decision)
    }
  }

  #reconcileLater(everyMs: number): void {
    if (this.#stopped || this.#parts.enforcers.length === 0) return
    this.#callOffReconcile = this.#parts.timers.after(everyMs, () => {
      this.#reconciling = this.reconcile()
        .catch((error: unknown) => this.#parts.logger.error({ error }, 'Enforcers could not be compared'))
        .finally(() => this.#reconcileLater(everyMs))
    })
  }

  #shouldHold(decision: Decision): boolean {
    const lasts = decision.untilMs > this.#parts.timers.nowMs() && !decision.simulated
    return lasts && (isActive(decision) || decision.state === 'failed')
  }

  /** The book's version, or the job's own where a crash came before the store had it. */
  #known(carried: Decision): Decision {
    const known = this.#parts.book.get(carried.id)
    if (known !== undefined) return known
    const decision = decisionTopic.parse(carried)
    this.#parts.book.put(decision)
    return decision
  }

  #save(decision: Decision): void {
    this.#parts.book.put(decision)
    this.#parts.outbox.decision(decision)
  }

  #audit(action: string, decision: Decision, detail: AuditEntry['detail'], actor = auditActor): void {
    const atMs = this.#parts.timers.nowMs()
    this.#parts.outbox.audit({ atMs, actor, action, subjectKind: 'decision', subjectId: decision.id, detail })
  }

  #refuseWhenStopped(): void {
    if (this.#stopped) throw new Error('the mitigator is stopping')
  }
}

/** The same object when nothing changes. */
function withEnforcer(decision: Decision, name: string, state: EnforcerState): Decision {
  if (decision.enforcers[name]?.state === state.state && state.detail === undefined) return decision
  return { ...decision, enforcers: { ...decision.enforcers, [name]: state }, version: decision.version + 1 }
}
