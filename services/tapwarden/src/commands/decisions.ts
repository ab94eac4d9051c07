/** `decisions`: what was decided against whom, where each stands, and what the mirror shows of its effect. */

import type { ListFlags } from '../command.js'
import type { CommonFlags } from '../common-flags.js'
import { pastable } from '../hints.js'
import { askStore } from '../open-store.js'
import { type Column, count, type Output, printList } from '../output.js'

export interface DecisionRow {
  readonly id: string
  readonly finding_id: string
  readonly scope: string
  readonly value: string
  readonly type: string
  readonly simulated: boolean
  readonly state: string
  readonly effect: string
  readonly refused_count: string
  readonly passed_count: string
  readonly passed_in_grace_count: string
  readonly reason: string
  readonly until: string
}

export const decisionColumnsSql = `id, finding_id, scope, value, host, method, path_template, type, simulated, state, effect,
  refused_count, passed_count, passed_in_grace_count, reason, toString(created_at) AS created_at, toString(until) AS until`

export const decisionColumns: readonly Column<DecisionRow>[] = [
  { head: 'ID', cell: (row) => row.id },
  { head: 'AGAINST', cell: (row) => `${row.scope} ${row.value}`, maxCharacters: 48 },
  { head: 'REMEDIATION', cell: (row) => (row.simulated ? `${row.type} (simulated)` : row.type) },
  { head: 'STATE', cell: (row) => row.state },
  { head: 'EFFECT', cell: (row) => row.effect },
  { head: 'REFUSED', cell: (row) => count(row.refused_count), align: 'right' },
  { head: 'PASSED', cell: (row) => count(row.passed_count), align: 'right' },
  { head: 'IN GRACE', cell: (row) => count(row.passed_in_grace_count), align: 'right' },
  { head: 'UNTIL (UTC)', cell: (row) => row.until.slice(0, 19) },
]

export async function decisions(flags: CommonFlags & ListFlags, output: Output): Promise<void> {
  await askStore(flags, output, async (store) => {
    const rows = await store.query<DecisionRow>(
      `SELECT ${decisionColumnsSql} FROM v_decisions ORDER BY v_decisions.created_at DESC, id LIMIT {limit:UInt32}`,
      { limit: flags.limit },
    )
    printList(output, {
      rows,
      json: flags.json === true,
      whenEmpty: `no decisions: they follow from findings: ${pastable(flags, 'findings')}`,
      columns: decisionColumns,
    })
  })
}
