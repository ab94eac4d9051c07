/** The services of the embedded stack, started so that each subscribes before whoever publishes to it begins. */

import { join } from 'node:path'
import type { InProcessBus } from '@tapwarden/bus/in-process'
import { topicNames } from '@tapwarden/contracts/names'
import { TransactionLines } from '@tapwarden/contracts/transaction-lines'
import type { Enforcer } from '@tapwarden/enforcers/enforcer'
import { ForwardAuthEnforcer } from '@tapwarden/enforcers/forward-auth'
import type { JobQueue } from '@tapwarden/jobs/jobs'
import type { Redactor } from '@tapwarden/redaction/redact-transaction'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { startAlerter } from '@tapwarden/service-alerter/alerter-pipeline'
import { type CatalogService, startCatalog } from '@tapwarden/service-catalog/catalog-pipeline'
import { startDetector } from '@tapwarden/service-detector/detector-pipeline'
import { openEnforcers } from '@tapwarden/service-mitigator/config'
import { enforcerFault } from '@tapwarden/service-mitigator/enforcer-check'
import { type Mitigator, startMitigator } from '@tapwarden/service-mitigator/mitigator-pipeline'
import type { HttpStore } from '@tapwarden/store/http-store'
import type { TapwardenConfig } from './config.js'
import type { UndoList } from './undo-list.js'

/** What services need of the stack. */
export interface StackParts {
  readonly bus: InProcessBus
  readonly store: HttpStore
  readonly jobs: JobQueue
  readonly redactor: Redactor
  readonly config: TapwardenConfig
  readonly logger: Logger
  readonly storeFolder: string
  /** A folder for journals; exists. */
  readonly stateFolder: string
  /** Edges that the caller brings, beside those of the configuration; the caller closes them. */
  readonly enforcers: readonly Enforcer[]
}

export interface StackServices {
  readonly all: readonly RunningService[]
  readonly catalog: CatalogService
  readonly mitigator: Mitigator
  readonly enforcers: readonly EnforcerStatus[]
  /** Ports that services listen on. */
  readonly ports: readonly number[]
}

/** An enforcer when the stack started. */
export interface EnforcerStatus {
  readonly name: string
  /** Why it could not be used then; it is asked again for as long as a decision lasts. */
  readonly fault: string | undefined
}

/** Pushes what stops each of them on `undo`. */
export async function startServices(parts: StackParts, undo: UndoList): Promise<StackServices> {
  const { bus, store, jobs, config } = parts
  const common = (service: string) => ({ bus, store, logger: parts.logger.child({ service }) })
  const stopping = <Service extends RunningService>(service: Service): Service => {
    undo.push(() => service.stop())
    return service
  }

  const alerter = stopping(await startAlerter({ ...common('alerter'), jobs, config: alerterConfig(parts) }))
  const opened = await openEnforcers(config.mitigator, [parts.redactor.accessSubkey()])
  for (const enforcer of opened) undo.push(() => enforcer.close())
  const enforcers = [...opened, ...parts.enforcers]
  const statuses = await Promise.all(
    enforcers.map(async (enforcer) => ({ name: enforcer.name, fault: await enforcerFault(enforcer) })),
  )
  for (const { name, fault } of statuses) {
    const message = 'An enforcer cannot be used now: decisions are pushed to it when it can'
    if (fault !== undefined) parts.logger.warn({ enforcer: name, fault }, message)
  }
  const mitigator = stopping(
    await startMitigator({ ...common('mitigator'), jobs, enforcers, config: config.mitigator }),
  )
  // Detector and catalog read the same records.
  const transactionLines = new TransactionLines(2)
  const journalFolder = parts.stateFolder
  // Before the detector: what it rebuilds from the store is filed under the endpoints that the catalog has restored and written.
  const catalog = stopping(
    await startCatalog({ ...common('catalog'), config: config.catalog, journalFolder, transactionLines }),
  )
  const detector = stopping(await startDetector({ ...common('detector'), config: config.detector, transactionLines }))

  const ports = opened.flatMap((enforcer) => (enforcer instanceof ForwardAuthEnforcer ? [enforcer.port] : []))
  return { all: [alerter, mitigator, catalog, detector], catalog, mitigator, enforcers: statuses, ports }
}

function alerterConfig({ config, storeFolder }: StackParts): TapwardenConfig['alerter'] {
  const { alerter } = config
  if (alerter.file !== undefined || alerter.webhook !== undefined) return alerter
  return { ...alerter, file: join(storeFolder, 'alerts.ndjson') }
}

/** Records that some service set aside in this run. */
export function deadLetterCount(bus: InProcessBus): number {
  return bus.status(topicNames.deadLetters).publishedMessageCount
}
