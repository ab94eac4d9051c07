/**
 * The alerter: each finding and each decision once, to each sink.
 *
 *   findings.v1, decisions.v1 → alert → one durable job for each sink (its id is the alert's) → commit
 *   jobs → gathered → file | stdout | webhook, tried again with back-off
 *
 * Once: the job queue takes an id once, also after it completed and after a restart; updates of what was alerted are dropped there.
 * A slow webhook delays neither the other sinks nor, behind the queue, the topics.
 */

import type { Batch, Bus, Subscription } from '@tapwarden/bus/bus'
import { type Alert, alertSchema } from '@tapwarden/contracts/alert'
import { decisionTopic } from '@tapwarden/contracts/decision'
import { type Finding, findingTopic, severities } from '@tapwarden/contracts/finding'
import { consumerGroups, queueNames } from '@tapwarden/contracts/names'
import type { JobQueue } from '@tapwarden/jobs/jobs'
import { UnrecoverableJobError } from '@tapwarden/jobs/jobs'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import { AlertFile, type AlertSink, AlertStream } from './alert-file.js'
import { alertOfDecision, alertOfFinding } from './alert-of.js'
import { AlertWebhook } from './alert-webhook.js'
import type { AlerterConfig } from './config.js'
import { Gathering } from './gathering.js'

export interface AlerterParts {
  readonly bus: Bus
  readonly jobs: JobQueue
  readonly config: AlerterConfig
  readonly logger: Logger
  readonly timers?: Timers
  /** Where `-` writes; default stdout. */
  readonly stdout?: NodeJS.WritableStream
}

interface DeliveryData {
  readonly sink: string
  readonly alert: Alert
}

/** Deliveries at once: those that wait share posts (gathering.ts). */
const deliveryConcurrency = 128
/** With waits up to five minutes: half a day of a receiver that is away. */
const deliveryAttempts = 150
const deliveryBackoffMaxMs = 300_000

export async function startAlerter(parts: AlerterParts): Promise<RunningService> {
  const sinks = new Map<string, AlertSink>()
  const { file, webhook } = parts.config
  const timers = parts.timers ?? systemTimers
  if (file === '-') sinks.set('stdout', new AlertStream(parts.stdout ?? process.stdout))
  else if (file !== undefined) sinks.set('file', await AlertFile.open(file))
  if (webhook !== undefined) sinks.set('webhook', new AlertWebhook({ ...webhook, timers }))
  return new RunningAlerter(parts, sinks)
}

class RunningAlerter implements RunningService {
  readonly name = 'alerter'
  readonly failed: Promise<never>
  readonly #parts: AlerterParts
  readonly #sinks: ReadonlyMap<string, AlertSink>
  readonly #gatherings: ReadonlyMap<string, Gathering>
  readonly #subscriptions: Subscription[]
  readonly #loops: Promise<void>[]
  readonly #deliveries = new Set<Promise<void>>()
  #fail!: (error: unknown) => void
  #stopped = false

  constructor(parts: AlerterParts, sinks: ReadonlyMap<string, AlertSink>) {
    this.#parts = parts
    this.#sinks = sinks
    this.#gatherings = new Map([...sinks].map(([name, sink]) => [name, new Gathering(sink)]))
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {}) // Whoever supervises listens; without one this is no unhandled rejection.
    const { bus, jobs, logger } = parts
    const group = consumerGroups.alerter
    const findings = bus.subscribe({ topic: findingTopic.name, group })
    const decisions = bus.subscribe({ topic: decisionTopic.name, group })
    this.#subscriptions = [findings, decisions]
    jobs.process<DeliveryData>(queueNames.alert, (job) => this.#deliver(job.data), { concurrency: deliveryConcurrency })
    jobs.onFailed(queueNames.alert, (job, error) =>
      logger.error({ delivery: job.id, error }, 'An alert could not be delivered'),
    )
    this.#loops = [
      this.#supervised(findings, (batch) => this.#alertAll(batch, (value) => this.#ofFindings(value))),
      this.#supervised(decisions, (batch) => this.#alertAll(batch, (value) => this.#ofDecisions(value))),
    ]
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.close()))
    await Promise.all(this.#loops)
    this.#stopped = true
    // A webhook under way is cut off: its job is tried again after the next start.
    const webhook = this.#sinks.get('webhook')
    await webhook?.close()
    await Promise.allSettled(this.#deliveries)
    for (const sink of this.#sinks.values()) if (sink !== webhook) await sink.close()
  }

  async #supervised(subscription: Subscription, step: (batch: Batch) => Promise<void>): Promise<void> {
    try {
      for await (const batch of subscription.batches()) await step(batch)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #alertAll(batch: Batch, alertsOf: (value: Uint8Array) => readonly Alert[]): Promise<void> {
    const alerts = batch.records.flatMap((record) => alertsOf(record.value))
    await Promise.all(alerts.flatMap((alert) => [...this.#sinks.keys()].map((sink) => this.#enqueue(sink, alert))))
    await batch.commit()
  }

  #ofFindings(value: Uint8Array): Alert[] {
    const isLoud = (finding: Finding): boolean =>
      severities.indexOf(finding.severity) >= severities.indexOf(this.#parts.config.minSeverity)
    return findingTopic
      .decode(value)
      .map((finding) => findingTopic.parse(finding))
      .filter(isLoud)
      .map(alertOfFinding)
  }

  #ofDecisions(value: Uint8Array): Alert[] {
    if (!this.#parts.config.decisions) return []
    return decisionTopic.decode(value).map((decision) => alertOfDecision(decisionTopic.parse(decision)))
  }

  async #enqueue(sink: string, alert: Alert): Promise<void> {
    const options = {
      id: `${sink}.${alert.id}`,
      attempts: deliveryAttempts,
      backoffMs: 1_000,
      backoffMaxMs: deliveryBackoffMaxMs,
    }
    await this.#parts.jobs.enqueue<DeliveryData>(queueNames.alert, { sink, alert }, options)
  }

  async #deliver(data: DeliveryData): Promise<void> {
    if (this.#stopped) throw new Error('the alerter is stopping')
    const gathering = this.#gatherings.get(data.sink)
    if (gathering === undefined) throw new UnrecoverableJobError('this sink is not configured any more')
    const delivery = gathering.deliver(alertSchema.parse(data.alert))
    this.#deliveries.add(delivery)
    try {
      await delivery
    } finally {
      this.#deliveries.delete(delivery)
    }
  }
}
