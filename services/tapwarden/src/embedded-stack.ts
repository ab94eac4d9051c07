/**
 * The embedded stack: every service in one process tree, on the in-process bus and the embedded engine.
 *
 *   start:  engine → store → jobs → alerter → mitigator → catalog → detector      all of them before the sensor publishes
 *   run:    capture publishes; everything follows
 *   stop:   (capture has ended) → bus drained → detector → catalog → mitigator → alerter → bus → jobs → store → engine
 *
 * A service or the engine that cannot go on ends the stack: `failed` rejects, and what is not committed is done again by the next replay.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { tableNames, topicNames } from '@tapwarden/contracts/names'
import type { Enforcer } from '@tapwarden/enforcers/enforcer'
import { EmbeddedJobs } from '@tapwarden/jobs/embedded'
import type { Redactor } from '@tapwarden/redaction/redact-transaction'
import type { Logger } from '@tapwarden/runtime/logger'
import type { Mitigator } from '@tapwarden/service-mitigator/mitigator-pipeline'
import { type Engine, startEngine } from '@tapwarden/store/embedded/engine'
import { type HttpStore, openStore } from '@tapwarden/store/http-store'
import type { TapwardenConfig } from './config.js'
import { migrated, startedEngine } from './open-store.js'
import { markEnded, markRunning, redeliver } from './redelivery.js'
import { openRedactor } from './sensor.js'
import { type EnforcerStatus, type StackParts, type StackServices, startServices } from './services.js'
import type { StoreCounts } from './traffic-summary.js'
import { UndoList } from './undo-list.js'

export interface EmbeddedStackOptions {
  readonly config: TapwardenConfig
  readonly storeFolder: string
  readonly keyFile: string
  readonly logger: Logger
  /** Edges beside those that the configuration names; the stack does not close them. */
  readonly enforcers?: readonly Enforcer[]
}

export interface EmbeddedStack {
  readonly bus: InProcessBus
  readonly store: HttpStore
  /** What every sensor of this stack redacts with. */
  readonly redactor: Redactor
  readonly mitigator: Mitigator
  /** As they were at start; none when decisions are only simulated. */
  readonly enforcers: readonly EnforcerStatus[]
  /** Where SQL tools find the engine. */
  readonly engine: Engine
  /** Ports of the stack's own servers: the sensor must not watch the traffic that its analysis causes. */
  readonly ownPorts: readonly number[]
  /** Rejects when a part cannot go on. Never resolves. */
  readonly failed: Promise<never>
  /** Everything published so far has had its effects, the catalog's open decisions included. Rejects when the stack fails meanwhile. */
  settled(): Promise<void>
  counts(): Promise<StoreCounts>
  /** Transactions of this run that count for no endpoint, by reason. */
  ignoredCounts(): Readonly<Record<string, number>>
  /** Call it once the sensor has ended. `abandon` skips waiting for what is under way: it is done again next time. */
  stop(options?: { readonly abandon?: boolean }): Promise<void>
}

/** Throws `UserError` when the folder is held by another stack or cannot be written. */
export async function startEmbeddedStack(options: EmbeddedStackOptions): Promise<EmbeddedStack> {
  const { config, storeFolder, logger } = options
  const undo = new UndoList()
  try {
    const redactor = await openRedactor(config, options.keyFile)
    const engine = await startedEngine(
      () =>
        startEngine({ storeDir: storeFolder, logger: logger.child({ service: 'engine' }), port: config.store.port }),
      storeFolder,
      config.store.port,
    )
    undo.push(() => engine.stop())
    const store = openStore(engine)
    undo.push(() => store.close())
    await migrated(store, storeFolder)
    const stateFolder = join(storeFolder, 'state')
    await mkdir(stateFolder, { recursive: true, mode: 0o700 })
    const jobs = await EmbeddedJobs.open({ file: join(stateFolder, 'jobs.ndjson') })
    undo.push(() => jobs.close())
    const bus = new InProcessBus(config.bus)
    undo.push(() => bus.close())
    const enforcers = options.enforcers ?? []
    const parts: StackParts = { bus, store, jobs, redactor, config, logger, storeFolder, stateFolder, enforcers }
    const wasCutOff = await markRunning(stateFolder)
    const services = await startServices(parts, undo)
    if (wasCutOff) await redeliver(bus, store)
    return runningStack(parts, engine, services, undo)
  } catch (error) {
    // The reason is what counts; that a part of a half-started stack does not stop cleanly follows from it.
    await undo.run().catch((second: unknown) => logger.warn({ error: second }, 'a part did not stop cleanly'))
    throw error
  }
}

function runningStack(parts: StackParts, engine: Engine, services: StackServices, undo: UndoList): EmbeddedStack {
  const { bus, store, redactor } = parts
  const failed = Promise.race([engine.failed, ...services.all.map((service) => service.failed)])
  // Whoever waits for the stack hears of it; nobody waiting is no reason to end the process.
  failed.catch(() => undefined)
  const topics = Object.values(topicNames)
  const settle = async (): Promise<void> => {
    await bus.drained(topics)
    // The last decisions about templates are news to the detector.
    await services.catalog.flush()
    await bus.drained(topics)
  }
  const settled = (): Promise<void> => Promise.race([settle(), failed])
  return {
    bus,
    store,
    redactor,
    mitigator: services.mitigator,
    enforcers: services.enforcers,
    engine,
    ownPorts: [Number(new URL(engine.url).port), ...services.ports],
    failed,
    settled,
    counts: () => storeCounts(store),
    ignoredCounts: () => services.catalog.counters().ignoredCounts,
    stop: async ({ abandon = false } = {}) => {
      try {
        if (!abandon) await settled()
      } finally {
        await undo.run()
      }
      if (!abandon) await markEnded(parts.stateFolder)
    },
  }
}

async function storeCounts(store: HttpStore): Promise<StoreCounts> {
  const [row] = await store.query<Record<keyof StoreCounts, string>>(
    `SELECT (SELECT count() FROM ${tableNames.transactions}) AS transactions, (SELECT count() FROM v_endpoints) AS endpoints,
  (SELECT count() FROM v_findings) AS findings, (SELECT count() FROM v_decisions) AS decisions`,
  )
  return {
    transactions: Number(row?.transactions ?? 0),
    endpoints: Number(row?.endpoints ?? 0),
    findings: Number(row?.findings ?? 0),
    decisions: Number(row?.decisions ?? 0),
  }
}
