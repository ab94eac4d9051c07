/**
 * The life of a decision. What is not in the table is our bug, and an assertion.
 *
 *   proposed ─► approved ─► pushed ─► in-force ─► expired
 *       │          │          │          │           │
 *       └──────────┴──────────┴──────────┴─► withdrawn (a person; final)
 *                             └─► failed  (no enforcer took it)
 *   failed, expired ─► approved: the same evidence renewed (a later finding version), with a later end
 */

import { assert } from '@tapwarden/base/assert'
import type { Decision, DecisionState } from '@tapwarden/contracts/decision'

const nextStates: Readonly<Record<DecisionState, readonly DecisionState[]>> = {
  proposed: ['approved', 'expired', 'withdrawn'],
  approved: ['pushed', 'failed', 'expired', 'withdrawn'],
  pushed: ['in-force', 'failed', 'expired', 'withdrawn'],
  'in-force': ['failed', 'expired', 'withdrawn'],
  expired: ['approved'],
  failed: ['approved', 'pushed', 'expired', 'withdrawn'],
  withdrawn: [],
}

export function canBecome(from: DecisionState, to: DecisionState): boolean {
  return nextStates[from].includes(to)
}

/** The decision in its next state, one version up. Asserts that the step is legal and that nothing simulated is pushed. */
export function become(decision: Decision, to: DecisionState): Decision {
  assert(canBecome(decision.state, to), `a decision that is ${decision.state} does not become ${to}`)
  assert(!decision.simulated || (to !== 'pushed' && to !== 'in-force'), 'a simulated decision is never pushed')
  return { ...decision, state: to, version: decision.version + 1 }
}

/** Somebody may still enforce it, or will. */
export function isActive(decision: Decision): boolean {
  return decision.state === 'approved' || decision.state === 'pushed' || decision.state === 'in-force'
}

/** It can stand for another decision against the same target: it is active, or would be if it were not simulated. */
export function isOpen(decision: Decision): boolean {
  return isActive(decision) || (decision.simulated && decision.state === 'proposed')
}
