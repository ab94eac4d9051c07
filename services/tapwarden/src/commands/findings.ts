/** `findings`: what detectors concluded. */

import type { ListFlags } from '../command.js'
import type { CommonFlags } from '../common-flags.js'
import { pastable } from '../hints.js'
import { askStore } from '../open-store.js'
import { type Output, printList } from '../output.js'

export interface FindingRow {
  readonly id: string
  readonly severity: string
  readonly confidence: number
  readonly threat: string
  readonly title: string
  readonly state: string
  readonly host: string
  readonly method: string
  readonly path_template: string
  readonly detected_at: string
}

export async function findings(flags: CommonFlags & ListFlags, output: Output): Promise<void> {
  await askStore(flags, output, async (store) => {
    const rows = await store.query<FindingRow>(
      `SELECT id, severity, confidence, threat, title, summary, state, host, method, path_template, toString(detected_at) AS detected_at
FROM v_findings ORDER BY v_findings.detected_at DESC, id LIMIT {limit:UInt32}`,
      { limit: flags.limit },
    )
    printList(output, {
      rows,
      json: flags.json === true,
      whenEmpty: `no findings: nothing has looked like an attack so far; what was learned: ${pastable(flags, 'endpoints')}`,
      columns: [
        { head: 'ID', cell: (row) => row.id },
        { head: 'SEVERITY', cell: (row) => row.severity },
        { head: 'SURE', cell: (row) => `${Math.round(row.confidence * 100)} %`, align: 'right' },
        { head: 'THREAT', cell: (row) => row.threat },
        { head: 'TITLE', cell: (row) => row.title, maxCharacters: 60 },
        { head: 'STATE', cell: (row) => row.state },
        { head: 'DETECTED (UTC)', cell: (row) => row.detected_at.slice(0, 19) },
      ],
    })
    const [first] = rows
    if (first !== undefined && flags.json !== true)
      output.note(`the evidence of one: ${pastable(flags, `finding ${first.id}`)}`)
  })
}
