/** What the store says of the live part of a demo: refusals seen on the mirror by client group, effects by attack, findings, decisions. */

import type { EmbeddedStack } from 'tapwarden/embedded-stack'
import type { StoreRecord } from './verdict.js'

type StoreOf = EmbeddedStack['store']

export interface FoundAttack {
  readonly id: string
  readonly threat: string
  readonly title: string
  readonly summary: string
}

export interface DecisionCounts {
  readonly decisions: number
  readonly inForce: number
  readonly refused: number
  readonly passed: number
  readonly effective: number
}

/** OWASP Automated Threats of the demo's two attacks. */
const threats = { stuffing: 'OAT-008', scraping: 'OAT-011' } as const
export type Attack = keyof typeof threats

export async function readStoreRecord(store: StoreOf, sinceUs: number): Promise<StoreRecord> {
  const refused = await store.query<{ group: string; requests: string }>(
    `SELECT arrayStringConcat(arraySlice(splitByChar('.', replaceOne(toString(client_address), '::ffff:', '')), 1, 2), '.') AS group,
  count() AS requests
FROM tapwarden.v_transactions
WHERE edge_decision_id != '' AND observed_at >= fromUnixTimestamp64Micro({since:Int64})
GROUP BY group`,
    { since: String(sinceUs) },
  )
  return {
    refusedByGroup: Object.fromEntries(refused.map(({ group, requests }) => [group, Number(requests)])),
    effects: { stuffing: await effects(store, 'stuffing'), scraping: await effects(store, 'scraping') },
  }
}

async function effects(store: StoreOf, attack: Attack): Promise<Record<string, number>> {
  const rows = await store.query<{ effect: string; decisions: string }>(
    `SELECT effect, count() AS decisions FROM tapwarden.v_decisions
WHERE NOT simulated AND finding_id IN (SELECT id FROM tapwarden.v_findings WHERE threat = {threat:String})
GROUP BY effect`,
    { threat: threats[attack] },
  )
  return Object.fromEntries(rows.map(({ effect, decisions }) => [effect, Number(decisions)]))
}

/** The findings of an attack since `sinceUs`, in the order in which they were made. */
export async function foundAttacks(store: StoreOf, attack: Attack, sinceUs: number): Promise<FoundAttack[]> {
  return store.query<FoundAttack>(
    `SELECT id, threat, title, summary FROM tapwarden.v_findings
WHERE threat = {threat:String} AND detected_at >= fromUnixTimestamp64Micro({since:Int64}) ORDER BY detected_at, id`,
    { threat: threats[attack], since: String(sinceUs) },
  )
}

export async function decisionCounts(store: StoreOf, attack: Attack): Promise<DecisionCounts> {
  const [row] = await store.query<Record<keyof DecisionCounts, string>>(
    `SELECT count() AS decisions, countIf(state = 'in-force') AS inForce, sum(refused_count) AS refused, sum(passed_count) AS passed,
  countIf(effect = 'effective') AS effective
FROM tapwarden.v_decisions
WHERE NOT simulated AND finding_id IN (SELECT id FROM tapwarden.v_findings WHERE threat = {threat:String})`,
    { threat: threats[attack] },
  )
  return {
    decisions: Number(row?.decisions ?? 0),
    inForce: Number(row?.inForce ?? 0),
    refused: Number(row?.refused ?? 0),
    passed: Number(row?.passed ?? 0),
    effective: Number(row?.effective ?? 0),
  }
}

export async function catalogOf(
  store: StoreOf,
): Promise<{ method: string; path_template: string; requests: string }[]> {
  return store.query(
    `SELECT method, path_template, transaction_count AS requests FROM tapwarden.v_endpoints
ORDER BY provisional, transaction_count DESC, path_template LIMIT 12`,
  )
}
