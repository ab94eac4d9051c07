/** What a running sensor can say of itself at any time: totals since its start, for people, for /metrics. Plain values. */

import type { OverloadState } from '@tapwarden/contracts/sensor-interval'
import type { FrameSourceStatistics } from './sources/frame-source.js'
import type { TlsServerShare } from './tls/tls-servers.js'
import type { ReaderStatistics } from './transaction-reader.js'

export interface CaptureStatistics {
  /** Capture clock of the newest frame, µs; 0 before the first. */
  readonly observedAtUs: number
  readonly packetCount: number
  /** Bytes of frames, as captured. */
  readonly bytes: number
  readonly transactionCount: number
  readonly flowCount: number
  readonly openFlowCount: number
  /** Bytes that connections carried and the sensor never saw. */
  readonly missedBytes: number
  readonly opaqueBytes: number
  /** What was lost, by who let go of it. */
  readonly drops: {
    /** Packets: we were too slow. */
    readonly kernel: number
    /** Transactions: the bus was. */
    readonly queue: number
    /** Connections, requests and contents that a limit left no room for. */
    readonly limit: number
  }
  /** Transactions that others stand for, by their weight. */
  readonly sampledOutCount: number
  readonly overloadState: OverloadState
  /** What went wrong with the source, by name; a restart is a gap. */
  readonly source: Readonly<Record<string, number>>
  readonly tls: {
    readonly bytes: number
    readonly undecryptedBytes: number
    /** Those with most bytes that could not be read first. */
    readonly servers: readonly TlsServerShare[]
  }
}

/** Enough for a person; /metrics has the sum. */
const serversShownMaxCount = 10

export function captureStatistics(parts: {
  readonly observedAtUs: number
  readonly packetCount: number
  readonly bytes: number
  readonly shedCount: number
  readonly sampledOutCount: number
  readonly overloadState: OverloadState
  readonly reader: ReaderStatistics
  readonly source: FrameSourceStatistics
}): CaptureStatistics {
  const { flows, http, tls } = parts.reader
  const total = tls.servers.total()
  return {
    observedAtUs: parts.observedAtUs,
    packetCount: parts.packetCount,
    bytes: parts.bytes,
    transactionCount: http.transactionCount,
    flowCount: flows.openedFlowCount,
    openFlowCount: flows.flowCount,
    missedBytes: flows.missedBytes,
    opaqueBytes: http.opaqueBytes,
    drops: {
      kernel: parts.source.kernelDroppedCount,
      queue: parts.shedCount,
      limit: flows.evictedFlowCount + http.pendingOverflowCount + http.bufferOverflowCount,
    },
    sampledOutCount: parts.sampledOutCount,
    overloadState: parts.overloadState,
    source: Object.fromEntries(parts.source.oddities ?? []),
    tls: {
      bytes: total.bytes,
      undecryptedBytes: total.undecryptedBytes,
      servers: tls.servers.top(serversShownMaxCount),
    },
  }
}
