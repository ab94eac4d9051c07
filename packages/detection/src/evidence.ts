/** What a finding rests on, collected as it comes: transaction ids, the period, and what the sensor could not see meanwhile. */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'

export const transactionIdsMaxCount = 50

export interface Sighting {
  readonly id: string
  readonly atUs: number
}

export function idsInTimeOrder(sightings: readonly Sighting[]): string[] {
  return [...sightings].sort((a, b) => a.atUs - b.atUs || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
}

/**
 * The ids kept are the first ones, where the change shows; a reader finds the rest by actor and period. `reset` starts a new
 * period, as when a test statistic returns to zero.
 */
export class Evidence {
  #sightings: Sighting[] = []
  firstUs = Number.POSITIVE_INFINITY
  lastUs = 0
  /** Transactions, each counted for as many as it stands for. */
  weightedCount = 0
  observedCount = 0
  /** Of them those that speak for the finding. */
  speakingCount = 0
  #missedBytes = 0
  #unansweredCount = 0
  #truncatedCount = 0
  #spoofableCount = 0

  /** `speaks`: it is shown as evidence. What does not speak (a success among failures) still says what the sensor saw, and when. */
  add(transaction: HttpTransaction, speaks = true): void {
    const atUs = transaction.observedAtUs
    if (atUs < this.firstUs) this.firstUs = atUs
    if (atUs > this.lastUs) this.lastUs = atUs
    this.weightedCount += transaction.weight
    this.observedCount++
    this.#missedBytes += transaction.missedBytes
    if (transaction.status === undefined) this.#unansweredCount++
    if (transaction.truncated) this.#truncatedCount++
    if (transaction.clientAddressSpoofable) this.#spoofableCount++
    if (!speaks) return
    this.speakingCount++
    if (this.#sightings.length < transactionIdsMaxCount) this.#sightings.push({ id: transaction.id, atUs })
  }

  /** Of the first that speak, at most `transactionIdsMaxCount`. */
  sightings(): readonly Sighting[] {
    return [...this.#sightings]
  }

  /** In time order. */
  transactionIds(): string[] {
    return idsInTimeOrder(this.#sightings)
  }

  /** Only what hid something. */
  blindness(): Record<string, number> {
    const blindness: Record<string, number> = {}
    if (this.#missedBytes > 0) blindness['missedBytes'] = this.#missedBytes
    if (this.#unansweredCount > 0) blindness['unansweredRequests'] = this.#unansweredCount
    if (this.#truncatedCount > 0) blindness['truncatedTransactions'] = this.#truncatedCount
    if (this.#spoofableCount > 0) blindness['spoofableAddresses'] = this.#spoofableCount
    const sampledAway = Math.round(this.weightedCount - this.observedCount)
    if (sampledAway > 0) blindness['sampledAwayTransactions'] = sampledAway
    return blindness
  }

  reset(): void {
    if (this.observedCount === 0) return
    this.#sightings = []
    this.firstUs = Number.POSITIVE_INFINITY
    this.lastUs = 0
    this.weightedCount = 0
    this.observedCount = 0
    this.speakingCount = 0
    this.#missedBytes = 0
    this.#unansweredCount = 0
    this.#truncatedCount = 0
    this.#spoofableCount = 0
  }
}
