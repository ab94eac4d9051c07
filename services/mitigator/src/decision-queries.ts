/** What is stored of decisions: for commands, and for the mitigator after a restart. */

import { type Decision, type DecisionState, decisionTopic } from '@tapwarden/contracts/decision'
import { database, tableNames } from '@tapwarden/contracts/names'
import type { Store } from '@tapwarden/store/store'

export interface DecisionFilter {
  readonly states?: readonly DecisionState[]
  readonly findingId?: string
  /** Only those that ended after this, or have not ended. */
  readonly untilAfterMs?: number
  /** Default 100; the newest first. */
  readonly maxCount?: number
}

export interface AuditLine {
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly detail: string
}

/** The latest version of each, as JSON documents of the contract. */
const latest = `SELECT document, state, until, finding_id, created_at, id
FROM ${database}.${tableNames.decisions} FINAL ORDER BY version DESC LIMIT 1 BY id`

export async function listDecisions(store: Store, filter: DecisionFilter = {}): Promise<Decision[]> {
  const rows = await store.query<{ readonly document: string }>(
    `SELECT document FROM (${latest})
WHERE (empty({states:Array(String)}) OR has({states:Array(String)}, state))
  AND ({findingId:String} = '' OR finding_id = {findingId:String})
  AND until > fromUnixTimestamp64Milli({untilAfterMs:Int64})
ORDER BY created_at DESC, id LIMIT {maxCount:UInt32}`,
    {
      states: filter.states ?? [],
      findingId: filter.findingId ?? '',
      untilAfterMs: filter.untilAfterMs ?? 0,
      maxCount: filter.maxCount ?? 100,
    },
  )
  return rows.map((row) => decisionTopic.parse(JSON.parse(row.document)))
}

export async function findDecision(store: Store, id: string): Promise<Decision | undefined> {
  const rows = await store.query<{ readonly document: string }>(
    `SELECT document FROM ${database}.${tableNames.decisions} WHERE id = {id:String} ORDER BY version DESC LIMIT 1`,
    { id },
  )
  return rows[0] === undefined ? undefined : decisionTopic.parse(JSON.parse(rows[0].document))
}

/** What happened to a decision, in order. */
export function auditOf(store: Store, subjectId: string): Promise<AuditLine[]> {
  return store.query<AuditLine>(
    `SELECT toString(at) AS at, actor, action, detail FROM ${database}.${tableNames.auditLog}
WHERE subject_id = {subjectId:String} ORDER BY at LIMIT 1000`,
    { subjectId },
  )
}
