/**
 * The embedded stack: every service in one process tree, on the in-process bus and the embedded engine.
 *
 *   start:  engine → store → jobs → alerter → mitigator → detector → catalog      consumers before whoever publishes to them
 *   run:    capture publishes; everything follows
 *   stop:   (capture has ended) → bus drained → catalog → detector → mitigator → alerter → bus → jobs → store → engine
 *
 * A service or the engine that cannot go on ends the stack: `failed` rejects, and what is not committed is done again by the next replay.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { topicNames } from '@tapwarden/contracts/names'
import type { Enforcer } from '@tapwarden/enforcers/enforcer'
import { EmbeddedJobs } from '@tapwarden/jobs/embedded'
import type { JobQueue } from '@tapwarden/jobs/jobs'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { type Engine, startEngine } from '@tapwarden/store/embedded/engine'
import { type HttpStore, openStore } from '@tapwarden/store/http-store'
import type { TapwardenConfig } from './config.js'
import { migrated, startedEngine } from './open-store.js'
import { serviceStarters } from './services.js'
import type { StoreCounts } from './traffic-summary.js'

export interface EmbeddedStackOptions {
  readonly config: TapwardenConfig
  readonly storeFolder: string
  readonly logger: Logger
  /** Edges beside those that the configuration names; the stack does not close them. */
  readonly enforcers?: readonly Enforcer[]
}

export interface EmbeddedStack {
  readonly bus: InProcessBus
  readonly store: HttpStore
  readonly jobs: JobQueue
  /** Where SQL tools find the engine. */
  readonly engine: Engine
  /** Ports that services of the stack listen on, beside the engine's. */
  readonly ownPorts: readonly number[]
  /** Rejects when a part cannot go on. Never resolves. */
  readonly failed: Promise<never>
  /** Everything published so far has had its effects. Rejects when the stack fails meanwhile. */
  drained(): Promise<void>
  counts(): Promise<StoreCounts>
  /** Call it once the sensor has ended. `abandon` skips waiting for what is under way: it is done again next time. */
  stop(options?: { readonly abandon?: boolean }): Promise<void>
}

/** What a service needs of the stack. */
export interface StackParts {
  readonly bus: InProcessBus
  readonly store: HttpStore
  readonly jobs: JobQueue
  readonly config: TapwardenConfig
  readonly logger: Logger
  /** A folder for journals of its own; exists. */
  readonly stateFolder: string
  readonly enforcers: readonly Enforcer[]
}

/** Throws `UserError` when the folder is held by another stack or cannot be written. */
export async function startEmbeddedStack(options: EmbeddedStackOptions): Promise<EmbeddedStack> {
  const { config, storeFolder, logger } = options
  const undo = new UndoList()
  try {
    const engine = await startedEngine(
      () => startEngine({ storeDir: storeFolder, logger: logger.child({ part: 'engine' }), port: config.store.port }),
      storeFolder,
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
    const parts: StackParts = { bus, store, jobs, config, logger, stateFolder, enforcers: options.enforcers ?? [] }
    const services: RunningService[] = []
    for (const start of serviceStarters) {
      const service = await start(parts)
      services.push(service)
      undo.push(() => service.stop())
    }
    return runningStack({ engine, bus, store, jobs, services, undo })
  } catch (error) {
    await undo.run()
    throw error
  }
}

function runningStack(parts: {
  readonly engine: Engine
  readonly bus: InProcessBus
  readonly store: HttpStore
  readonly jobs: JobQueue
  readonly services: readonly RunningService[]
  readonly undo: UndoList
}): EmbeddedStack {
  const { engine, bus, store, jobs, services, undo } = parts
  const failed = Promise.race([engine.failed, ...services.map((service) => service.failed)])
  // Whoever waits for the stack hears of it; nobody waiting is no reason to end the process.
  failed.catch(() => undefined)
  const drained = (): Promise<void> => Promise.race([bus.drained(Object.values(topicNames)), failed])
  return {
    bus,
    store,
    jobs,
    engine,
    ownPorts: [],
    failed,
    drained,
    counts: () => storeCounts(store),
    stop: async ({ abandon = false } = {}) => {
      try {
        if (!abandon) await drained()
      } finally {
        await undo.run()
      }
    },
  }
}

/** What was started, to be stopped in reverse. Every step runs, whatever the others do; the first error is thrown at the end. */
class UndoList {
  readonly #steps: (() => Promise<void>)[] = []

  push(step: () => Promise<void>): void {
    this.#steps.push(step)
  }

  async run(): Promise<void> {
    const errors: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}

async function storeCounts(store: HttpStore): Promise<StoreCounts> {
  const [row] = await store.query<Record<keyof StoreCounts, string>>(
    `SELECT (SELECT count() FROM http_transactions) AS transactions, (SELECT count() FROM v_endpoints) AS endpoints,
  (SELECT count() FROM v_findings) AS findings, (SELECT count() FROM v_decisions) AS decisions`,
  )
  return {
    transactions: Number(row?.transactions ?? 0),
    endpoints: Number(row?.endpoints ?? 0),
    findings: Number(row?.findings ?? 0),
    decisions: Number(row?.decisions ?? 0),
  }
}
