/** Decisions, effects and audit entries as rows: the one place that knows their columns (store, migration 0001). */

import type { Decision } from '@tapwarden/contracts/decision'

export interface AuditEntry {
  readonly atMs: number
  /** Who did it: a service, or a person's name. */
  readonly actor: string
  /** `noun.past-tense`. */
  readonly action: string
  readonly subjectKind: 'decision' | 'finding' | 'enforcer'
  readonly subjectId: string
  readonly detail: Readonly<Record<string, unknown>>
}

export interface EffectEntry {
  readonly decision: Decision
  /** Capture time up to which was measured. */
  readonly measuredAtUs: number
  readonly detail: Readonly<Record<string, number>>
}

export function decisionRow(decision: Decision): object {
  return {
    id: decision.id,
    version: decision.version,
    finding_id: decision.findingId,
    scope: decision.scope,
    value: decision.value,
    host: decision.where.host ?? '',
    method: decision.where.method ?? '',
    path_template: decision.where.pathTemplate ?? '',
    type: decision.type,
    simulated: decision.simulated,
    origin: decision.origin,
    reason: decision.reason,
    created_at: isoMs(decision.createdAtMs),
    until: isoMs(decision.untilMs),
    state: decision.state,
    effect: decision.effect,
    first_refused_at: decision.firstRefusedUs === undefined ? null : isoUs(decision.firstRefusedUs),
    refused_count: decision.refusedCount,
    passed_count: decision.passedCount,
    passed_in_grace_count: decision.passedInGraceCount ?? 0,
    document: JSON.stringify(decision),
  }
}

export function effectRow({ decision, measuredAtUs, detail }: EffectEntry): object {
  return {
    decision_id: decision.id,
    measured_at: isoUs(measuredAtUs),
    effect: decision.effect,
    refused_count: decision.refusedCount,
    passed_count: decision.passedCount,
    passed_in_grace_count: decision.passedInGraceCount ?? 0,
    first_refused_at: decision.firstRefusedUs === undefined ? null : isoUs(decision.firstRefusedUs),
    detail: JSON.stringify(detail),
  }
}

export function auditRow(entry: AuditEntry): object {
  return {
    at: isoMs(entry.atMs),
    actor: entry.actor,
    action: entry.action,
    subject_kind: entry.subjectKind,
    subject_id: entry.subjectId,
    detail: JSON.stringify(entry.detail),
  }
}

function isoMs(ms: number): string {
  return new Date(ms).toISOString()
}

function isoUs(us: number): string {
  const micros = String(us % 1_000).padStart(3, '0')
  return new Date(Math.floor(us / 1_000)).toISOString().replace('Z', `${micros}Z`)
}
