/** What a run over traffic came to: for a person in a few lines, for a script as one object. Pure. */

import type { TlsSummary } from '@tapwarden/service-capture/tls-summary'
import type { CommonFlags } from './common-flags.js'
import { pastable } from './hints.js'
import { count, counted, harmless, type Output, properties } from './output.js'

/** What the store holds; the difference of two of these is what a run added. */
export interface StoreCounts {
  readonly transactions: number
  readonly endpoints: number
  readonly findings: number
  readonly decisions: number
}

/** What the sensor says of a run. */
export interface SensorCounts {
  readonly packets: number
  readonly transactions: number
}

export interface TrafficSummary {
  /** Capture files that were read, whole or in part. */
  readonly files: number
  readonly packets: number
  readonly transactions: { readonly seen: number; readonly new: number; readonly alreadyKnown: number }
  readonly endpoints: { readonly total: number; readonly new: number }
  readonly findings: { readonly total: number; readonly new: number }
  readonly decisions: { readonly total: number; readonly new: number }
  /** What could not be seen, in the sensor's words, without zeros. */
  readonly notVisible: Readonly<Record<string, number>>
  /** New transactions that count for no endpoint, by reason, without zeros. They are stored, and detectors see them. */
  readonly ofNoEndpoint: Readonly<Record<string, number>>
  /** Frames that came through tunnels, by tunnel. */
  readonly tunnels: Readonly<Record<string, number>>
  /** Absent where no TLS was seen. */
  readonly tls?: TlsSummary
  /** Records that were set aside because they broke their contract. */
  readonly deadLetters: number
  readonly seconds: number
  /** Files that could not be read to their end, and why. */
  readonly faults: readonly string[]
}

export function summarize(parts: {
  readonly files: number
  readonly sensor: SensorCounts
  readonly before: StoreCounts
  readonly after: StoreCounts
  readonly notVisible: Readonly<Record<string, number>>
  readonly ofNoEndpoint?: Readonly<Record<string, number>>
  readonly tunnels?: Readonly<Record<string, number>>
  readonly tls?: TlsSummary | undefined
  readonly deadLetters: number
  readonly seconds: number
  readonly faults: readonly string[]
}): TrafficSummary {
  const { before, after, sensor } = parts
  const added = (what: keyof StoreCounts) => ({ total: after[what], new: Math.max(0, after[what] - before[what]) })
  const newTransactions = added('transactions').new
  return {
    files: parts.files,
    packets: sensor.packets,
    transactions: {
      seen: sensor.transactions,
      new: newTransactions,
      alreadyKnown: Math.max(0, sensor.transactions - newTransactions),
    },
    endpoints: added('endpoints'),
    findings: added('findings'),
    decisions: added('decisions'),
    notVisible: Object.fromEntries(Object.entries(parts.notVisible).filter(([, value]) => value > 0)),
    ofNoEndpoint: parts.ofNoEndpoint ?? {},
    tunnels: Object.fromEntries(Object.entries(parts.tunnels ?? {}).filter(([, value]) => value > 0)),
    ...(parts.tls === undefined || parts.tls.servers.length === 0 ? {} : { tls: parts.tls }),
    deadLetters: parts.deadLetters,
    seconds: parts.seconds,
    faults: parts.faults,
  }
}

export interface SummaryOptions extends Pick<CommonFlags, 'store' | 'config'> {
  readonly json?: boolean
}

