/**
 * Detector: code that turns transactions into findings. Pure: the same transactions in the same order give the same findings, ids
 * included, whenever and wherever they are replayed. Event time only; a step backward in time moves no clock.
 */

import type { Finding, findingEndpointSchema } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import type { z } from 'zod'

export type FindingEndpoint = z.infer<typeof findingEndpointSchema>

/** What a detector must have seen of a subject before it may judge it (DESIGN "Decided" 9). */
export interface DetectorMinima {
  readonly eventsMinCount: number
  readonly eventTimeMinUs: number
}

export interface Detector {
  readonly id: string
  /** Raised when the same transactions would give other findings. */
  readonly version: number
  readonly minima: DetectorMinima
  /** One transaction with the endpoint that it belongs to. Returns new findings and updates of open ones (same id, higher version). */
  observe(transaction: HttpTransaction, endpoint: FindingEndpoint): Finding[]
  /** The catalog has merged endpoints (old id → new id): what was learned of the old ones is of the new one. */
  redirectEndpoints(redirects: ReadonlyMap<string, string>): void
  /** Entries that bounded state had to let go, by name: to publish as metrics. */
  overflowCounts(): Readonly<Record<string, number>>
}

/** Where an id leads, over several decisions; the bound breaks a circle that no catalog should make. */
export function redirectedId(redirects: ReadonlyMap<string, string>, endpointId: string): string {
  let id = endpointId
  for (let hop = 0; hop < 8; hop++) {
    const next = redirects.get(id)
    if (next === undefined) break
    id = next
  }
  return id
}

/**
 * Answers that say nothing about the client: our own edge's refusals, or any rate limiter's. Fed back into a test, a refusal would
 * confirm the finding that it came from.
 */
export function isRefusal(transaction: Pick<HttpTransaction, 'edgeDecisionId' | 'status'>): boolean {
  return transaction.edgeDecisionId !== undefined || transaction.status === 429
}
