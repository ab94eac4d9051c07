/**
 * Finding + policy → decisions. Pure: the same finding, policy, mode, time and open decisions give the same decisions.
 *
 * Time: a decision ends `ttl` after the last *event* that it rests on. One whose end is past, or whose events lie ahead of the
 * clock, is recorded as expired and never pushed: replaying old traffic must not enforce anything.
 * At most one open decision stands against a target (actor and place), so that an edge needs one entry for it.
 */

import { createHash } from 'node:crypto'
import { microsPerMilli } from '@tapwarden/base/units'
import type { Decision } from '@tapwarden/contracts/decision'
import { placeKey } from '@tapwarden/contracts/decision-place'
import type { Actor, Finding } from '@tapwarden/contracts/finding'
import { addressHolds, canonicalAddress } from './address.js'
import { isOpen } from './life-cycle.js'
import { type AllowlistEntry, type Measure, measureFor, type Policy } from './policy.js'

export const modes = ['simulate', 'enforce'] as const
export type Mode = (typeof modes)[number]

/** How far events may lie ahead of the wall clock before we take them for a replay with shifted time. */
const clockAheadMaxMs = 60_000
/** A decision that stands is prolonged by this share of its time to live at least: findings are updated each second, edges need not be. */
const prolongMinShare = 0.1

export interface DecideInput {
  readonly finding: Finding
  readonly policy: Policy
  readonly mode: Mode
  /** Wall clock. */
  readonly nowMs: number
  /** The decision with this id, whatever its state. */
  readonly byId: (id: string) => Decision | undefined
  /** The decision last made against this target (`targetKey`), by whichever finding. */
  readonly byTarget: (target: string) => Decision | undefined
}

export interface Skipped {
  readonly actor: Actor
  readonly why: 'allowlisted' | 'covered' | 'withdrawn' | 'not-an-address' | 'over-limit'
}

export interface DecideOutcome {
  /** New decisions (version 1), and earlier ones prolonged or renewed (a version up). */
  readonly decisions: readonly Decision[]
  readonly skipped: readonly Skipped[]
}

export function decide(input: DecideInput): DecideOutcome {
  const { finding, policy, nowMs } = input
  const measure = measureFor(policy, finding)
  const place = measure && placeOf(finding, measure)
  if (measure === undefined || place === undefined || finding.state === 'closed') return { decisions: [], skipped: [] }

  const lastSeenMs = Math.floor(finding.lastSeenUs / microsPerMilli)
  const untilMs = lastSeenMs + measure.ttlMs
  const tooLate = untilMs <= nowMs || lastSeenMs > nowMs + clockAheadMaxMs
  const decisions: Decision[] = []
  const skipped: Skipped[] = []
  const targets = new Set<string>()
  for (const actor of finding.subject.actors) {
    if (!measure.scopes.includes(actor.kind)) continue
    const value = actor.kind === 'address' ? canonicalAddress(actor.value) : actor.value
    if (value === undefined) {
      skipped.push({ actor, why: 'not-an-address' })
      continue
    }
    const target = targetKey({ scope: actor.kind, value, where: place })
    if (targets.has(target)) continue
    targets.add(target)
    if (policy.allowlist.some((entry) => allowlists(entry, { kind: actor.kind, value }))) {
      skipped.push({ actor, why: 'allowlisted' })
    } else if (decisions.length >= measure.actorsMaxCount) {
      skipped.push({ actor, why: 'over-limit' })
    } else {
      const fresh = freshDecision(input, measure, { kind: actor.kind, value }, place, untilMs, tooLate)
      const prolongMinMs = measure.ttlMs * prolongMinShare
      const result = reconcileWithEarlier(fresh, input.byId(fresh.id), input.byTarget(target), prolongMinMs)
      if ('why' in result) skipped.push({ actor, why: result.why })
      else decisions.push(result)
    }
  }
  return { decisions, skipped }
}

/** What an edge keys its entry by: one open decision for each. */
export function targetKey(decision: Pick<Decision, 'scope' | 'value' | 'where'>): string {
  return `${decision.scope} ${decision.value} ${placeKey(decision.where)}`
}

export function decisionId(findingId: string, target: string): string {
  return `d-${createHash('sha256').update(`${findingId} ${target}`).digest('hex').slice(0, 16)}`
}

function placeOf(finding: Finding, measure: Measure): Decision['where'] | undefined {
  if (measure.place === 'anywhere') return {}
  const endpoint = finding.subject.endpoint
  if (endpoint === undefined) return undefined
  if (measure.place === 'host') return { host: endpoint.host }
  return { host: endpoint.host, method: endpoint.method, pathTemplate: endpoint.pathTemplate }
}

function freshDecision(
  input: DecideInput,
  measure: Measure,
  actor: Actor,
  where: Decision['where'],
  untilMs: number,
  tooLate: boolean,
): Decision {
  const { finding, policy, mode, nowMs } = input
  return {
    id: decisionId(finding.id, targetKey({ scope: actor.kind, value: actor.value, where })),
    version: 1,
    findingId: finding.id,
    scope: actor.kind,
    value: actor.value,
    where,
    type: measure.type,
    simulated: mode === 'simulate',
    origin: `policy:${policy.name}`,
    reason: tooLate ? `${reasonOf(finding)} (its time had passed when it was decided)` : reasonOf(finding),
    createdAtMs: nowMs,
    untilMs,
    state: tooLate ? 'expired' : mode === 'simulate' ? 'proposed' : 'approved',
    enforcers: {},
    effect: 'unproven',
    refusedCount: 0,
    passedCount: 0,
  }
}

function reasonOf(finding: Finding): string {
  return `${finding.threat} ${finding.title}: ${finding.summary}`
}

/** A target has one open decision: prolong the one that stands, renew this finding's own one that ended, else take the fresh one. */
function reconcileWithEarlier(
  fresh: Decision,
  own: Decision | undefined,
  standing: Decision | undefined,
  prolongMinMs: number,
): Decision | { readonly why: Skipped['why'] } {
  if (own?.state === 'withdrawn') return { why: 'withdrawn' }
  const open =
    standing !== undefined && isOpen(standing) && standing.simulated === fresh.simulated ? standing : undefined
  if (open !== undefined) {
    if (fresh.state === 'expired' || fresh.untilMs < open.untilMs + prolongMinMs) return { why: 'covered' }
    return { ...open, untilMs: fresh.untilMs, version: open.version + 1 }
  }
  if (own === undefined) return fresh
  if (fresh.state === 'expired' || own.untilMs >= fresh.untilMs) return { why: 'covered' }
  // The attack outlived the decision: the same evidence, a later end. Counts and effect go on from where they were.
  return {
    ...own,
    untilMs: fresh.untilMs,
    simulated: fresh.simulated,
    state: fresh.state,
    enforcers: {},
    version: own.version + 1,
  }
}

function allowlists(entry: AllowlistEntry, actor: Actor): boolean {
  if (entry.scope !== actor.kind) return false
  return entry.scope === 'address' ? addressHolds(entry.value, actor.value) : entry.value === actor.value
}
