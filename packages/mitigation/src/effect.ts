/**
 * Effect: what the mirror shows of a decision in force. Each transaction in its scope is evidence, and a sequential test says when
 * there is enough of it.
 *
 *   refused  answered by an edge of ours under this decision (`edgeDecisionId`)
 *   passed   answered otherwise; within the grace for requests that were on their way it is counted, and no evidence
 *   (neither) unanswered, refused under another decision, or older than the decision: no evidence
 *
 * A bare 403 or 429 is not a refusal: an origin that answers everybody with 403 would make a decision look effective that no edge ever
 * took; it is counted apart. An actor that went silent proves nothing either: the decision stays unproven.
 *
 * The test: log-likelihood ratio of "in force" (passes 2 %) against "not in force" (passes 90 %), between two bounds at 1e-5 error
 * each (A. Wald, 1945), held at the bounds so that a later change shows: six refusals prove, four passes disprove.
 */

import type { Decision, DecisionEffect } from '@tapwarden/contracts/decision'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { inScope } from './scope.js'

export interface EffectLimits {
  /** Requests that began so soon after the decision came into force may have been on their way. */
  readonly graceUs: number
  /** So many refused requests of actors with a good history, and this share of all refused, are collateral. */
  readonly collateralMinCount: number
  readonly collateralMinShare: number
}

export const defaultEffectLimits: EffectLimits = { graceUs: 2_000_000, collateralMinCount: 5, collateralMinShare: 0.2 }

export interface EffectState {
  /** Capture time from which the decision was in force. */
  readonly inForceUs: number
  readonly refusedCount: number
  /** Answered by the origin since the decision was in force, those within the grace included. */
  readonly passedCount: number
  readonly passedInGraceCount: number
  /** Answers that look like ours and do not say so. */
  readonly lookalikeCount: number
  /** Refused requests whose session, account or key had a good history. */
  readonly collateralCount: number
  readonly firstRefusedUs?: number
  /** Between the two bounds; positive speaks for "in force". */
  readonly statistic: number
  /** The campaign went on with other actors while these were held back. */
  readonly evadedSinceUs?: number
}

const passWhenInForce = 0.02
const passWhenNot = 0.9
const bound = Math.log(1 / 1e-5)
const refusedStep = Math.log((1 - passWhenInForce) / (1 - passWhenNot))
const passedStep = Math.log(passWhenInForce / passWhenNot)

export function beginEffect(inForceUs: number, decision: Decision): EffectState {
  const { refusedCount, passedCount, passedInGraceCount = 0, firstRefusedUs } = decision
  const state: EffectState = {
    inForceUs,
    refusedCount,
    passedCount,
    passedInGraceCount,
    lookalikeCount: 0,
    collateralCount: 0,
    statistic: 0,
  }
  return firstRefusedUs === undefined ? state : { ...state, firstRefusedUs }
}

/** The state after one transaction; the same object when it changes nothing. `good`: its session, account or key had a good history. */
export function observeEffect(
  state: EffectState,
  decision: Decision,
  transaction: HttpTransaction,
  good: boolean,
  limits: EffectLimits = defaultEffectLimits,
): EffectState {
  const { observedAtUs, edgeDecisionId, status } = transaction
  if (!inScope(decision, transaction)) return state
  if (edgeDecisionId === decision.id) {
    return {
      ...state,
      refusedCount: state.refusedCount + 1,
      collateralCount: state.collateralCount + Number(good),
      firstRefusedUs: Math.min(state.firstRefusedUs ?? observedAtUs, observedAtUs),
      statistic: Math.min(bound, state.statistic + refusedStep),
    }
  }
  const endUs = decision.untilMs * 1_000
  const outside = observedAtUs < state.inForceUs || observedAtUs >= endUs
  if (status === undefined || edgeDecisionId !== undefined || outside) return state
  if (status === refusalStatus(decision)) return { ...state, lookalikeCount: state.lookalikeCount + 1 }
  const passedCount = state.passedCount + 1
  if (observedAtUs < state.inForceUs + limits.graceUs) {
    return { ...state, passedCount, passedInGraceCount: state.passedInGraceCount + 1 }
  }
  return { ...state, passedCount, statistic: Math.max(-bound, state.statistic + passedStep) }
}

/** The campaign's finding named new actors whose requests began after this decision was in force. */
export function observeEvasion(state: EffectState, sinceUs: number): EffectState {
  return state.evadedSinceUs === undefined && sinceUs >= state.inForceUs ? { ...state, evadedSinceUs: sinceUs } : state
}

/** What is known by now. Harm to bystanders outweighs everything; then whether it works; then whether the attack went round it. */
export function effectOf(state: EffectState, limits: EffectLimits = defaultEffectLimits): DecisionEffect {
  const isCollateral =
    state.collateralCount >= limits.collateralMinCount &&
    state.collateralCount >= limits.collateralMinShare * state.refusedCount
  if (isCollateral) return 'collateral'
  if (state.statistic <= -bound) return 'ineffective'
  if (state.evadedSinceUs !== undefined) return 'evaded'
  return state.statistic >= bound ? 'effective' : 'unproven'
}

/** Status of an edge's own answer. */
export function refusalStatus(decision: Pick<Decision, 'type'>): number {
  return decision.type === 'throttle' ? 429 : 403
}
