/** `finding ID`: one finding, the numbers it rests on, what could not be seen, the transactions, and what was decided. */

import type { Finding } from '@tapwarden/contracts/finding'
import { UserError } from '@tapwarden/runtime/user-error'
import type { HttpStore } from '@tapwarden/store/http-store'
import type { CommonFlags } from '../common-flags.js'
import { pastable } from '../hints.js'
import { askStore } from '../open-store.js'
import { count, counted, harmless, type Output, properties, table } from '../output.js'
import { type DecisionRow, decisionColumns, decisionColumnsSql } from './decisions.js'

/** For a person; JSON has all of them. */
const decisionsShownCount = 20

interface TransactionRow {
  readonly id: string
  readonly observed: string
  readonly client: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly status: number | null
}

export async function finding(
  id: string,
  flags: CommonFlags & { readonly json?: boolean },
  output: Output,
): Promise<void> {
  await askStore(flags, output, async (store) => {
    const found = await findOne(store, id, flags)
    const transactions = await evidenceTransactions(store, found)
    // A finding has a decision for each actor that it names, so what is read here is bounded.
    const decisions = await store.query<DecisionRow>(
      `SELECT ${decisionColumnsSql} FROM v_decisions WHERE finding_id = {id:String} ORDER BY id`,
      { id: found.id },
    )
    if (flags.json === true) output.out(JSON.stringify({ ...found, transactions, decisions }))
    else print(output, found, transactions, decisions)
  })
}

async function findOne(store: HttpStore, id: string, flags: CommonFlags): Promise<Finding> {
  const rows = await store.query<{ readonly document: string }>(
    'SELECT document FROM v_findings WHERE startsWith(id, {id:String}) LIMIT 2',
    { id },
  )
  const [row] = rows
  if (row === undefined)
    throw new UserError('noInput', `no finding ${harmless(id)}; what there is: ${pastable(flags, 'findings')}`)
  if (rows.length > 1) throw new UserError('usage', `several findings begin with ${harmless(id)}: give more of the id`)
  return JSON.parse(row.document) as Finding
}

function evidenceTransactions(store: HttpStore, found: Finding): Promise<TransactionRow[]> {
  return store.query<TransactionRow>(
    `SELECT id, toString(observed_at) AS observed, replaceRegexpOne(toString(client_address), '^::ffff:', '') AS client, method, host, path, status
FROM v_transactions WHERE id IN {ids:Array(String)}
  AND observed_at BETWEEN fromUnixTimestamp64Micro({from:Int64}) AND fromUnixTimestamp64Micro({to:Int64})
ORDER BY observed_at LIMIT 1 BY id LIMIT 50`,
    { ids: found.evidence.transactionIds, from: found.firstSeenUs, to: found.lastSeenUs },
  )
}

function print(output: Output, found: Finding, transactions: TransactionRow[], decisions: DecisionRow[]): void {
  output.out(`${harmless(found.title)}\n${harmless(found.summary)}\n`)
  const { endpoint, actors } = found.subject
  output.out(
    properties(output, [
      ['id', `${found.id} (version ${found.version}, ${found.state})`],
      ['threat', found.threat],
      ['detector', `${found.detector.id}, version ${found.detector.version}`],
      ['severity', `${found.severity}, ${Math.round(found.confidence * 100)} % sure`],
      ['seen', `${utc(found.firstSeenUs)} to ${utc(found.lastSeenUs)}`],
      ['detected', utc(found.detectedAtUs)],
      ['subject', `${found.subject.kind}: ${counted(actors.length, 'actor')}`],
      ...(endpoint === undefined
        ? []
        : [['endpoint', `${endpoint.method} ${endpoint.host}${endpoint.pathTemplate}`] as const]),
      [
        'actors',
        actors
          .slice(0, 5)
          .map((actor) => `${actor.kind} ${actor.value}`)
          .join(', ') + (actors.length > 5 ? ' …' : ''),
      ],
      ['counts', numbers(found.evidence.counts)],
      ['baseline', numbers(found.evidence.baseline)],
      ['observed', numbers(found.evidence.observed)],
      ['statistic', `${round(found.evidence.statistic)} (threshold ${round(found.evidence.threshold)})`],
      ['not visible', numbers(found.blindness) || 'nothing was hidden'],
    ]),
  )
  if (transactions.length > 0) {
    const total = found.evidence.transactionCount ?? 0
    const of = total > transactions.length ? `${count(transactions.length)} of ` : ''
    output.out(`\nEvidence: ${of}${counted(Math.max(total, transactions.length), 'transaction')}`)
    output.out(
      table(output, transactions, [
        { head: 'OBSERVED (UTC)', cell: (row) => row.observed },
        { head: 'CLIENT', cell: (row) => row.client },
        { head: 'STATUS', cell: (row) => row.status ?? '', align: 'right' },
        { head: 'REQUEST', cell: (row) => `${row.method} ${row.host}${row.path}` },
        { head: 'TRANSACTION', cell: (row) => row.id },
      ]),
    )
  }
  if (decisions.length === 0) return
  output.out(`\nDecisions\n${table(output, decisions.slice(0, decisionsShownCount), decisionColumns)}`)
  const more = decisions.length - decisionsShownCount
  if (more > 0) output.out(`and ${count(more)} more: --json has all`)
}

function numbers(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${round(value)}`)
    .join(', ')
}

function round(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 6 })
}

function utc(us: number): string {
  return new Date(us / 1000).toISOString().replace('T', ' ').slice(0, 23)
}