export function printSummary(output: Output, summary: TrafficSummary, flags: SummaryOptions): void {
  if (flags.json === true) {
    output.out(JSON.stringify(summary))
    return
  }
  const { transactions } = summary
  const known = transactions.alreadyKnown === 0 ? '' : `, ${count(transactions.alreadyKnown)} already known`
  const perSecond = summary.seconds > 0 ? Math.round(transactions.seen / summary.seconds) : 0
  const total = ({ total, new: added }: { readonly total: number; readonly new: number }) =>
    `${count(total)} (${count(added)} new)`
  output.out(
    properties(output, [
      ['packets', count(summary.packets)],
      ...tunnelLines(summary),
      ['transactions', `${count(transactions.seen)} (${count(transactions.new)} new${known})`],
      ['endpoints', total(summary.endpoints)],
      ...noEndpointLines(summary),
      ['findings', total(summary.findings)],
      ['decisions', total(summary.decisions)],
      ['not visible', notVisible(summary)],
      ...tlsLines(summary),
      ...(summary.deadLetters > 0 ? [['set aside', counted(summary.deadLetters, 'record')] as const] : []),
      ['time', `${summary.seconds.toFixed(1)} s, ${count(perSecond)} transactions/s`],
    ]),
  )
  output.out(`\n${nextStep(summary, flags)}`)
}

function noEndpointLines({ ofNoEndpoint }: TrafficSummary): (readonly [string, string])[] {
  const parts = Object.entries(ofNoEndpoint).map(([reason, value]) => `${harmless(reason)} ${count(value)}`)
  return parts.length === 0 ? [] : [['no endpoint', parts.join(', ')]]
}

function tunnelLines({ tunnels }: TrafficSummary): (readonly [string, string])[] {
  const parts = Object.entries(tunnels).map(([name, value]) => `${harmless(name)} ${counted(value, 'frame')}`)
  return parts.length === 0 ? [] : [['tunnels', parts.join(', ')]]
}

const tlsServersShownMaxCount = 3

/** How much of TLS stayed closed, and where most of it. */
function tlsLines({ tls }: TrafficSummary): (readonly [string, string])[] {
  if (tls === undefined) return []
  const share = (part: number, whole: number) => `${whole === 0 ? 0 : Math.round((100 * part) / whole)} %`
  const closed = tls.servers.filter(({ server, undecryptedBytes }) => server !== '' && undecryptedBytes > 0)
  const named = closed.slice(0, tlsServersShownMaxCount).map(({ server, serverName, bytes, undecryptedBytes }) => {
    const name = serverName === '' ? '' : ` (${harmless(serverName)})`
    return `${harmless(server)}${name} ${share(undecryptedBytes, bytes)}`
  })
  const more = closed.length > named.length ? ', …' : ''
  const where = named.length === 0 ? '' : `: ${named.join(', ')}${more}`
  const lines: (readonly [string, string])[] = [
    ['TLS not decrypted', `${share(tls.undecryptedBytes, tls.bytes)} of ${count(tls.bytes)} bytes${where}`],
  ]
  const { keyLog } = tls
  if (keyLog === undefined) return lines
  const malformed = keyLog.malformedCount === 0 ? '' : `, ${counted(keyLog.malformedCount, 'malformed line')}`
  return [...lines, ['TLS key log', `secrets of ${counted(keyLog.connectionCount, 'connection')}${malformed}`]]
}

function notVisible(summary: TrafficSummary): string {
  const parts = Object.entries(summary.notVisible).map(([what, value]) => `${harmless(what)} ${count(value)}`)
  return parts.length === 0 ? 'nothing was hidden' : parts.join(', ')
}

/** What the catalog admits as proof, said the other way round. For a person who sees HTTP and no endpoint. */
export const provesNoEndpoint =
  'static files and pages (without an API token), errors, redirects, HEAD and OPTIONS, and requests without an answer prove none'

/** About this run first: what the store held before says nothing of a capture without HTTP. */
function nextStep(summary: TrafficSummary, flags: SummaryOptions): string {
  if (summary.transactions.seen === 0)
    return 'No HTTP was seen. Is it encrypted (--tls-keylog opens TLS), or is the capture of something else?'
  if (summary.findings.total > 0) return `Next: ${pastable(flags, 'findings')}`
  if (summary.endpoints.total > 0) return `Next: ${pastable(flags, 'endpoints')}`
  return `No endpoints: ${provesNoEndpoint}. Next: ${pastable(flags, 'query "SELECT * FROM v_transactions"')}`
}
