/** When people come: benign users as a Poisson process, each partner as one endless sync. The same for history and live. */

import type { Random } from '../random.js'
import { benignVisit, groupAddress, partnerVisit, type User, type Visit } from './population.js'
import type { Partner } from './shop.js'

/** Mean time between two benign visits. */
export const visitEveryMs = 450
/** Mean time between two requests of a partner's sync. */
export const partnerRequestEveryMs = 5_000
const partnerRequestsMaxCount = 1_000_000

export interface Arrivals {
  readonly random: Random
  readonly users: readonly User[]
  readonly partners: readonly Partner[]
  /** Partners whose sync has begun. */
  startedPartnerCount: number
}

export function makeArrivals(random: Random, users: readonly User[], partners: readonly Partner[]): Arrivals {
  return { random, users, partners, startedPartnerCount: 0 }
}

/** The next visit after `afterUs`; first of all every partner begins. */
export function nextArrival(arrivals: Arrivals, afterUs: number): { readonly atUs: number; readonly visit: Visit } {
  const { random } = arrivals
  const partner = arrivals.partners[arrivals.startedPartnerCount]
  if (partner !== undefined) {
    const address = partnerAddress(arrivals.startedPartnerCount++)
    const visit = partnerVisit(
      random.fork(partner.name),
      partner,
      address,
      partnerRequestEveryMs,
      partnerRequestsMaxCount,
    )
    return { atUs: afterUs, visit }
  }
  const atUs = Math.round(afterUs + random.exponential(visitEveryMs) * 1_000)
  return { atUs, visit: benignVisit(random.fork(String(atUs)), random.pick(arrivals.users)) }
}

export function partnerAddress(partnerIndex: number): string {
  return groupAddress(40, partnerIndex)
}
