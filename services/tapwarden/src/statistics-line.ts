/** What the sensor saw between two looks at its totals: as one line for people, as one object for scripts. Pure. */

import type { CaptureStatistics } from '@tapwarden/service-capture/capture-statistics'
import { count, harmless } from './output.js'

/** Growth over `seconds`, except where it says otherwise. */
export interface CaptureInterval {
  readonly seconds: number
  readonly packets: number
  readonly bits: number
  readonly transactions: number
  /** Begun; and open at the end of it. */
  readonly flows: { readonly begun: number; readonly open: number }
  readonly drops: CaptureStatistics['drops']
  /** Transactions that others stand for, and the state that the sensor is in. */
  readonly sampledOut: number
  readonly overloadState: CaptureStatistics['overloadState']
  readonly missedBytes: number
  readonly opaqueBytes: number
  readonly source: Readonly<Record<string, number>>
  readonly tls: {
    readonly bytes: number
    readonly undecryptedBytes: number
    /** Since the start, those with most that could not be read first. */
    readonly servers: readonly {
      readonly server: string
      readonly serverName: string
      readonly bytes: number
      readonly undecryptedRatio: number
    }[]
  }
}

/** `before` is undefined for all since the start. */
export function intervalBetween(
  before: CaptureStatistics | undefined,
  now: CaptureStatistics,
  seconds: number,
): CaptureInterval {
  const grown = (value: (at: CaptureStatistics) => number): number =>
    value(now) - (before === undefined ? 0 : value(before))
  return {
    seconds,
    packets: grown((at) => at.packetCount),
    bits: grown((at) => at.bytes) * 8,
    transactions: grown((at) => at.transactionCount),
    flows: { begun: grown((at) => at.flowCount), open: now.openFlowCount },
    drops: {
      kernel: grown((at) => at.drops.kernel),
      queue: grown((at) => at.drops.queue),
      limit: grown((at) => at.drops.limit),
    },
    sampledOut: grown((at) => at.sampledOutCount),
    overloadState: now.overloadState,
    missedBytes: grown((at) => at.missedBytes),
    opaqueBytes: grown((at) => at.opaqueBytes),
    source: grownRecord(before?.source ?? {}, now.source),
    tls: {
      bytes: grown((at) => at.tls.bytes),
      undecryptedBytes: grown((at) => at.tls.undecryptedBytes),
      servers: now.tls.servers.map(({ server, serverName, bytes, undecryptedBytes }) => ({
        server,
        serverName,
        bytes,
        undecryptedRatio: ratio(undecryptedBytes, bytes),
      })),
    },
  }
}

/** What is zero and mostly is, gaps and TLS, is left out; drops are not, since their absence is what one looks for. */
export function intervalLine(interval: CaptureInterval): string {
  const { seconds, packets, bits, transactions, flows, drops, missedBytes, source, tls, sampledOut, overloadState } =
    interval
  const perSecond = (value: number): string => count(Math.round(value / Math.max(seconds, 0.001)))
  const parts = [
    `${perSecond(packets)} packets/s`,
    `${scaledBits(bits / Math.max(seconds, 0.001))}/s`,
    `${perSecond(transactions)} transactions/s`,
    `flows ${count(flows.begun)} new, ${count(flows.open)} open`,
    `dropped ${count(drops.kernel)} by the kernel, ${count(drops.queue)} by the queue, ${count(drops.limit)} by limits`,
    ...(overloadState === 'calm' && sampledOut === 0
      ? []
      : [`${overloadState}: ${count(sampledOut)} transactions left out, others stand for them`]),
  ]
  if (missedBytes > 0) parts.push(`${count(missedBytes)} bytes missed`)
  for (const [fault, times] of Object.entries(source)) parts.push(`${fault} ${count(times)}`)
  if (tls.servers.length > 0) parts.push(`TLS unread ${tls.servers.slice(0, 3).map(serverShare).join(', ')}`)
  return harmless(parts.join(' · '))
}

function serverShare({ server, serverName, undecryptedRatio }: CaptureInterval['tls']['servers'][number]): string {
  const name = serverName !== '' ? serverName : server !== '' ? server : 'others'
  return `${name} ${Math.round(undecryptedRatio * 100)} %`
}

function grownRecord(
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown = Object.entries(now).map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
  return Object.fromEntries(grown.filter(([, value]) => value > 0))
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1_000) / 1_000
}

/** Three digits at least, as networks count: in thousands. */
function scaledBits(bits: number): string {
  const units = ['bit', 'kbit', 'Mbit', 'Gbit', 'Tbit']
  let [value, unit] = [bits, 0]
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
