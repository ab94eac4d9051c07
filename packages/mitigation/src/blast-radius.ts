/**
 * Blast radius: how many actors with a good history the decisions of one finding may hit. A decision that hits none always stands;
 * those that hit one stand in order, the busiest first, until the limit is used up, and the rest are withheld and said so.
 */

import type { Decision } from '@tapwarden/contracts/decision'
import type { Finding } from '@tapwarden/contracts/finding'
import type { BlastRadiusLimits } from './policy.js'

export interface BlastRadiusInput {
  readonly decisions: readonly Decision[]
  readonly subjectKind: Finding['subject']['kind']
  /** Had the actor of this decision a good history before the finding began? */
  readonly hitsGood: (decision: Decision) => boolean
  /** Actors with a good history, of the kind that the decisions name. */
  readonly goodActorsCount: number
  readonly limits: BlastRadiusLimits
}

export interface BlastRadius {
  readonly kept: readonly Decision[]
  readonly withheld: readonly Decision[]
  /** How many good actors were allowed to be hit. */
  readonly allowedCount: number
}

export function limitBlastRadius(input: BlastRadiusInput): BlastRadius {
  const { limits } = input
  const floorCount = input.subjectKind === 'actor' ? limits.actorFloorCount : limits.campaignFloorCount
  const allowedCount = Math.max(floorCount, Math.floor(limits.maxShare * input.goodActorsCount))
  const kept: Decision[] = []
  const withheld: Decision[] = []
  let hitCount = 0
  for (const decision of input.decisions) {
    if (!input.hitsGood(decision)) kept.push(decision)
    else if (hitCount < allowedCount) {
      hitCount++
      kept.push(decision)
    } else withheld.push(decision)
  }
  return { kept, withheld, allowedCount }
}
